"""``autodj export`` against a real running server."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO

import av
import m3u8
import pytest

from autodj.cli.client import Client, Document, Query
from autodj.cli.downloads import save
from autodj.cli.export_order import Format, Order
from autodj.cli.exporting import export
from autodj.cli.part_file import write_text
from autodj.cli.zipping import fetch_zip
from autodj.errors import CommandError
from tests.cli.conftest import Ended, Here
from tests.cli.starting import Up
from tests.readers import read_jams, read_rekordbox
from tests.tracks.test_audiowaveform import parse_dat, parse_json

pytestmark = pytest.mark.filterwarnings("ignore:Passing a schema to Validator:DeprecationWarning")


@pytest.fixture
def added(here: Here, up: Up, songs: Path) -> Ended:
    """The songs are in the library, analysed."""
    return here("add", songs, "--wait", "--json", "--data", up.data_dir)


def exported(here: Here, up: Up, form: str, *arguments: object) -> Ended:
    return here("export", "--format", form, *arguments, "--data", up.data_dir)


def test_rekordbox_finds_the_fetched_files_with_grids(
    here: Here, up: Up, songs: Path, added: Ended, tmp_path: Path
) -> None:
    del added
    music = tmp_path / "dj"
    options = ("--music", music, "--fetch", "--to", tmp_path / "set.xml")
    told = exported(here, up, "rekordbox", "first", *options)
    assert (told.code, told.out) == (0, "")
    assert f"1 track to {tmp_path / 'set.xml'}" in told.err
    [track] = read_rekordbox(tmp_path / "set.xml").get_tracks()
    assert track["Name"] == "First [Light]"
    assert f"/{track['Location'].lstrip('/')}" == str(music / "first.mp3")
    assert (music / "first.mp3").read_bytes() == (songs / "first.mp3").read_bytes()
    assert track.tempos[0]["Bpm"] == pytest.approx(124, abs=0.5)
    assert [path.name for path in music.iterdir()] == ["first.mp3"]


def test_a_playlist_of_links_goes_to_stdout_and_plays(here: Here, up: Up, added: Ended) -> None:
    del added
    told = exported(here, up, "m3u8", "--bpm", "91-93")
    [entry] = m3u8.loads(told.out).segments
    assert entry.title == "third"
    with av.open(entry.uri) as played:
        assert played.streams.audio[0].codec_context.name.startswith("pcm")


def test_jams_and_tags_are_one_file_for_each_track(
    here: Here, up: Up, added: Ended, tmp_path: Path
) -> None:
    del added
    folder = tmp_path / "jams"
    assert exported(here, up, "jams", "first", "--to", folder).code == 0
    read = read_jams(folder / "first.mp3.jams")
    assert read.annotations.search(namespace="tempo")[0].data[0].value == pytest.approx(124, abs=1)
    assert exported(here, up, "waveform", "first", "--to", folder).code == 0
    assert exported(here, up, "waveform-json", "first", "--to", folder).code == 0
    outline = parse_dat((folder / "first.mp3.dat").read_bytes())
    assert outline == parse_json((folder / "first.mp3.json").read_text())
    assert outline.seconds == pytest.approx(6, abs=0.1)
    tagged = tmp_path / "tagged"
    told = exported(here, up, "tags", "--to", tagged)
    assert told.code == 0, told.err
    assert "without tags" in told.err  # the WAV
    assert {"first.mp3", "second.flac", "third.wav"} <= {path.name for path in tagged.iterdir()}
    assert not [path for path in tagged.iterdir() if path.name.startswith(".")]
    with av.open(tagged / "first.mp3") as file:
        assert float(file.metadata["TBPM"]) == pytest.approx(124, abs=0.5)
        assert file.metadata["TKEY"] == "Am"
        assert file.metadata["title"] == "First [Light]"
    again = exported(here, up, "tags", "first", "--to", tagged)
    assert again.code == 1
    assert "is there already" in again.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["rekordbox"], "--music DIR"),
        (["jams"], "--to DIR"),
        (["tags"], "--to DIR"),
        (["m3u8", "--fetch"], "--music DIR"),
    ],
)
def test_an_order_that_makes_no_sense_is_told(
    here: Here, up: Up, arguments: list[str], told: str
) -> None:
    ended = exported(here, up, *arguments)
    assert ended.code == 1
    assert told in ended.err
    assert ended.out == ""


@pytest.mark.parametrize(
    ("form", "to", "told"),
    [
        ("jams", "taken", "is a file"),
        ("jams", "taken/below", "is a file"),
        ("m3u8", "taken/set.m3u8", "is a file"),
        ("m3u8", ".", "is a folder"),
        ("zip", ".", "is a folder"),
    ],
)
def test_where_nothing_can_be_written_is_told_before_anything_is_fetched(
    here: Here,
    up: Up,
    tmp_path: Path,
    asked: list[str],
    monkeypatch: pytest.MonkeyPatch,
    form: str,
    to: str,
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").write_text("mine")
    ended = exported(here, up, form, "--to", to)
    assert (ended.code, ended.out, asked) == (1, "", [])
    assert told in ended.err
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_folders_on_the_way_are_made(here: Here, up: Up, added: Ended, tmp_path: Path) -> None:
    del added
    target = tmp_path / "new" / "deep" / "set.m3u8"
    assert exported(here, up, "m3u8", "first", "--to", target).code == 0
    assert target.exists()


def test_a_file_that_cannot_be_written_stops_no_other(
    here: Here, up: Up, added: Ended, tmp_path: Path
) -> None:
    del added
    for name in ("first.mp3.jams", "second.flac.dat"):
        (tmp_path / name).mkdir()
    told = exported(here, up, "jams", "--to", tmp_path)
    assert told.code == 1
    [line, count] = told.err.splitlines()
    assert line == f"First [Light]: {tmp_path / 'first.mp3.jams'}: Is a directory."
    assert count.endswith(f"tracks to {tmp_path}")
    assert (tmp_path / "second.flac.jams").is_file()
    assert (tmp_path / "third.wav.jams").is_file()
    told = exported(here, up, "waveform", "--to", tmp_path)
    assert told.code == 1
    assert f"second: {tmp_path / 'second.flac.dat'}: Is a directory." in told.err.splitlines()
    assert (tmp_path / "first.mp3.dat").is_file()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that commands read from the server."""
    paths: list[str] = []
    read = Client.read

    async def listened(self: Client, path: str, query: Query | None = None) -> Document:
        paths.append(path)
        return await read(self, path, query)

    monkeypatch.setattr(Client, "read", listened)
    return paths


