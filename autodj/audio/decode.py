"""Open one audio file with every door but its own shut, and count what it decodes to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import av
from av.audio.codeccontext import AudioCodecContext
from av.audio.stream import AudioStream
from av.codec.context import Flags2
from av.container import InputContainer
from av.stream import Disposition

from autodj.audio.claims import Claim, claim
from autodj.audio.facts import DecodeLimits
from autodj.audio.identify import CAF, M4A, Container
from autodj.audio.tag_bounds import check_tags
from autodj.errors import AudioRejected, UnsupportedMedia

CODECS = frozenset(
    ["mp3", "mp3float", "flac", "aac", "alac", "vorbis", "opus", "libopus", "wavpack"]
    + [f"pcm_{kind}" for kind in ("u8", "s8", "s16le", "s24le", "s32le", "f32le", "f64le")]
    + [f"pcm_{kind}" for kind in ("s16be", "s24be", "s32be", "f32be", "f64be")]
    + ["pcm_alaw", "pcm_mulaw"]
)
_SURE_FOOTING_S = 1.0
# Frame counts include the silence that coders add in front and behind.
_PADDING_S = 0.1


@contextmanager
def open_decoder(file: BinaryIO, container: Container, limits: DecodeLimits) -> Iterator[Decoder]:
    """The decoder for the first audio stream of ``file``.

    AudioRejected for what the header already rules out, UnsupportedMedia for a codec that is
    not in ``CODECS``. Neither the demuxer nor the decoder is chosen by the file: lists of
    what may be opened keep playlists, nested protocols and rare codecs out.
    """
    stated = claim(file, container, limits.max_tag_bytes)
    check_tags(file, container, limits.max_tag_bytes)
    _check_shape(stated.sample_rate_hz, stated.channels, limits)
    file.seek(0)
    options = {
        "format_whitelist": container.demuxer,
        "codec_whitelist": ",".join(sorted(CODECS)),
        "protocol_whitelist": "none",
        "probesize": "1000000",
        "analyzeduration": "5000000",
    }
    try:
        source = av.open(
            _Nameless(file),
            "r",
            format=container.demuxer,
            options=options,
            metadata_errors="replace",
        )
    except av.FFmpegError as error:
        raise AudioRejected(f"The file cannot be opened: {error.strerror}.") from error
    with source:
        stream = _audio_stream(source)
        _prepare(stream, container)
        yield Decoder(source, stream, _claimed_s(stated, stream, container), limits)


class Decoder:
    """One stream being decoded. ``decoded_s`` grows with every frame that is handed out."""

    def __init__(
        self,
        source: InputContainer,
        stream: AudioStream,
        claimed_s: float | None,
        limits: DecodeLimits,
    ) -> None:
        _check_shape(stream.codec_context.sample_rate, stream.codec_context.channels, limits)
        self.source = source
        self.stream = stream
        self.sample_rate_hz = stream.codec_context.sample_rate
        self.channels = stream.codec_context.channels
        self.codec = stream.codec_context.codec.canonical_name
        self.decoded_s = 0.0
        self.audio_bytes = 0
        self._claimed_s = claimed_s
        self._limits = limits
        self._packets = 0
        self._damaged = 0

    @property
    def has_picture(self) -> bool:
        return any(
            stream.disposition & Disposition.attached_pic for stream in self.source.streams.video
        )

    def frames(self) -> Iterator[av.AudioFrame]:
        """Every decoded frame, in the codec's own format.

        AudioRejected ``too_long`` as soon as the limit is passed; at the end ``no_audio``,
        ``truncated`` or ``undecodable`` when the file did not hold what it should.
        """
        shape = None
        for packet in self._demuxed():
            for frame in self._decoded(packet):
                rate_hz, channels = frame.sample_rate, frame.layout.nb_channels
                if shape != (rate_hz, channels):
                    _check_shape(rate_hz, channels, self._limits)
                    shape = (rate_hz, channels)
                self.decoded_s += frame.samples / rate_hz
                if self.decoded_s > self._limits.max_duration_s:
                    raise AudioRejected(
                        f"The audio is longer than {self._limits.max_duration_s:.0f} s.",
                        code="too_long",
                    )
                yield frame
        self._check_complete()

    @property
    def position(self) -> float:
        """How much of the expected length is decoded, 0 to 1; 0 when nothing is known."""
        expected_s = self._claimed_s or _demuxer_duration_s(self.stream)
        return min(1.0, self.decoded_s / expected_s) if expected_s else 0.0

    def _demuxed(self) -> Iterator[av.Packet[AudioStream]]:
        packets = self.source.demux(self.stream)
        while True:
            try:
                packet = next(packets, None)
            except av.FFmpegError:
                # The demuxer cannot go on; whether enough was there is judged at the end. Behind
                # all that the file says it holds, it has met a tag or padding.
                if not self._holds_its_claim:
                    self._damage()
                return
            if packet is None:
                return
            self._packets += 1
            self.audio_bytes += packet.size
            yield packet

    def _decoded(self, packet: av.Packet[AudioStream]) -> list[av.AudioFrame]:
        try:
            return packet.decode()
        except av.FFmpegError:
            self._damage()
            return []

    def _damage(self) -> None:
        self._damaged += 1
        if self.decoded_s < _SURE_FOOTING_S:
            raise AudioRejected("The audio is damaged from the start.")

    @property
    def _holds_its_claim(self) -> bool:
        """Whether as much is decoded as the file commits itself to; False where it does not."""
        if not self._claimed_s:
            return False
        return self.decoded_s >= self._limits.min_decoded_share * self._claimed_s - _PADDING_S

    def _check_complete(self) -> None:
        if self.decoded_s == 0.0:
            raise AudioRejected("The file holds no audio.", code="no_audio")
        if self._claimed_s and not self._holds_its_claim:
            raise AudioRejected(
                f"The file should last {self._claimed_s:.1f} s but ends after "
                f"{self.decoded_s:.1f} s.",
                code="truncated",
            )
        if self._damaged > (1 - self._limits.min_decoded_share) * self._packets:
            raise AudioRejected("Too much of the audio is damaged.")


class _Nameless:
    """A file without a name, so that nothing inside it can be resolved against one."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.read = file.read
        self.tell = file.tell

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """The new position, or -1 for one that no file has; the demuxer knows what that means."""
        try:
            return self._file.seek(offset, whence)
        except OSError:
            return -1


