"""What people wrote into their files, made safe to show."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autodj.audio.encode import encode
from autodj.audio.identify import MP3, identify
from autodj.audio.sandbox import Sandbox
from autodj.audio.tags import MAX_TAG_CHARS, clean, read_tags
from tests.clips import beat, make_clip


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Harbour Lights", "Harbour Lights"),
        ("  two \t\n lines \r\n", "two lines"),
        ("nul\x00 in the middle", "nul in the middle"),
        ("bell\x07 and escape\x1b[31m", "bell and escape[31m"),
        ("song\u202egpj.exe", "songgpj.exe"),
        ("\u2066isolated\u2069 \u200ftext\u200e", "isolated text"),
        ("soft\u00adhyphen and \ufeffmark", "softhyphen and mark"),
        ("Cafe\u0301", "Caf\u00e9"),
        ("lone \ud800 surrogate", "lone surrogate"),
        ("\u0646\u0627\u0645\u0647", "\u0646\u0627\u0645\u0647"),
        ("\U0001f469\u200d\U0001f3a4", "\U0001f469\u200d\U0001f3a4"),
        ("\x00\x01 \u202e", None),
        ("", None),
        ("x" * 2000, "x" * 512),
        ("a" * 511 + " b", "a" * 511),
    ],
)
def test_text_is_cleaned(written: str, shown: str | None) -> None:
    assert clean(written) == shown


@given(text=st.text(st.characters(), max_size=600))
def test_clean_text_is_short_plain_and_stays_as_it_is(text: str) -> None:
    shown = clean(text)
    if shown is None:
        return
    assert 0 < len(shown) <= MAX_TAG_CHARS
    assert {unicodedata.category(char) for char in shown} & {"Cc", "Cs", "Zl", "Zp"} == set()
    assert shown.encode()
    assert clean(shown) == shown


def test_the_first_source_that_has_a_tag_wins_whatever_its_case() -> None:
    tags = read_tags(
        {"TITLE": "From the file", "artist": "\x00", "TBPM": "128"},
        {"title": "From the stream", "ARTIST": "Somebody", "initialkey": "8A"},
    )
    assert (tags.title, tags.artist, tags.bpm, tags.key) == (
        "From the file", "Somebody", "128", "8A",
    )  # fmt: skip
    assert tags.album is None


@pytest.mark.asyncio(loop_scope="session")
async def test_tags_are_found_in_every_kind_of_file_that_holds_them(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    written = {"title": "Lantern", "artist": "Ämelie", "album": "Deck", "genre": "House"}
    for extension in ("mp3", "flac", "m4a", "ogg", "opus", "wav"):
        path = make_clip(tmp_path / f"clip.{extension}", 1, tags=written)
        tags = (await sandbox.probe(path, identify(path))).tags
        assert (tags.title, tags.artist, tags.album, tags.genre) == tuple(written.values())


@pytest.mark.asyncio(loop_scope="session")
async def test_what_other_programs_measured_is_passed_on_as_it_was_written(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    path = tmp_path / "clip.mp3"
    written = {"TBPM": "127.97", "TKEY": "Abm", "REPLAYGAIN_TRACK_GAIN": "-7.89 dB"}
    encode(beat(1), 44100, path, codec="mp3", tags=written)
    tags = (await sandbox.probe(path, MP3)).tags
    assert (tags.bpm, tags.key, tags.replaygain_track_gain) == ("127.97", "Abm", "-7.89 dB")


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("-3253", "-7.71 dB"),
        ("0", "5.00 dB"),
        ("+256", "6.00 dB"),
        ("-32768", "-123.00 dB"),
        ("32768", None),
        ("-7.5", None),
        ("9" * 5000, None),
        ("", None),
    ],
)
def test_the_gain_of_opus_is_told_as_any_other(written: str, shown: str | None) -> None:
    assert read_tags({}, {"R128_TRACK_GAIN": written}).replaygain_track_gain == shown
    both = read_tags({"R128_TRACK_GAIN": written}, {"REPLAYGAIN_TRACK_GAIN": "-1 dB"})
    assert both.replaygain_track_gain == "-1 dB"


@pytest.mark.asyncio(loop_scope="session")
async def test_the_gain_of_opus_is_found_in_a_file(sandbox: Sandbox, tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.opus", 1, tags={"R128_TRACK_GAIN": "-1280"})
    assert (await sandbox.probe(path, identify(path))).tags.replaygain_track_gain == "0.00 dB"


def text_frame(name: bytes, encoding: int, text: bytes) -> bytes:
    size = len(text) + 1
    header = name + bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0)) + b"\0\0"
    return header + bytes((encoding,)) + text


@pytest.mark.asyncio(loop_scope="session")
async def test_hostile_tag_text_is_stored_clean(sandbox: Sandbox, tmp_path: Path) -> None:
    frames = text_frame(b"TIT2", 3, b"broken \xff\xfe\xc3 text")
    frames += text_frame(b"TPE1", 3, "x\u202ey".encode() + b"\x01z")
    frames += text_frame(b"TALB", 3, b"A" * (1 << 20))
    size = bytes(len(frames) >> shift & 0x7F for shift in (21, 14, 7, 0))
    path = tmp_path / "clip.mp3"
    audio = make_clip(tmp_path / "plain.mp3", 1).read_bytes()
    path.write_bytes(b"ID3\x04\x00\x00" + size + frames + audio)
    tags = (await sandbox.probe(path, identify(path))).tags
    assert tags.title == "broken \ufffd\ufffd\ufffd text"
    assert tags.artist == "xyz"
    assert tags.album == "A" * 512
