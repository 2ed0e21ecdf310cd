"""A clock that can leap, for what takes time and must not take any of the tests'."""

from __future__ import annotations

import asyncio
import time

import pytest


class Clock:
    """The monotonic clock of the process and of the running loop, ahead by what it leapt."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._ahead_s = 0.0
        now = time.monotonic
        patch.setattr(time, "monotonic", lambda: now() + self._ahead_s)
        patch.setattr(asyncio.get_running_loop(), "time", time.monotonic)

    def leap(self, by_s: float) -> None:
        self._ahead_s += by_s