def _audio_stream(source: InputContainer) -> AudioStream:
    if not source.streams.audio:
        raise AudioRejected("The file holds no audio.", code="no_audio")
    stream = source.streams.audio[0]
    # PyAV leaves it out, against its own annotation, where FFmpeg has no decoder at all.
    coder: AudioCodecContext | None = stream.codec_context
    if coder is None:
        raise AudioRejected("The audio is coded in no way that is known.")
    if coder.name not in CODECS:
        raise UnsupportedMedia(f"Audio coded as {coder.name} is not taken.")
    return stream


def _prepare(stream: AudioStream, container: Container) -> None:
    coder = stream.codec_context
    # A confined child may start no thread, and WavPack's decoder would.
    coder.thread_count = 1
    if container == CAF and coder.name == "alac":
        # The demuxer would have a last block shortened that is short already.
        coder.flags2 |= Flags2.skip_manual


def _claimed_s(stated: Claim, stream: AudioStream, container: Container) -> float | None:
    """What the file commits itself to. Of the demuxer's durations only MP4's is a statement;
    the others are guesses from the bit rate, or the very bytes that would be missing.
    """
    return _demuxer_duration_s(stream) if container == M4A else stated.duration_s


def _demuxer_duration_s(stream: AudioStream) -> float | None:
    if stream.duration is None or stream.time_base is None:
        return None
    return float(stream.duration * stream.time_base)


def _check_shape(rate_hz: int | None, channels: int | None, limits: DecodeLimits) -> None:
    if channels is not None and not 1 <= channels <= limits.max_channels:
        raise AudioRejected(
            f"{channels} channels; 1 to {limits.max_channels} are taken.", code="channels"
        )
    if rate_hz is not None and not limits.min_rate_hz <= rate_hz <= limits.max_rate_hz:
        raise AudioRejected(
            f"{rate_hz} samples a second; {limits.min_rate_hz} to {limits.max_rate_hz} are taken.",
            code="sample_rate",
        )
