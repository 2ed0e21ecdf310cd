"""Since when a store fails, as those see it who ask it for something anyway."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Health:
    """``failing_since`` is the first failure after the last success; None while all is well.

    That something is not there, or was refused for what it is, is an answer of a store in order.
    """

    clock: Callable[[], datetime] = _now
    failing_since: datetime | None = None

    def succeeded(self) -> None:
        self.failing_since = None

    def failed(self) -> None:
        self.failing_since = self.failing_since or self.clock()
