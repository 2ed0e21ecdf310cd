"""Which kind of audio file this is, decided by its first bytes and never by its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from autodj.audio import id3, mpeg, wavpack
from autodj.errors import AudioRejected, UnsupportedMedia

SHORTEST_FILE_BYTES = 16
_OGG_PAGE_HEADER_BYTES = 27
_MPEG_SYNCS = (b"\xff\xfb", b"\xff\xfa", b"\xff\xf3", b"\xff\xf2", b"\xff\xe3", b"\xff\xe2")


@dataclass(frozen=True, slots=True)
class Container:
    """A kind of file: our word, the extension without a dot, the media type it is served
    with, and the only demuxer that may open it.
    """

    name: str
    extension: str
    content_type: str
    demuxer: str


MP3 = Container("MP3", "mp3", "audio/mpeg", "mp3")
FLAC = Container("FLAC", "flac", "audio/flac", "flac")
WAV = Container("WAV", "wav", "audio/wav", "wav")
AIFF = Container("AIFF", "aiff", "audio/aiff", "aiff")
OGG = Container("Ogg", "ogg", "audio/ogg", "ogg")
OPUS = Container("Ogg Opus", "opus", "audio/ogg", "ogg")
M4A = Container("MP4", "m4a", "audio/mp4", "mov")
AAC = Container("ADTS AAC", "aac", "audio/aac", "aac")
CAF = Container("CAF", "caf", "audio/x-caf", "caf")
WAVPACK = Container("WavPack", "wv", "audio/x-wavpack", "wv")

CONTAINERS = (MP3, FLAC, WAV, AIFF, OGG, OPUS, M4A, AAC, CAF, WAVPACK)
_STARTS = {
    WAV: ((b"RIFF", (b"WAVE",)), (b"RF64", (b"WAVE",))),
    AIFF: ((b"FORM", (b"AIFF", b"AIFC")),),
    CAF: ((b"caff\x00\x01\x00\x00", (b"desc",)),),
}
BY_EXTENSION = {container.extension: container for container in CONTAINERS}


def identify(path: Path) -> Container:
    """Name the kind of audio in ``path``.

    UnsupportedMedia for anything that is not audio of a known kind. AudioRejected for what
    claims to be audio and cannot be: ``empty``, ``no_audio``, ``tags_too_large``.
    """
    with path.open("rb") as file:
        head = file.read(64)
        if not head:
            raise AudioRejected("The file is empty.", code="empty")
        if len(head) < SHORTEST_FILE_BYTES:
            raise AudioRejected("The file is too short to hold audio.", code="no_audio")
        offset = id3.audio_offset(file)
        return _tagged(file, offset) if offset else _untagged(file, head)


def _untagged(file: BinaryIO, head: bytes) -> Container:
    form, kind = head[:4], head[8:12]
    for container, starts in _STARTS.items():
        if any(head.startswith(start) and kind in kinds for start, kinds in starts):
            return container
    if head[4:8] == b"ftyp":
        return M4A
    if form == b"OggS":
        return _inside_ogg(head)
    if form == b"wvpk":
        return _wavpack(file, head)
    return FLAC if form == b"fLaC" else _mpeg(file, 0)


def _inside_ogg(head: bytes) -> Container:
    lacing = sum(head[_OGG_PAGE_HEADER_BYTES - 1 : _OGG_PAGE_HEADER_BYTES])
    packet = head[_OGG_PAGE_HEADER_BYTES + lacing :]
    if packet.startswith(b"OpusHead"):
        return OPUS
    if packet.startswith((b"\x01vorbis", b"\x7fFLAC")):
        return OGG
    raise UnsupportedMedia("This Ogg file does not start with Vorbis, Opus or FLAC.")


def _wavpack(file: BinaryIO, head: bytes) -> Container:
    """A block, and behind it another or the end of the audio."""
    block = wavpack.block(head)
    if block is None:
        raise AudioRejected("The WavPack blocks are not valid.", code="no_audio")
    file.seek(block.length_bytes)
    following = file.read(wavpack.HEADER_BYTES)
    if following.startswith(b"wvpk") and wavpack.block(following) is None:
        raise AudioRejected("The WavPack blocks are not valid.", code="no_audio")
    return WAVPACK


def _tagged(file: BinaryIO, offset: int) -> Container:
    file.seek(offset)
    if file.read(4) == b"fLaC":
        return FLAC
    try:
        return _mpeg(file, offset)
    except UnsupportedMedia:
        raise AudioRejected("No audio follows the ID3 tag.", code="no_audio") from None


def _mpeg(file: BinaryIO, offset: int) -> Container:
    if _two_frames(file, offset, mpeg.mp3_frame):
        return MP3
    if _two_frames(file, offset, mpeg.adts_frame):
        return AAC
    file.seek(offset)
    if file.read(2) in _MPEG_SYNCS:
        raise AudioRejected("The MP3 frames are not valid.", code="no_audio")
    raise UnsupportedMedia("The first bytes are not those of a known kind of audio.")


def _two_frames(
    file: BinaryIO, offset: int, frame_at: Callable[[bytes], mpeg.Frame | None]
) -> bool:
    """One header can be chance; a second one of the same stream, where the first says the
    next frame starts, is not.
    """
    file.seek(offset)
    first = frame_at(file.read(7))
    if first is None:
        return False
    file.seek(offset + first.length_bytes)
    second = frame_at(file.read(7))
    return second is not None and second.kind == first.kind
