"""Work told step by step: a spinner while it runs, a line with its time when it is done."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.status import Status
from rich.text import Text

TITLE_WIDTH = 22
LEAST_WORTH_TELLING_S = 0.05


class Steps:
    """Tells one step after the other."""

    def __init__(self, out: Console) -> None:
        self.out = out
        self._status: Status | None = None

    @contextmanager
    def step(self, title: str, about: str = "") -> Iterator[None]:
        """The block is one step; a fault leaves a red line and goes on upwards."""
        began_s = time.monotonic()
        self._status = self.out.status(f"{title}")
        try:
            with self._status:
                yield
        except Exception:
            self.out.print(_line("✗", "red", title, "", None))
            raise
        finally:
            self._status = None
        self.out.print(_line("✓", "green", title, about, time.monotonic() - began_s))

    def say(self, text: str) -> None:
        """A remark of a part: beside the spinner while there is one, else a line."""
        if self._status is not None and self.out.is_terminal:
            self._status.update(text)
        elif not text.startswith("waiting"):
            self.out.print(Text(text, style="dim"), soft_wrap=True)


def _line(sign: str, style: str, title: str, about: str, took_s: float | None) -> Text:
    told = took_s is not None and took_s >= LEAST_WORTH_TELLING_S
    return Text.assemble(
        (f"{sign} ", style),
        f"{title:<{TITLE_WIDTH}}",
        (f"{took_s:6.1f} s" if told else " " * 8, "dim"),
        (f"   {about}" if about else "", "dim"),
    )
