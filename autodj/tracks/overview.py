"""The picture of a whole track in 300 bytes, small enough to come with a row of a list."""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Sequence
from itertools import pairwise

from autodj.audio.facts import Waveform

POINTS = 100
_FULL_SCALE = 255


def overview(waveform: Waveform) -> str | None:
    """Effective values of the low, the middle and the high band in a hundred parts of the track,
    one band after the other, as bytes in base64; the loudest is 255. None without any sound.
    """
    bands = [_effective(band) for band in (waveform.low, waveform.mid, waveform.high)]
    loudest = max((max(band, default=0.0) for band in bands), default=0.0)
    if loudest == 0:
        return None
    values = [round(value * _FULL_SCALE / loudest) for band in bands for value in band]
    return b64encode(bytes(values)).decode()


def _effective(band: Sequence[int]) -> list[float]:
    if not band:
        return [0.0] * POINTS
    edges = [len(band) * part // POINTS for part in range(POINTS + 1)]
    parts = [band[start : max(start + 1, stop)] for start, stop in pairwise(edges)]
    return [math.sqrt(sum(value * value for value in part) / len(part)) for part in parts]
