"""How long a client has kept one connection waiting."""

from __future__ import annotations

from dataclasses import dataclass

from autodj.guard.limits import Limits
from autodj.guard.refusals import (
    BODY_IDLE,
    BODY_SLOW,
    BODY_TOTAL,
    HEADERS_TOO_SLOW,
    SILENT,
    WRITE_SLOW,
    WRITE_STALL,
    Refusal,
)


@dataclass(slots=True)
class Receiving:
    """The request that is coming in: its head, then its body. Times are of the loop's clock."""

    head_since_s: float | None
    body_since_s: float | None = None
    body_bytes: int = 0
    last_byte_s: float = 0.0
    pending_bytes: int = 0
    """Came since the head began or a piece of the body ended: what the parser may be holding."""

    def head_began(self, now_s: float) -> None:
        if self.head_since_s is None:
            self.head_since_s = now_s
            self.pending_bytes = 0

    def head_ended(self, now_s: float) -> None:
        self.head_since_s = None
        self.body_since_s = self.last_byte_s = now_s
        self.body_bytes = self.pending_bytes = 0

    def body_came(self, count: int) -> None:
        self.body_bytes += count
        self.pending_bytes = 0

    def body_ended(self) -> None:
        self.body_since_s = None

    def came(self, count: int, now_s: float) -> None:
        """Some bytes have come, of whatever."""
        if self.body_since_s is None:
            self.head_began(now_s)
        else:
            self.last_byte_s = now_s
        self.pending_bytes += count

    def excuse(self, waited_s: float) -> None:
        """Take back time in which it was us who kept the client waiting."""
        self.last_byte_s += waited_s
        if self.head_since_s is not None:
            self.head_since_s += waited_s
        if self.body_since_s is not None:
            self.body_since_s += waited_s

    def overdue(self, limits: Limits, now_s: float) -> Refusal | None:
        if self.head_since_s is not None and now_s - self.head_since_s >= limits.header_s:
            return HEADERS_TOO_SLOW if self.pending_bytes else SILENT
        if self.body_since_s is None:
            return None
        if now_s - self.last_byte_s >= limits.body_idle_s:
            return BODY_IDLE
        took_s = now_s - self.body_since_s
        if took_s >= limits.body_total_s:
            return BODY_TOTAL
        if took_s >= limits.average_after_s and self.body_bytes < took_s * limits.body_bytes_per_s:
            return BODY_SLOW
        return None


@dataclass(slots=True)
class Sending:
    """The answer that is going out; ``written`` counts the bytes handed to the transport."""

    written: int = 0
    waiting_since_s: float | None = None
    taken_before: int = 0
    taken: int = 0
    last_taken_s: float = 0.0

    def look(self, waiting_bytes: int, now_s: float) -> None:
        """Note how many bytes wait for the client at this moment."""
        taken = self.written - waiting_bytes
        if waiting_bytes == 0:
            self.waiting_since_s = None
        elif self.waiting_since_s is None:
            self.waiting_since_s = self.last_taken_s = now_s
            self.taken_before = taken
        elif taken > self.taken:
            self.last_taken_s = now_s
        self.taken = taken

    def overdue(self, limits: Limits, now_s: float) -> Refusal | None:
        if self.waiting_since_s is None:
            return None
        if now_s - self.last_taken_s >= limits.write_stall_s:
            return WRITE_STALL
        took_s = now_s - self.waiting_since_s
        taken = self.taken - self.taken_before
        if took_s >= limits.average_after_s and taken < took_s * limits.write_bytes_per_s:
            return WRITE_SLOW
        return None
