"""Tags written into copies of files, read back by FFmpeg; the audio stays what it was."""

from __future__ import annotations

import base64
import hashlib
import io
import struct
from pathlib import Path

import av
import pytest
from PIL import Image

from autodj.errors import CommandError
from autodj.tracks.exports import id3, vorbis
from autodj.tracks.exports.grid import Beats
from autodj.tracks.exports.serato import as_comment, beat_grid
from autodj.tracks.exports.tagging import write_tagged
from tests.clips import make_clip
from tests.tracks.test_exports import subject, uneven

EVEN = Beats((0.5, 1.0, 1.5), (1, 2, 3), 120.0, 4, is_even=True)


def metadata(path: Path) -> dict[str, str]:
    """By lower-case names, of the file and of its stream."""
    with av.open(path) as file:
        found = {**file.streams.audio[0].metadata, **file.metadata}
    return {name.lower(): value for name, value in found.items()}


def heard(path: Path) -> str:
    """A hash of the decoded samples."""
    digest = hashlib.sha256()
    with av.open(path) as file:
        for frame in file.decode(audio=0):
            digest.update(frame.to_ndarray().tobytes())
    return digest.hexdigest()


def pictures(path: Path) -> int:
    with av.open(path) as file:
        return len(file.streams.video)


@pytest.mark.parametrize(
    ("suffix", "kind", "names"),
    [("mp3", "audio/mpeg", ("tbpm", "tkey")), ("flac", "audio/flac", ("bpm", "initialkey"))],
)
def test_the_copy_says_tempo_key_and_gain_and_sounds_the_same(
    tmp_path: Path, suffix: str, kind: str, names: tuple[str, str]
) -> None:
    old = {"title": "Night Bus", "artist": "Ada", "TBPM": "99", "BPM": "99"}
    source = make_clip(tmp_path / f"song.{suffix}", 2, tags=old, cover=_picture())
    target = tmp_path / f"copy.{suffix}"
    assert write_tagged(subject(content_type=kind, bpm=120.256), source, target)
    said = metadata(target)
    assert [said[name] for name in names] == ["120.26", "Dbm"]
    assert (said["title"], said["artist"]) == ("Night Bus", "Ada")
    assert said["replaygain_track_gain"] == "-9.00 dB"
    assert float(said["replaygain_track_peak"]) == pytest.approx(0.944, abs=0.001)
    assert heard(target) == heard(source)
    assert pictures(target) == pictures(source) == 1


def test_writing_twice_changes_nothing_more(tmp_path: Path) -> None:
    for suffix, kind in (("mp3", "audio/mpeg"), ("flac", "audio/flac")):
        source = make_clip(tmp_path / f"song.{suffix}", 2, tags={"title": "Night Bus"})
        once, twice = tmp_path / f"once.{suffix}", tmp_path / f"twice.{suffix}"
        write_tagged(subject(content_type=kind), source, once)
        write_tagged(subject(content_type=kind), once, twice)
        said = [name for name in metadata(twice) if "bpm" in name or "key" in name]
        assert len(said) == len(set(said)), said
        assert twice.read_bytes() == once.read_bytes()


def test_an_mp3_without_any_tag_gets_one(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "song.mp3", 2)
    with source.open("rb") as file:
        id3.replace(file, ())
        source.write_bytes(file.read())
    assert not source.read_bytes().startswith(b"ID3")
    write_tagged(subject(), source, tmp_path / "copy.mp3")
    assert metadata(tmp_path / "copy.mp3")["tbpm"] == "120"


def test_another_kind_of_file_is_copied_as_it_is(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "song.wav", 1)
    assert not write_tagged(subject(content_type="audio/wav"), source, tmp_path / "copy.wav")
    assert (tmp_path / "copy.wav").read_bytes() == source.read_bytes()


def test_the_grid_is_in_both_kinds_of_file(tmp_path: Path) -> None:
    for suffix, kind in (("mp3", "audio/mpeg"), ("flac", "audio/flac")):
        source = make_clip(tmp_path / f"song.{suffix}", 2)
        write_tagged(
            subject(content_type=kind, analysis=uneven()), source, tmp_path / f"copy.{suffix}"
        )
    mp3 = (tmp_path / "copy.mp3").read_bytes()
    head = b"GEOB\x00\x00\x00\x42\x00\x00\x00application/octet-stream\x00\x00Serato BeatGrid\x00"
    assert mp3.count(b"Serato BeatGrid") == 1
    at = mp3.index(head) + len(head)
    # what Serato's clock calls 26 ms later
    assert mp3[at : at + 23] == _two_tempi(0.026)
    text = metadata(tmp_path / "copy.flac")["serato_beatgrid"]
    assert _decoded(text) == b"application/octet-stream\0\0Serato BeatGrid\0" + _two_tempi(0.0)


