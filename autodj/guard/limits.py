"""How much, how long and how slow a client may be."""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """All of one connection, but for ``max_connections``, which is of the process.

    Waiting that is our own doing (a handler that does not read yet, a body not asked for yet)
    is never held against the client.
    """

    header_s: float = 10.0
    """From the first moment, or from the first byte of a later request, to the blank line."""
    max_header_bytes: int = 32 * KIB
    max_headers: int = 100
    max_target_bytes: int = 8 * KIB
    max_pipelined: int = 16
    """Requests sent ahead while another is being answered."""
    body_idle_s: float = 20.0
    body_total_s: float = 900.0
    body_bytes_per_s: int = 8 * KIB
    """On average, once ``average_after_s`` have passed."""
    write_stall_s: float = 30.0
    """Without the client having taken a byte that waits for it."""
    write_bytes_per_s: int = 1 * KIB
    """On average while bytes wait, once ``average_after_s`` have passed; a paused player takes
    nothing, a playing one far more.
    """
    average_after_s: float = 30.0
    linger_s: float = 2.0
    """How long the rest of a refused request is read, so that the refusal arrives."""
    linger_bytes: int = 16 * KIB * KIB
    """How much of it: more than is under way to a fast client when it hears of the refusal."""
    max_connections: int = 2000

    @property
    def tick_s(self) -> float:
        """How often connections are looked at: no limit is overrun by more."""
        shortest_s = min(
            self.header_s,
            self.body_idle_s,
            self.write_stall_s,
            self.average_after_s,
            self.linger_s,
        )
        return min(1.0, shortest_s / 4)
