"""The first bytes decide, and nothing else."""

from __future__ import annotations

import struct
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autodj.audio.identify import (
    AAC,
    AIFF,
    CAF,
    CONTAINERS,
    FLAC,
    M4A,
    MP3,
    OGG,
    OPUS,
    WAV,
    WAVPACK,
    Container,
    identify,
)
from autodj.audio.mpeg import adts_frame, mp3_claimed_duration_s, mp3_frame
from autodj.errors import AudioRejected, AutodjError, UnsupportedMedia

MP3_FRAME = bytes.fromhex("fffb9000") + bytes(413)
MPEG2_FRAME = bytes.fromhex("fff38000") + bytes(204)
ADTS_FRAME = bytes.fromhex("fff1508002fffc") + bytes(16)


def id3(frames: bytes = b"", *, version: int = 3, flags: int = 0) -> bytes:
    size = bytes(len(frames) >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3" + bytes((version, 0, flags)) + size + frames


def ogg(first_packet: bytes) -> bytes:
    return b"OggS" + bytes(22) + b"\x01" + bytes((len(first_packet),)) + first_packet + bytes(40)


def wavpack(size: int = 24, version: int = 0x410) -> bytes:
    header = struct.pack("<4sIHBBIIIII", b"wvpk", size, version, 0, 0, 99, 0, 99, 9 << 23, 0)
    return header + bytes(max(0, min(size, 4096) - 24))


KNOWN: list[tuple[str, bytes, Container]] = [
    ("MPEG-1 frames", MP3_FRAME * 3, MP3),
    ("MPEG-2 frames", MPEG2_FRAME * 3, MP3),
    ("frames behind a tag", id3(b"TIT2" + bytes(30)) + MP3_FRAME * 3, MP3),
    ("frames behind two tags", id3(bytes(99)) + id3(bytes(50), version=4) + MP3_FRAME * 3, MP3),
    ("frames behind padding", id3(b"TIT2" + bytes(30)) + bytes(2000) + MP3_FRAME * 3, MP3),
    ("a tag with a footer", id3(bytes(9), version=4, flags=0x10) + bytes(10) + MP3_FRAME * 2, MP3),
    ("FLAC", b"fLaC" + bytes(60), FLAC),
    ("FLAC behind a tag", id3(bytes(20)) + b"fLaC" + bytes(60), FLAC),
    ("RIFF", b"RIFF\x00\x01\x00\x00WAVEfmt " + bytes(60), WAV),
    ("RF64", b"RF64\xff\xff\xff\xffWAVEds64" + bytes(60), WAV),
    ("AIFF", b"FORM\x00\x00\x01\x00AIFFCOMM" + bytes(60), AIFF),
    ("AIFF-C", b"FORM\x00\x00\x01\x00AIFCFVER" + bytes(60), AIFF),
    ("Vorbis", ogg(b"\x01vorbis" + bytes(23)), OGG),
    ("FLAC in Ogg", ogg(b"\x7fFLAC" + bytes(46)), OGG),
    ("Opus", ogg(b"OpusHead" + bytes(11)), OPUS),
    ("MP4 audio", b"\x00\x00\x00\x20ftypM4A " + bytes(60), M4A),
    ("MP4", b"\x00\x00\x00\x20ftypisom" + bytes(60), M4A),
    ("ADTS", ADTS_FRAME * 3, AAC),
    ("CAF", b"caff\0\1\0\0desc" + bytes(60), CAF),
    ("WavPack", wavpack() + wavpack(), WAVPACK),
    ("one block of WavPack and a tag", wavpack() + b"APETAGEX" + bytes(60), WAVPACK),
]


@pytest.mark.parametrize(
    ("data", "kind"), [(d, k) for _, d, k in KNOWN], ids=[n for n, *_ in KNOWN]
)
def test_a_known_kind_is_named_by_its_bytes(tmp_path: Path, data: bytes, kind: Container) -> None:
    path = tmp_path / "song.exe"
    path.write_bytes(data)
    assert identify(path) == kind


def test_every_clip_is_what_it_was_made_as(clips: dict[str, Path]) -> None:
    assert {codec: identify(path).extension for codec, path in clips.items()} == {
        codec: "m4a" if codec == "alac" else codec for codec in clips
    }


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (MP3_FRAME + MPEG2_FRAME * 3, AudioRejected),
        (MP3_FRAME[:100] * 5, AudioRejected),
        (b"\0" + MP3_FRAME * 3, UnsupportedMedia),
        (b"caff\0\2\0\0desc" + bytes(60), UnsupportedMedia),
        (b"caff\0\1\0\0data" + bytes(60), UnsupportedMedia),
        (wavpack(size=23), AudioRejected),
        (wavpack(size=1 << 24), AudioRejected),
        (wavpack(version=0x300), AudioRejected),
        (wavpack() + wavpack(version=0x500), AudioRejected),
        (b"wvpk" + bytes(16), AudioRejected),
        (b"<script>" + MP3_FRAME * 3, UnsupportedMedia),
        (id3(b"x" * 9) + b"junk" + MP3_FRAME * 3, AudioRejected),
        (id3(b"TIT2" + bytes(30)) + bytes(70_000) + MP3_FRAME * 3, AudioRejected),
        (b"ID3\x03\x00\x00\x80\x00\x00\x00" + MP3_FRAME * 3, UnsupportedMedia),
        (ADTS_FRAME + bytes(100), UnsupportedMedia),
        (ogg(b"Speex   " + bytes(60)), UnsupportedMedia),
    ],
)
def test_what_is_only_nearly_audio_is_refused(
    tmp_path: Path, data: bytes, refusal: type[AutodjError]
) -> None:
    path = tmp_path / "song.mp3"
    path.write_bytes(data)
    with pytest.raises(refusal):
        identify(path)


