from __future__ import annotations

from pathlib import Path

import pytest

from autodj.cli.sources import find_sources, is_audio_name
from autodj.errors import CommandError


def test_a_folder_gives_its_audio_in_name_order_and_tells_what_it_left_out(songs: Path) -> None:
    found = find_sources([str(songs)])
    assert [path.relative_to(songs).as_posix() for path, _ in found.files] == [
        "first.mp3",
        "second.flac",
        "sets/third.wav",
    ]
    assert {path.name for path in found.skipped} == {"cover.txt", ".hidden.mp3"}
    assert found.size_bytes == sum(path.stat().st_size for path, _ in found.files)
    assert len(found) == 3


def test_a_file_that_was_named_is_sent_whatever_its_name(songs: Path) -> None:
    found = find_sources([str(songs / "cover.txt")])
    assert [path.name for path, _ in found.files] == ["cover.txt"]


def test_what_is_named_twice_is_sent_once(songs: Path) -> None:
    song = str(songs / "first.mp3")
    found = find_sources([song, str(songs), "https://a.example/x", "https://a.example/x"])
    assert len(found.files) == 3
    assert found.urls == ("https://a.example/x",)


def test_one_wrong_name_sends_nothing(songs: Path) -> None:
    with pytest.raises(CommandError, match="no file or folder nowhere") as caught:
        find_sources([str(songs), "nowhere"])
    assert "Nothing was sent" in caught.value.hint


def test_hidden_folders_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".trash").mkdir()
    (tmp_path / ".trash" / "old.mp3").write_bytes(b"x")
    assert len(find_sources([str(tmp_path)])) == 0


@pytest.mark.parametrize(
    ("name", "is_audio"),
    [("a.MP3", True), ("b.opus", True), ("c.jpg", False), ("mp3", False), (".a.mp3", False)],
)
def test_audio_is_chosen_from_folders_by_its_suffix(name: str, is_audio: bool) -> None:
    assert is_audio_name(Path(name)) is is_audio


def test_a_name_may_begin_with_the_sign_of_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "~song.mp3").write_bytes(b"x")
    (tmp_path / "other.mp3").write_bytes(b"x")
    found = find_sources(["~song.mp3", "~/other.mp3"])
    assert [path for path, _ in found.files] == [Path("~song.mp3"), tmp_path / "other.mp3"]
