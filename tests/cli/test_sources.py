from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from autodj.cli.sources import find_sources, is_audio_name
from autodj.errors import CommandError
from tests.cli.conftest import Here
from tests.cli.starting import Up


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


@pytest.fixture
def locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that may not be listed, beside a song; to the superuser no other way is closed."""
    folder = tmp_path / "music" / "locked"
    folder.mkdir(parents=True)
    (folder.parent / "song.mp3").write_bytes(b"x")
    scan = os.scandir

    def scandir(path: Path) -> Any:
        if Path(path) == folder:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
        return scan(path)

    monkeypatch.setattr(os, "scandir", scandir)
    return folder


def test_a_folder_that_may_not_be_read_is_told_and_the_rest_is_sent(locked: Path) -> None:
    for name in ("gone.mp3", "gone.txt"):
        (locked.parent / name).symlink_to("nowhere")
    found = find_sources([str(locked.parent)])
    assert [path.name for path, _ in found.files] == ["song.mp3"]
    assert [error.filename for error in found.unread] == [
        str(locked.parent / "gone.mp3"),
        str(locked),
    ]


def test_what_may_not_be_read_is_a_failed_line_of_add(here: Here, up: Up, locked: Path) -> None:
    told = here("add", locked.parent, "--data", up.data_dir)
    assert told.code == 1
    assert "2 failed" in told.out
    assert f"{locked}: Permission denied." in told.err.splitlines()


def test_a_pipe_is_not_told_to_be_missing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp3")
    with pytest.raises(CommandError, match="is neither a file nor a folder"):
        find_sources([str(tmp_path / "pipe.mp3")])


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
