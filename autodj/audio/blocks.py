"""Decoded frames gathered into blocks of floats, at the source's own rate and layout."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

import av
import numpy as np
from numpy.typing import DTypeLike

from autodj.audio.frames import Floats
from autodj.audio.resample import BlockResampler

# Half as many cost a twentieth more time, for each block is hundreds of calls; twice as many save
# nothing more.
BLOCK_SAMPLES = 262144
# Whole numbers of 32 bits that somebody stored as floats; a million times that overflows.
_LOUDEST = 2.0**31
# What full scale is in each format that only has to be copied.
_FULL_SCALE: dict[str, tuple[DTypeLike, float]] = {
    "fltp": (np.float32, 1.0),
    "flt": (np.float32, 1.0),
    "s16p": (np.int16, 2.0**15),
    "s16": (np.int16, 2.0**15),
    "s32p": (np.int32, 2.0**31),
    "s32": (np.int32, 2.0**31),
}


def source_blocks(frames: Iterable[av.AudioFrame], rate_hz: int, channels: int) -> Iterator[Floats]:
    """All samples of ``frames`` as ``[channels, samples]`` blocks at ``rate_hz``.

    Blocks of frames as they are have ``BLOCK_SAMPLES``, only the last one fewer, so that what is
    cut into lines of a power of two never has to be joined to what came before. Frames of that
    rate and layout are copied as they are. From the first one that is not, a converter makes it
    so. What is no number counts as silence.
    """
    for block in _blocks(frames, rate_hz, channels):
        loudest = max(block.max(initial=0.0), -block.min(initial=0.0))
        # Not "greater": no comparison with what is no number holds.
        is_sound = loudest <= _LOUDEST
        yield block if is_sound else np.clip(np.nan_to_num(block), -_LOUDEST, _LOUDEST)


def _blocks(frames: Iterable[av.AudioFrame], rate_hz: int, channels: int) -> Iterator[Floats]:
    coming = iter(frames)
    first = next(coming, None)
    if first is None:
        return
    layout = "mono" if channels == 1 else "stereo"
    is_plain = first.format.name in _FULL_SCALE and first.layout.name == layout
    shape = (first.format.name, channels, rate_hz)
    block = _Block(first.format, channels) if is_plain else None
    frame: av.AudioFrame | None = first
    while block is not None and frame is not None and _shape(frame) == shape:
        put = block.put(frame, 0)
        while block.is_full:
            yield from block.taken()
            put += block.put(frame, put)
        frame = next(coming, None)
    if block is not None:
        yield from block.taken()
    if frame is not None:
        yield from _converted(chain([frame], coming), rate_hz, channels)


def _shape(frame: av.AudioFrame) -> tuple[str, int, int]:
    return frame.format.name, frame.layout.nb_channels, frame.sample_rate


def _converted(frames: Iterable[av.AudioFrame], rate_hz: int, channels: int) -> Iterator[Floats]:
    resampler = BlockResampler(rate_hz, channels)
    for frame in frames:
        yield from resampler.push(frame)
    yield from resampler.finish()


class _Block:
    """Room for many frames of one format, which decoders hand out a thousand samples long.

    Their bytes are gathered as they are, because that is far quicker than an array a frame.
    """

    def __init__(self, form: av.AudioFormat, channels: int) -> None:
        kind, self._full_scale = _FULL_SCALE[form.name]
        self._kind = np.dtype(kind)
        self._channels = channels
        self._planes = channels if form.is_planar else 1
        self._sample_bytes = self._kind.itemsize * channels // self._planes
        self._make_room()

    @property
    def is_full(self) -> bool:
        return self._filled == BLOCK_SAMPLES

    def put(self, frame: av.AudioFrame, first: int) -> int:
        """Append the samples of ``frame`` from ``first`` on, as many as there is room for; how
        many those are.
        """
        width = self._sample_bytes
        count = min(frame.samples - first, BLOCK_SAMPLES - self._filled)
        start, stop = self._filled * width, (self._filled + count) * width
        skipped = first * width
        for row, plane in zip(self._rows, frame.planes, strict=True):
            is_whole = plane.buffer_size == stop - start
            row[start:stop] = plane if is_whole else memoryview(plane)[skipped:][: stop - start]
        self._filled += count
        return count

    def taken(self) -> Iterator[Floats]:
        """What is there, if anything; the block is empty afterwards."""
        if self._filled:
            stored = self._stored[:, : self._filled]
            samples = stored.transpose(0, 2, 1).reshape(self._channels, self._filled)
            self._make_room()
            # A plane of floats is what is wanted already; all else is copied in its order.
            if self._kind != np.float32 or self._planes < self._channels:
                samples = np.multiply(samples, 1 / self._full_scale, dtype=np.float32, order="C")
            yield samples

    def _make_room(self) -> None:
        self._filled = 0
        width = self._channels // self._planes
        self._stored = np.empty((self._planes, BLOCK_SAMPLES, width), self._kind)
        self._rows = [memoryview(row).cast("B") for row in self._stored]
