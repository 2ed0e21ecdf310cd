"""The tempo that programs write into MP4 files: a whole number in an item that FFmpeg skips."""

from __future__ import annotations

from pathlib import Path

import pytest

from autodj.audio.identify import M4A
from autodj.audio.sandbox import Sandbox
from tests.clips import make_clip

TITLE = b"xy"


def with_tempo(path: Path, value: bytes, *, tags: dict[str, str]) -> Path:
    """A clip whose title, two letters, is made the tempo in place: a name, then the size, name,
    type and language of its only part (QuickTime File Format, metadata).
    """
    make_clip(path, 1, tags={"title": TITLE.decode(), **tags})
    content = bytearray(path.read_bytes())
    at = content.index(b"\xa9nam")
    content[at : at + 4] = b"tmpo"
    assert content[at + 8 : at + 12] == b"data"
    assert content[at + 20 : at + 22] == TITLE
    content[at + 15] = 21  # a whole number with its sign
    content[at + 20 : at + 22] = value
    path.write_bytes(content)
    return path


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize(
    ("value", "said"), [(b"\x00\x80", "128"), (b"\x01\x0e", "270"), (b"\x00\x00", None)]
)
async def test_the_tempo_of_an_mp4_is_told(
    sandbox: Sandbox, tmp_path: Path, value: bytes, said: str | None
) -> None:
    path = with_tempo(tmp_path / "clip.m4a", value, tags={"artist": "Ada"})
    for tags in (await sandbox.tags(path, M4A), (await sandbox.probe(path, M4A)).tags):
        assert (tags.bpm, tags.artist) == (said, "Ada")


@pytest.mark.asyncio(loop_scope="session")
async def test_an_mp4_that_says_nothing_of_its_tempo_has_none(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    path = make_clip(tmp_path / "clip.m4a", 1, tags={"title": "tmpo"})
    assert (await sandbox.tags(path, M4A)).bpm is None
