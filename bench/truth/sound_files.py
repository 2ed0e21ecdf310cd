"""Sound files of any kind as samples."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

from autodj.audio.frames import Floats
from autodj.audio.resample import BlockResampler
from bench.truth.piece import RATE_HZ


def read_sound(path: Path, *, rate_hz: int = RATE_HZ, channels: int = 2) -> Floats:
    """Float32 ``[channels, n]``, however the file is kept."""
    resampler = BlockResampler(rate_hz, channels)
    with av.open(path, metadata_errors="replace") as source:
        blocks = [
            block
            for frame in source.decode(source.streams.audio[0])
            for block in resampler.push(frame)
        ]
    blocks += resampler.finish()
    return np.concatenate([np.zeros((channels, 0), np.float32), *blocks], axis=1)
