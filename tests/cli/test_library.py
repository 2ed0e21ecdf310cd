"""The commands about tracks, against a real running server."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

import pytest

from tests.cli.conftest import Ended, Here
from tests.cli.starting import Up
from tests.clips import make_clip


@pytest.fixture
def added(here: Here, up: Up, songs: Path) -> Ended:
    """The songs are in the library, analysed."""
    return here("add", songs, "--wait", "--json", "--data", up.data_dir)


def listed(here: Here, up: Up, *arguments: str) -> list[dict[str, object]]:
    told = here("ls", "--json", "--data", up.data_dir, *arguments)
    assert told.code == 0, told.err
    tracks: list[dict[str, object]] = json.loads(told.out)
    return tracks


def test_a_folder_is_added_analysed_and_told_as_known_the_second_time(
    here: Here, up: Up, songs: Path, added: Ended
) -> None:
    assert added.code == 0, added.err
    outcomes = json.loads(added.out)
    assert [Path(each["source"]).name for each in outcomes] == [
        "first.mp3",
        "second.flac",
        "third.wav",
    ]
    tempi = {each["track"]["title"]: each["track"]["bpm"] for each in outcomes}
    assert tempi == pytest.approx({"First [Light]": 124, "second": 128, "third": 92}, abs=1)
    again = here("add", songs, "--data", up.data_dir)
    assert again.code == 0
    assert again.out.count("known  ") == 3
    assert "3 already there, 2 other files left out" in again.out


def test_a_bad_file_is_told_with_what_to_do_and_stops_no_other(
    here: Here, up: Up, tmp_path: Path
) -> None:
    (tmp_path / "broken.mp3").write_bytes(b"ID3\x04\x00\x00\x00\x00\x00\x00" + bytes(2000))
    (tmp_path / "empty.mp3").touch()
    (tmp_path / "essay.wav").write_text("This is an essay about waves, not a wave. " * 9)
    make_clip(tmp_path / "good.flac", 5, bpm=101)
    told = here("add", tmp_path, "--data", up.data_dir)
    assert told.code == 1
    assert "1 added, 3 failed" in told.out
    [broken, empty, essay] = told.err.splitlines()
    assert broken.startswith(f"{tmp_path / 'broken.mp3'}: ")
    assert broken.endswith(". Play it; where nothing is heard, export it again.")
    assert empty.endswith("The file is empty. Nothing is in it: download or export it again.")
    assert essay.startswith(f"{tmp_path / 'essay.wav'}: ")
    assert ". Send MP3, FLAC" in essay


def test_a_url_is_fetched_and_followed_to_its_track(
    here: Here, up: Up, web_folder: str, added: Ended
) -> None:
    del added  # it is in the library, so the same bytes by URL are told as known
    told = here("add", f"{web_folder}/first.mp3", "--data", up.data_dir, "--json")
    [outcome] = json.loads(told.out)
    assert (told.code, outcome["status"]) == (0, "duplicate")
    assert outcome["track"]["title"] == "First [Light]"
    missing = here("add", f"{web_folder}/nothing.mp3", "--data", up.data_dir)
    assert missing.code == 1
    assert "nothing.mp3: " in missing.err
    assert "404" in missing.err


def test_the_list_is_a_table_and_can_be_narrowed(here: Here, up: Up, added: Ended) -> None:
    del added
    table = here("ls", "--data", up.data_dir).out
    assert "First [Light]" in table
    assert "124" in table
    assert [track["title"] for track in listed(here, up, "--bpm", "91-93")] == ["third"]
    assert [track["title"] for track in listed(here, up, "light")] == ["First [Light]"]
    assert listed(here, up, "--source", "s3") == []
    assert len(listed(here, up, "-n", "2")) == 2
    assert "No tracks." in here("ls", "nowhere", "--data", up.data_dir).out


def test_a_value_that_the_server_refuses_is_named(here: Here, up: Up) -> None:
    told = here("ls", "--key", "H", "--data", up.data_dir)
    assert told.code == 1
    assert "key: is no key; write 8A or A minor" in told.err


def test_a_track_is_shown_by_the_start_of_its_id(here: Here, up: Up, added: Ended) -> None:
    track = json.loads(added.out)[0]["track"]
    told = here("show", track["id"][:8], "--data", up.data_dir)
    assert told.code == 0
    assert "First [Light]" in told.out
    assert "Ada" in told.out
    assert track["sha256"] in told.out
    whole = here("show", track["id"], "--json", "--data", up.data_dir)
    assert json.loads(whole.out)["sha256"] == track["sha256"]


def test_the_printed_link_plays_the_very_bytes(
    here: Here, up: Up, songs: Path, added: Ended
) -> None:
    track = json.loads(added.out)[0]["track"]
    link = here("url", track["id"], "--data", up.data_dir).out.strip()
    with urllib.request.urlopen(link) as answer:
        assert answer.read() == (songs / "first.mp3").read_bytes()
    told = json.loads(here("url", track["id"], "--json", "--data", up.data_dir).out)
    assert told["source"] == "local"
    assert told["size_bytes"] == track["size_bytes"]


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ("ffffffff", "No track's id starts with ffffffff"),
        ("xyz", "xyz is not the id of a track"),
        ("", "'' is not the id of a track"),
        ("ab", "ab is not the id of a track"),
        ("00000000-0000-4000-8000-000000000000", "There is nothing here for you"),
    ],
)
def test_a_track_that_is_not_there_is_told(here: Here, up: Up, named: str, told: str) -> None:
    ended = here("show", named, "--data", up.data_dir)
    assert ended.code == 1
    assert told in ended.err


def test_a_track_is_deleted_only_after_a_yes(
    here: Here, up: Up, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_clip(tmp_path / "doomed.mp3", 4, bpm=77)
    added = json.loads(here("add", tmp_path / "doomed.mp3", "--json", "--data", up.data_dir).out)
    track_id = added[0]["track"]["id"]
    monkeypatch.setattr("builtins.input", lambda _prompt="": "n")
    refused = here("rm", track_id, "--data", up.data_dir)
    assert refused.code == 1
    assert here("show", track_id, "--data", up.data_dir).code == 0
    told = here("rm", track_id, track_id[:13], "--yes", "--data", up.data_dir)
    assert (told.code, told.out, told.err) == (0, "deleted  doomed\n", "")
    assert here("show", track_id, "--data", up.data_dir).code == 1


def test_a_server_can_be_named_with_a_token(here: Here, up: Up) -> None:
    token = here("token", "--user", "guest", "--data", up.data_dir).out.strip()
    told = here("ls", "--server", up.url, "--token", token)
    assert told.code == 0
    assert "No tracks yet" in told.out  # a stranger sees nothing of ours
    assert here("ls", "--server", up.url, "--token", "wrong").code == 1


@pytest.mark.parametrize(
    ("arguments", "told", "hint"),
    [
        (["--server", "localhost:8000", "--token", "t"], "is not the address of", "http://"),
        (["--server", "http://127.0.0.1:8000"], "wants to know who you are", "autodj token"),
        ([], "No autodj is running on", "autodj up"),
    ],
)
def test_a_server_that_cannot_be_found_is_told(
    here: Here, arguments: list[str], told: str, hint: str
) -> None:
    ended = here("ls", *arguments)
    assert ended.code == 1
    assert told in ended.err
    assert hint in ended.err


def test_a_library_is_measured_again(here: Here, up: Up, added: Ended) -> None:
    tracks = [each["track"] for each in json.loads(added.out)]
    counts = here("reanalyze", "--dry-run", "--json", "--data", up.data_dir)
    assert json.loads(counts.out)["outdated"] == 0
    told = here("reanalyze", "--data", up.data_dir)
    assert (told.code, told.out) == (0, "Nothing to measure again\n")
    before = {track["id"]: track for track in tracks}
    ids = [track["id"] for track in tracks[:2]]
    options = [word for track_id in ids for word in ("--track", track_id)]
    told = here("reanalyze", *options, "--data", up.data_dir)
    assert (told.code, told.out) == (0, "2 of 2 tracks measured again\n")
    for track in listed(here, up):
        if track["id"] in ids:
            assert track["bpm"] == before[str(track["id"])]["bpm"]
            assert int(str(track["version"])) > before[str(track["id"])]["version"]


def test_which_tracks_to_measure_again_is_said_once(here: Here, up: Up) -> None:
    told = here("reanalyze", "--all", "--failed", "--data", up.data_dir)
    assert told.code == 1
    assert "Give --outdated, --failed or --all" in told.err
