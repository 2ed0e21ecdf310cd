"""How large an object may be, and in how many pieces at a time one is read."""

from __future__ import annotations

from typing import Final

from autodj.errors import TooLarge

# The pieces share the line: whoever waits for one of them waits for as many.
RANGES_AT_ONCE: Final = 4


def check_size(size_bytes: int, max_bytes: int | None) -> None:
    """TooLarge above ``max_bytes``; None bounds nothing."""
    if max_bytes is not None and size_bytes > max_bytes:
        raise TooLarge(f"More than {max_bytes} bytes.")


def stricter(one: int | None, other: int | None) -> int | None:
    """The smaller of two bounds."""
    return min((each for each in (one, other) if each is not None), default=None)
