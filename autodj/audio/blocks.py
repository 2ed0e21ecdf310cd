"""Decoded frames gathered into blocks of floats, at the source's own rate and layout."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

import av
import numpy as np
from numpy.lib.stride_tricks import as_strided

from autodj.audio.frames import Floats
from autodj.audio.resample import BlockResampler

# Half as many cost a twentieth more time, for each block is hundreds of calls; twice as many save
# nothing more.
BLOCK_SAMPLES = 262144
# Whole numbers of 32 bits that somebody stored as floats; a million times that overflows.
_LOUDEST = 2.0**31
# What full scale is in each format that only has to be copied.
_FULL_SCALE: dict[str, float] = {
    "fltp": 1.0,
    "flt": 1.0,
    "s16p": 2.0**15,
    "s16": 2.0**15,
    "s32p": 2.0**31,
    "s32": 2.0**31,
}


def source_blocks(frames: Iterable[av.AudioFrame], rate_hz: int, channels: int) -> Iterator[Floats]:
    """All samples of ``frames`` as ``[channels, samples]`` blocks at ``rate_hz``.

    Blocks of frames as they are have ``BLOCK_SAMPLES``, only the last one fewer, so that what is
    cut into lines of a power of two never has to be joined to what came before. Frames of that
    rate and layout are copied as they are. From the first one that is not, a converter makes it
    so. What is no number counts as silence.
    """
    for block in _blocks(frames, rate_hz, channels):
        # Nothing is louder than all together. Not "greater": no comparison with what is no
        # number holds.
        is_sound = np.vdot(block, block) <= _LOUDEST**2
        yield block if is_sound else np.clip(np.nan_to_num(block), -_LOUDEST, _LOUDEST)


def _blocks(frames: Iterable[av.AudioFrame], rate_hz: int, channels: int) -> Iterator[Floats]:
    coming = iter(frames)
    frame = next(coming, None)
    if frame is None:
        return
    layout = "mono" if channels == 1 else "stereo"
    is_plain = frame.format.name in _FULL_SCALE and frame.layout.name == layout
    shape = (frame.format.name, channels, rate_hz)
    gathered = av.AudioFifo()
    while is_plain and frame is not None and _shape(frame) == shape:
        # Time stamps with gaps would be refused.
        frame.pts = None
        gathered.write(frame)
        while block := gathered.read(BLOCK_SAMPLES):
            yield _floats(block)
        frame = next(coming, None)
    if rest := gathered.read():
        yield _floats(rest)
    if frame is not None:
        yield from _converted(chain([frame], coming), rate_hz, channels)


def _floats(block: av.AudioFrame) -> Floats:
    """Its samples ``[channels, samples]``, in that order in memory."""
    if block.format.name == "fltp":
        return _planes(block)
    stored = block.to_ndarray()
    if not block.format.is_planar:
        stored = stored.reshape(-1, block.layout.nb_channels).T
    full_scale = _FULL_SCALE[block.format.name]
    if full_scale != 1.0:
        stored = np.multiply(stored, 1 / full_scale, dtype=np.float32, order="C")
    return np.ascontiguousarray(stored, np.float32)


def _planes(block: av.AudioFrame) -> Floats:
    """The samples of mono or stereo where they are: its planes lie apart by the same distance."""
    first, last = block.planes[0], block.planes[-1]
    samples = np.frombuffer(memoryview(first), np.float32, block.samples)
    strides = (last.buffer_ptr - first.buffer_ptr, samples.itemsize)
    return as_strided(samples, (len(block.planes), block.samples), strides)


def _shape(frame: av.AudioFrame) -> tuple[str, int, int]:
    return frame.format.name, frame.layout.nb_channels, frame.sample_rate


def _converted(frames: Iterable[av.AudioFrame], rate_hz: int, channels: int) -> Iterator[Floats]:
    resampler = BlockResampler(rate_hz, channels)
    for frame in frames:
        yield from resampler.push(frame)
    yield from resampler.finish()
