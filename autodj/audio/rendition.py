"""Make one rendition of an opened file: another container around the same coded audio, or
decoded and coded anew. Memory does not grow with the length.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO, cast

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer

from autodj.audio.decode import Decoder, open_decoder
from autodj.audio.descriptors import DescriptorFile
from autodj.audio.facts import DecodeLimits
from autodj.audio.identify import BY_EXTENSION, Container
from autodj.audio.recipes import Made, Recipe
from autodj.audio.rendition_offset import Excerpt, excerpt, find
from autodj.errors import AudioRejected

_PROGRESS_STEP = 0.01
_CODED_SHARE = 0.97
_FADE_IN_S, _FADE_OUT_S = 0.25, 1.0
_LOSS_S = 0.2
_WORD_LOW_BITS = 0xFF


@dataclass(frozen=True, slots=True)
class _Target:
    """A muxer with its options, and the coder that fills it; no rates stand for any."""

    muxer: str
    encoder: str
    options: Mapping[str, str]
    rates_hz: Collection[int] = ()


_RATES_HZ = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_TARGETS = {
    # The index goes in front of the audio, and no time or version of anything into the file.
    "m4a": _Target("mp4", "aac", {"movflags": "+faststart", "fflags": "+bitexact"}, _RATES_HZ),
    "mp3": _Target("mp3", "libmp3lame", {"id3v2_version": "0"}, _RATES_HZ),
    "flac": _Target("flac", "flac", {"fflags": "+bitexact"}),
}


def make_rendition(
    file: BinaryIO,
    container: Container,
    limits: DecodeLimits,
    recipe: Recipe,
    output_fd: int,
    on_progress: Callable[[float], None],
) -> Made | None:
    """Write the rendition to an empty file opened for reading and writing.

    None when it cannot be what its name says: samples that FLAC's 24 bits would cut are not
    kept without loss. Raises as ``open_decoder`` does, and OSError when there is no room.
    ``on_progress`` gets rising shares of 0 to 1.
    """
    if recipe.copied:
        duration_s = _copy(file, container, limits, recipe, output_fd)
        start_s = 0.0
    else:
        file.seek(0)
        with open_decoder(file, container, limits) as decoder:
            coding = _Coding(decoder, recipe, output_fd, on_progress)
            if not coding.run():
                return None
            start_s, duration_s = coding.start_s, coding.duration_s
    on_progress(_CODED_SHARE)
    sound = excerpt(file, container, limits, from_s=start_s + _FADE_IN_S * bool(start_s))
    made = _examined(sound, start_s, recipe, output_fd, limits)
    if abs(made.duration_s - duration_s) > _LOSS_S:
        raise AudioRejected(f"Of {duration_s:.1f} s only {made.duration_s:.1f} s came out.")
    on_progress(1.0)
    return made


def _examined(
    sound: Excerpt, start_s: float, recipe: Recipe, output_fd: int, limits: DecodeLimits
) -> Made:
    """What decoding the rendition to its end says of it."""
    file = cast("BinaryIO", DescriptorFile(output_fd))
    container = BY_EXTENSION[recipe.extension]
    with open_decoder(file, container, limits) as decoder:
        codec, rate_hz, channels = decoder.codec, decoder.sample_rate_hz, decoder.channels
    heard_s, duration_s = find(
        sound, file, container, limits, expected_s=max(0.0, sound.start_s - start_s)
    )
    size_bytes = file.seek(0, 2)
    return Made(
        codec=codec,
        sample_rate_hz=rate_hz,
        channels=channels,
        bit_rate_bps=round(size_bytes * 8 / duration_s),
        duration_s=round(duration_s, 6),
        start_offset_s=round(sound.start_s - heard_s if sound.samples.size else start_s, 6),
    )


def _copy(
    file: BinaryIO, container: Container, limits: DecodeLimits, recipe: Recipe, output_fd: int
) -> float:
    """Put the coded audio into another file; how many seconds of it there are."""
    file.seek(0)
    last_s = 0.0
    with (
        open_decoder(file, container, limits) as decoder,
        _sink(_TARGETS[recipe.extension], output_fd) as sink,
    ):
        stream = sink.add_stream_from_template(decoder.stream)
        for packet in decoder.source.demux(decoder.stream):
            if packet.dts is None:  # the sign of the end
                continue
            if packet.pts is not None and packet.duration is not None:
                last_s = max(last_s, float((packet.pts + packet.duration) * packet.time_base))
            packet.stream = stream
            sink.mux(packet)
    return last_s


class _Coding:
    """One original being decoded, cut, faded and coded."""

    def __init__(
        self,
        decoder: Decoder,
        recipe: Recipe,
        output_fd: int,
        on_progress: Callable[[float], None],
    ) -> None:
        self._decoder = decoder
        self._recipe = recipe
        self._target = _TARGETS[recipe.extension]
        self._output_fd = output_fd
        self._on_progress = on_progress
        self._reported = 0.0
        self._samples = 0
        self._shape: tuple[object, ...] = ()
        self._converter: av.AudioResampler | None = None
        self._rate_hz = _coded_rate(decoder.sample_rate_hz, self._target)
        self._format = "fltp"
        self._layout = "mono" if decoder.channels == 1 else "stereo"
        self.start_s = 0.0

    @property
    def duration_s(self) -> float:
        return self._samples / self._rate_hz

    def run(self) -> bool:
        """Whether it could be done without loss where that is asked."""
        frames = self._taken()
        first = next(frames, None)
        if first is None:
            raise AudioRejected("The file holds no audio.", code="no_audio")
        if self._target.encoder == "flac":
            if not first.format.name.startswith(("u8", "s16", "s32")):
                return False
            self._format = "s32" if first.format.name.startswith("s32") else "s16"
            self._layout = first.layout.name
        with _sink(self._target, self._output_fd) as sink:
            stream = self._stream(sink)
            for frame in _chained(first, frames):
                if self._format == "s32" and _uses_all_bits(frame):
                    return False
                for ready in self._converted(frame):
                    sink.mux(stream.encode(ready))
            for ready in self._rest():
                sink.mux(stream.encode(ready))
            sink.mux(stream.encode(None))
        return True

    def _taken(self) -> Iterator[av.AudioFrame]:
        """The frames between start and end, with progress told."""
        start_s = self._recipe.start_s
        length_s = self._recipe.length_s
        taken = False
        for frame in self._decoder.frames():
            at_s = self._decoder.decoded_s - frame.samples / frame.sample_rate
            if at_s < start_s:
                continue
            if not taken:
                self.start_s, taken = at_s, True
            yield frame
            if length_s is not None and self._decoder.decoded_s >= self.start_s + length_s:
                return
            self._tell(
                self._decoder.position
                if length_s is None
                else (self._decoder.decoded_s - self.start_s) / length_s
            )

    def _tell(self, share: float) -> None:
        share *= _CODED_SHARE
        if share >= self._reported + _PROGRESS_STEP:
            self._reported = share
            self._on_progress(round(share, 3))

    def _stream(self, sink: OutputContainer) -> AudioStream:
        stream = sink.add_stream(
            self._target.encoder,
            rate=self._rate_hz,
            layout=self._layout,
            format=self._format,
            options={"flags": "+bitexact"},
        )
        assert isinstance(stream, AudioStream)
        if self._recipe.bit_rate_bps is not None:
            stereo = self._layout == "stereo"
            stream.bit_rate = self._recipe.bit_rate_bps // (1 if stereo else 2)
        return stream

    def _converted(self, frame: av.AudioFrame) -> Iterator[av.AudioFrame]:
        shape = (frame.format.name, frame.layout.name, frame.sample_rate)
        if shape != self._shape:
            yield from self._rest()
            self._shape = shape
            self._converter = av.AudioResampler(
                format=self._format, layout=self._layout, rate=self._rate_hz
            )
        assert self._converter is not None
        # Time stamps with gaps would have the converter invent or drop samples.
        frame.pts = None
        yield from map(self._stamped, self._converter.resample(frame))

    def _rest(self) -> Iterator[av.AudioFrame]:
        if self._converter is not None:
            yield from map(self._stamped, self._converter.resample(None))
            self._converter = None

    def _stamped(self, frame: av.AudioFrame) -> av.AudioFrame:
        if self._recipe.length_s is not None:
            frame = _faded(frame, self._samples, round(self._recipe.length_s * self._rate_hz))
        frame.pts, frame.time_base = self._samples, Fraction(1, self._rate_hz)
        self._samples += frame.samples
        return frame


def _faded(frame: av.AudioFrame, at: int, length: int) -> av.AudioFrame:
    """The frame, whose first sample is number ``at``, with the ramps of a piece of ``length``."""
    rate_hz = frame.sample_rate
    numbers = np.arange(at, at + frame.samples)
    rising = numbers / (_FADE_IN_S * rate_hz)
    falling = (length - numbers) / (_FADE_OUT_S * rate_hz)
    gain = np.clip(np.minimum(rising, falling), 0, 1).astype(np.float32)
    if gain.min() == 1:
        return frame
    samples = np.ascontiguousarray(frame.to_ndarray() * gain, np.float32)
    faded = av.AudioFrame.from_ndarray(samples, format="fltp", layout=frame.layout.name)
    faded.sample_rate = rate_hz
    return faded


def _sink(target: _Target, output_fd: int) -> OutputContainer:
    return av.open(
        DescriptorFile(output_fd),
        "w",
        format=target.muxer,
        options=dict(target.options),
        # To move the index to the front the muxer reads what it has written.
        io_open=lambda _url, _flags, _options: DescriptorFile(output_fd),
    )


def _coded_rate(rate_hz: int, target: _Target) -> int:
    """The rate itself where the coder takes it, else one of the two that all players do."""
    if not target.rates_hz or rate_hz in target.rates_hz:
        return rate_hz
    return 48000 if rate_hz % 48000 == 0 else 44100


def _uses_all_bits(frame: av.AudioFrame) -> bool:
    """Whether 32-bit samples have anything in the lowest eight."""
    return bool(np.any(frame.to_ndarray().astype(np.int32) & _WORD_LOW_BITS))


def _chained(first: av.AudioFrame, others: Iterator[av.AudioFrame]) -> Iterator[av.AudioFrame]:
    yield first
    yield from others