def test_a_playlist_asks_for_all_links_at_once_and_for_no_analysis(
    here: Here, up: Up, added: Ended, asked: list[str], tmp_path: Path
) -> None:
    del added
    told = exported(here, up, "m3u8")
    assert len(m3u8.loads(told.out).segments) >= 3
    assert asked == ["/tracks", "/tracks/audio/urls"]
    asked.clear()
    assert exported(here, up, "m3u8", "--music", tmp_path).code == 0
    assert asked == ["/tracks"]


def test_how_far_an_export_is_shows_on_a_terminal_and_nowhere_else(
    here: Here, up: Up, added: Ended, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del added
    target = tmp_path / "set.m3u8"
    quiet = exported(here, up, "m3u8", "first", "--to", target)
    assert quiet.err == f"1 track to {target}\n"
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    shown = exported(here, up, "m3u8", "first", "--to", target)
    assert "1 of 1  First [Light]" in shown.err
    assert exported(here, up, "m3u8", "first").out == target.read_text()


def test_an_export_without_an_output_is_told(
    here: Here, up: Up, added: Ended, monkeypatch: pytest.MonkeyPatch
) -> None:
    del added
    monkeypatch.setattr("autodj.cli.exporting.sys", SimpleNamespace(stdout=None))  # as ``>&-``
    told = exported(here, up, "m3u8", "first")
    assert told.code == 1
    assert told.err == "error: There is no output to write to\nhint:  Give --to FILE.\n"


async def test_a_track_without_a_link_is_left_out_with_the_reason(added: Ended) -> None:
    there, gone = [each["track"] for each in json.loads(added.out)][:2]

    class Client:
        async def tracks(self, query: object) -> AsyncIterator[Document]:
            del query
            yield gone
            yield there

        async def read(self, path: str, query: Query | None = None) -> Document:
            if path != "/tracks/audio/urls":
                raise CommandError(f"{path} is on Glacier")
            assert query is not None
            assert query["id"] == [gone["id"], there["id"]]
            link = {"url": "http://127.0.0.1/there"}
            return {
                "items": [
                    {"track_id": gone["id"], "link": None},
                    {"track_id": there["id"], "link": link},
                ]
            }

    client: Any = Client()
    told = await export(client, Order(Format.M3U8, None, None, fetch=False), {})
    assert told.tracks == 1
    [(title, fault)] = told.faults
    assert title == gone["title"]
    assert fault.detail == f"/tracks/{gone['id']}/audio/url is on Glacier"


async def test_a_playlist_is_utf_8_whatever_the_terminal_takes(
    added: Ended, monkeypatch: pytest.MonkeyPatch
) -> None:
    track = {**json.loads(added.out)[0]["track"], "title": "Ünï ☃"}

    class Client:
        async def tracks(self, query: object) -> AsyncIterator[Document]:
            del query
            yield track

    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="replace")
    monkeypatch.setattr("sys.stdout", out)
    client: Any = Client()
    await export(client, Order(Format.M3U8, None, Path("/music"), fetch=False), {})
    monkeypatch.undo()
    assert "Ünï ☃" in out.buffer.getvalue().decode()