@given(head=st.sampled_from([data for _, data, _ in KNOWN]), noise=st.binary(max_size=64))
def test_any_bytes_are_named_or_refused(
    tmp_path_factory: pytest.TempPathFactory, head: bytes, noise: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(head[: len(noise)] + noise)
    with suppress(AudioRejected, UnsupportedMedia):
        assert identify(path) in CONTAINERS


def test_compressed_tag_frames_count_at_the_size_they_unpack_to(tmp_path: Path) -> None:
    small = b"TXXX" + struct.pack(">IHI", 20, 0x0080, 9_000_000) + bytes(16)
    path = tmp_path / "song.mp3"
    path.write_bytes(id3(small) + MP3_FRAME * 3)
    assert identify(path) == MP3
    path.write_bytes(id3(small * 2) + MP3_FRAME * 3)
    with pytest.raises(AudioRejected) as refused:
        identify(path)
    assert refused.value.code == "tags_too_large"
    newer = b"TXXX" + bytes((0, 0, 0, 20)) + b"\x00\x09" + bytes((8, 0, 0, 0)) + bytes(16)
    path.write_bytes(id3(newer, version=4) + MP3_FRAME * 3)
    with pytest.raises(AudioRejected):
        identify(path)


@pytest.mark.parametrize(
    ("header", "length", "samples", "rate_hz"),
    [
        ("fffb9000", 417, 1152, 44100),
        ("fffb9200", 418, 1152, 44100),
        ("fffbe400", 960, 1152, 48000),
        ("fff38000", 208, 576, 22050),
        ("ffe31800", 72, 576, 8000),
    ],
)
def test_an_mp3_header_tells_its_frame(
    header: str, length: int, samples: int, rate_hz: int
) -> None:
    frame = mp3_frame(bytes.fromhex(header))
    assert frame is not None
    assert (frame.length_bytes, frame.samples, frame.rate_hz) == (length, samples, rate_hz)


@pytest.mark.parametrize(
    "header", ["fffbf000", "fffb0000", "fffb9c00", "ffeb9000", "fffd9000", "00", ""]
)
def test_an_impossible_mp3_header_tells_nothing(header: str) -> None:
    assert mp3_frame(bytes.fromhex(header)) is None


def test_an_adts_header_needs_a_rate_and_a_length() -> None:
    assert adts_frame(ADTS_FRAME[:7]) is not None
    assert adts_frame(bytes.fromhex("fff17c8002fffc")) is None
    assert adts_frame(bytes.fromhex("fff15080001ffc")) is None
    assert adts_frame(b"\xff\xf1") is None


def test_the_frame_count_of_a_vbri_header_is_read_too(tmp_path: Path) -> None:
    vbri = MP3_FRAME[:36] + b"VBRI" + bytes(10) + (1000).to_bytes(4, "big") + bytes(400)
    path = tmp_path / "song.mp3"
    path.write_bytes(vbri)
    with path.open("rb") as file:
        assert mp3_claimed_duration_s(file, 0) == pytest.approx(1000 * 1152 / 44100)
        assert mp3_claimed_duration_s(file, 40) is None
    path.write_bytes(MP3_FRAME)
    with path.open("rb") as file:
        assert mp3_claimed_duration_s(file, 0) is None
