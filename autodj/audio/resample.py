"""Decoded frames as blocks of floats at one rate and layout, whatever the file does."""

from __future__ import annotations

from collections.abc import Iterator

import av
import numpy as np

from autodj.audio.frames import Floats

_BLOCK_SAMPLES = 32768


class BlockResampler:
    """Turns frames into ``[channels, samples]`` blocks.

    A file that changes its rate or layout midway gets a new converter from there on.
    """

    def __init__(self, rate_hz: int, channels: int) -> None:
        self._rate_hz = rate_hz
        self._layout = "mono" if channels == 1 else "stereo"
        self._shape: tuple[object, ...] = ()
        self._converter: av.AudioResampler | None = None

    def push(self, frame: av.AudioFrame) -> Iterator[Floats]:
        """Blocks complete with this frame."""
        shape = (frame.format.name, frame.layout.name, frame.sample_rate)
        if shape != self._shape:
            yield from self.finish()
            self._shape = shape
            self._converter = av.AudioResampler(
                format="fltp", layout=self._layout, rate=self._rate_hz, frame_size=_BLOCK_SAMPLES
            )
        yield from self._blocks(frame)

    def finish(self) -> Iterator[Floats]:
        """What is left."""
        if self._converter is not None:
            yield from self._blocks(None)
            self._converter = None

    def _blocks(self, frame: av.AudioFrame | None) -> Iterator[Floats]:
        assert self._converter is not None
        if frame is not None:
            # Time stamps with gaps would have the converter invent or drop samples.
            frame.pts = None
        for block in self._converter.resample(frame):
            yield np.ascontiguousarray(block.to_ndarray(), np.float32)