def test_a_track_that_changed_on_its_way_is_left_out(
    here: Here, up: Up, added: Ended, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracks = json.loads(added.out)
    assert tracks
    monkeypatch.setattr("autodj.cli.downloads.BLOCK_BYTES", 64)
    monkeypatch.setattr("autodj.cli.downloads.hashlib.sha256", _Wrong)
    told = exported(here, up, "m3u8", "second", "--music", tmp_path / "dj", "--fetch")
    assert told.code == 1
    assert "arrived damaged" in told.err
    assert list((tmp_path / "dj").iterdir()) == []


class _Wrong:
    def update(self, block: bytes) -> None:
        pass

    def hexdigest(self) -> str:
        return "00" * 32


def test_the_originals_arrive_in_one_zip_file(
    here: Here, up: Up, songs: Path, added: Ended, tmp_path: Path
) -> None:
    del added
    target = tmp_path / "set.zip"
    target.write_bytes(b"an older one")
    told = exported(here, up, "zip", "--to", target)
    assert (told.code, told.out) == (0, ""), told.err
    with zipfile.ZipFile(target) as archive:
        assert {"first.mp3", "second.flac", "third.wav"} <= {*archive.namelist()}
        assert archive.read("first.mp3") == (songs / "first.mp3").read_bytes()
    assert f"tracks to {target}" in told.err
    assert [path.name for path in tmp_path.iterdir()] == ["set.zip"]
    narrowed = exported(here, up, "zip", "first", "--to", target)
    assert f"1 track to {target}" in narrowed.err
    with zipfile.ZipFile(target) as archive:
        assert archive.namelist() == ["first.mp3"]


@pytest.mark.parametrize(
    "arguments", [(), ("--to", "x.zip", "--fetch"), ("--to", "x.zip", "--music", ".")]
)
def test_a_zip_file_that_makes_no_sense_is_refused(
    here: Here, up: Up, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    told = exported(here, up, "zip", *arguments)
    assert told.code == 1
    assert "A ZIP file" in told.err
    assert [*tmp_path.iterdir()] == []


async def test_an_outline_that_breaks_off_leaves_what_was_there(tmp_path: Path) -> None:
    class Broken:
        async def save(self, path: str, query: object, file: BinaryIO) -> None:
            del path, query
            file.write(b"{")
            raise CommandError("The bytes do not arrive")

    client: Any = Broken()
    target = tmp_path / "song.mp3.json"
    target.write_text("an older one")
    with pytest.raises(CommandError):
        await save(client, "/waveform.json", target)
    assert target.read_text() == "an older one"
    assert [*tmp_path.iterdir()] == [target]


async def test_a_zip_file_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    target = tmp_path / "set.zip"

    class Broken:
        async def save(self, path: str, query: object, file: BinaryIO) -> None:
            file.write(b"PK")
            if query:
                raise CommandError("The bytes do not arrive")

    client: Any = Broken()
    order = Order(Format.ZIP, target, None, fetch=False)
    for query in ({"q": "x"}, {}):
        with pytest.raises(CommandError):
            await fetch_zip(client, order, query)
    assert [*tmp_path.iterdir()] == []


async def test_a_list_that_cannot_be_written_leaves_the_one_before(tmp_path: Path) -> None:
    target = tmp_path / "set.m3u8"
    target.write_text("before")
    with pytest.raises(UnicodeEncodeError):
        await write_text(target, "x" * 100_000 + "\ud800")
    assert target.read_text() == "before"
    assert [*tmp_path.iterdir()] == [target]


async def test_a_list_goes_through_links_and_into_pipes(tmp_path: Path) -> None:
    target, link, pipe = tmp_path / "set.xml", tmp_path / "link", tmp_path / "pipe"
    link.symlink_to(target)
    await write_text(link, "one")
    assert (target.read_text(), link.is_symlink()) == ("one", True)
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as reader:
        heard = reader.submit(pipe.read_text)
        await write_text(pipe, "two")
        assert heard.result() == "two"
    assert pipe.is_fifo()
