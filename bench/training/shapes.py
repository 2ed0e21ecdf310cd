"""The arrays of the network, by the names that the product reads."""

from __future__ import annotations

BANDS, CHANNELS, BLOCKS, TAPS, TEMPI = 48, 32, 8, 5, 60


def shapes() -> dict[str, tuple[int, ...]]:
    """Name and shape of every array; convolutions are ``[taps, in, out]``."""
    named: dict[str, tuple[int, ...]] = {
        "enter.weight": (TAPS, 2 * BANDS, CHANNELS),
        "enter.bias": (CHANNELS,),
        "leave.weight": (CHANNELS, 2),
        "leave.bias": (2,),
        "tempo.weight": (BLOCKS * CHANNELS, TEMPI),
        "tempo.bias": (TEMPI,),
    }
    for block in range(BLOCKS):
        named |= {
            f"turn.{block}.weight": (TAPS, CHANNELS, 2 * CHANNELS),
            f"turn.{block}.bias": (2 * CHANNELS,),
            f"mix.{block}.weight": (CHANNELS, CHANNELS),
            f"mix.{block}.bias": (CHANNELS,),
        }
    return named