def test_an_even_grid_is_one_marker() -> None:
    assert beat_grid(EVEN) == struct.pack(">HIff", 0x0100, 1, 0.5, 120.0) + b"\0"


def test_the_comment_has_lines_of_72_and_one_letter_too_many() -> None:
    text = as_comment(beat_grid(EVEN) + bytes(100))
    assert {len(line) for line in text.split("\n")[:-1]} == {72}
    assert "=" not in text
    assert _decoded(text).endswith(beat_grid(EVEN) + bytes(100))


def test_frames_that_are_not_ours_are_kept_byte_for_byte() -> None:
    mine = id3.own_text("REPLAYGAIN_TRACK_GAIN", "-9.00 dB")
    others = [
        id3.Frame("TIT2", b"\x01\xff\xfeN\0i\0"),
        id3.own_text("SOMETHING", "else"),
        id3.attached("application/octet-stream", "Serato Markers2", b"\x01\x01 cues"),
        id3.Frame("PRIV", b"anything\0\xff\x00\xe0", b"\x40\x00"),
    ]
    old = [*others, id3.own_text("replaygain_track_gain", "-1.00 dB")]
    for version in (3, 4):
        body = b"".join(id3._packed(each, version) for each in old)
        header = b"ID3" + bytes([version, 0, 0]) + id3._synchsafe(len(body))
        file = io.BytesIO(header + body + b"\xff\xfb audio")
        written = id3.replace(file, [mine])
        assert file.read() == b"\xff\xfb audio"
        assert written[3] == version
        assert list(id3._read(io.BytesIO(written))[1]) == [*others, mine]


def test_unsynchronised_tags_are_read_right() -> None:
    frame = id3.Frame("PRIV", b"a\xff\xe0b")
    for version, flags in ((3, 0x80), (4, 0x80)):
        packed = id3._packed(id3.Frame("PRIV", b"a\xff\x00\xe0b"), version)
        if version == 3:  # the whole tag is, so the size is that of the frame as it was
            packed = id3._packed(frame, 3).replace(b"\xff\xe0", b"\xff\x00\xe0")
        tag = b"ID3" + bytes([version, 0, flags]) + id3._synchsafe(len(packed)) + packed
        assert list(id3._read(io.BytesIO(tag))[1]) == [frame]


@pytest.mark.parametrize(
    "tag",
    [
        b"ID3\x02\x00\x00\x00\x00\x00\x0aTT2\x00\x00\x04\x00abc",
        b"ID3\x03\x00\x00\x00\x00\x00\x0ctit2\x00\x00\x00\x02\x00\x00ab",
        b"ID3\x03\x00\x00\x00\x00\x00\x0cTIT2\x00\x00\x10\x02\x00\x00ab",
    ],
)
def test_a_tag_that_cannot_be_kept_whole_is_refused_and_no_copy_is_left(
    tmp_path: Path, tag: bytes
) -> None:
    (tmp_path / "song.mp3").write_bytes(tag + b"\xff\xfb audio")
    with pytest.raises(CommandError):
        write_tagged(subject(), tmp_path / "song.mp3", tmp_path / "copy.mp3")
    assert not (tmp_path / "copy.mp3").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"RIFF and so on, at some length",
        b"fLaC\x00\x00\x00\x22 short",
        b"fLaC\x00\x00\x00\x02ab\x84\x00\x00\x08\xff\x00\x00\x00abcd",
        b"fLaC\x84\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00",
    ],
)
def test_flac_that_cannot_be_kept_whole_is_refused(content: bytes) -> None:
    with pytest.raises(CommandError):
        vorbis.replace(io.BytesIO(content), {"BPM": "120"})


def _two_tempi(offset_s: float) -> bytes:
    first = struct.pack(">fI", 0.25 + offset_s, 19)
    return b"\x01\x00\x00\x00\x00\x02" + first + struct.pack(">ff", 9.75 + offset_s, 100.0) + b"\0"


def _decoded(text: str) -> bytes:
    """What Mixxx makes of it: the last letter goes, line ends and padding do not matter."""
    letters = text[:-1].replace("\n", "").replace("\r", "")
    return base64.b64decode(letters + "=" * (-len(letters) % 4))


def _picture() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), (200, 30, 30)).save(buffer, format="PNG")
    return buffer.getvalue()
