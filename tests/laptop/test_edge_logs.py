"""Access logs, field by field as CloudFront's."""

from __future__ import annotations

import asyncio
import gzip
import os
import re
from collections.abc import MutableMapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from autodj.laptop.edge.access_log import FIELDS, AccessLog, Entry, into_bucket, into_folder
from autodj.laptop.edge.origin import Bucket, open_origin
from autodj.laptop.edge.service import Plan, open_edge
from autodj.laptop.s3server import S3Server
from tests.laptop.edges import DATA, KEY, NOW, PATH, SIZE, edge_client, scope_of
from tests.laptop.test_s3server import bucket

NAME = re.compile(r"E[A-Z0-9]+\.\d{4}-\d\d-\d\d-\d\d\.[0-9a-f]{8}\.gz")


def lines_of(content: bytes) -> list[dict[str, str]]:
    version, fields, *lines = gzip.decompress(content).decode("ascii").splitlines()
    assert version == "#Version: 1.0"
    assert fields.split()[0] == "#Fields:"
    names = fields.split()[1:]
    split = [line.split("\t") for line in lines]
    assert {len(values) for values in split} <= {len(names)}
    return [dict(zip(names, values, strict=True)) for values in split]


async def test_each_answer_is_a_line_that_says_what_happened(tmp_path: Path) -> None:
    noted: list[Entry] = []
    client = edge_client(tmp_path / "cache", note=noted.append)
    agent = {"User-Agent": 'Player "one" 1.0~é', "Referer": "https://page.example/a?b"}
    await client.ask(f"{PATH}?Expires=1&Signature=a~b&x=%20", agent)
    await client.ask(PATH, {"Range": "bytes=100-199"})
    await client.ask("/tracks/none")
    await client.ask(PATH, method="HEAD")
    log = AccessLog("EAUTODJLAPTOP", into_folder(tmp_path / "logs"))
    for entry in noted:
        log.note(entry)
    await log.flush()
    [file] = (tmp_path / "logs").iterdir()
    assert NAME.fullmatch(file.name)
    assert file.name.startswith("EAUTODJLAPTOP.2026-05-01-12.")
    whole, part, missing, head = lines_of(file.read_bytes())
    assert whole == {
        **dict.fromkeys(FIELDS, "-"),
        "sc-bytes": whole["sc-bytes"],
        "cs-bytes": whole["cs-bytes"],
        "date": f"{NOW:%Y-%m-%d}",
        "time": f"{NOW:%H:%M:%S}",
        "x-edge-location": "LAP50-P1",
        "c-ip": "127.0.0.1",
        "cs-method": "GET",
        "cs(Host)": "eautodjlaptop.cloudfront.net",
        "cs-uri-stem": PATH,
        "sc-status": "200",
        "cs(Referer)": "https://page.example/a?b",
        "cs(User-Agent)": "Player%20%22one%22%201.0%7E%C3%A9",
        "cs-uri-query": "Expires=1&Signature=a%7Eb&x=%2520",
        "x-edge-result-type": "Miss",
        "x-edge-request-id": whole["x-edge-request-id"],
        "x-host-header": "127.0.0.1:8100",
        "cs-protocol": "http",
        "time-taken": whole["time-taken"],
        "x-edge-response-result-type": "Miss",
        "cs-protocol-version": "HTTP/1.1",
        "c-port": "50000",
        "time-to-first-byte": whole["time-to-first-byte"],
        "x-edge-detailed-result-type": "Miss",
        "sc-content-type": "audio/mpeg",
        "sc-content-len": str(SIZE),
    }
    assert SIZE < int(whole["sc-bytes"]) < SIZE + 2000
    assert float(whole["time-taken"]) >= float(whole["time-to-first-byte"]) >= 0
    told = ["sc-status", "x-edge-result-type", "sc-range-start", "sc-range-end", "sc-content-len"]
    assert [part[name] for name in told] == ["206", "Hit", "100", "199", "100"]
    assert [missing[name] for name in told[:3]] == ["404", "Error", "-"]
    assert missing["x-edge-detailed-result-type"] == "OriginError"
    assert [head[name] for name in ("sc-status", "cs-method")] == ["200", "HEAD"]
    assert int(head["sc-bytes"]) < 2000


async def test_a_viewer_who_leaves_in_the_middle_has_no_status(tmp_path: Path) -> None:
    noted: list[Entry] = []
    client = edge_client(tmp_path, note=noted.append)
    left = asyncio.Event()

    async def receive() -> dict[str, Any]:
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        if message.get("body"):
            left.set()
            await asyncio.sleep(0)

    await client.edge(scope_of(f"{client.url}{PATH}", {}, "GET"), receive, send)
    [entry] = noted
    assert entry.fields["sc-status"] == "000"
    assert 0 < int(entry.fields["sc-bytes"]) < SIZE


async def test_hours_have_files_of_their_own_and_old_ones_go(tmp_path: Path) -> None:
    log = AccessLog("EAUTODJLAPTOP", into_folder(tmp_path, keep_s=3600))
    for hours in (0, 1):
        log.note(Entry(NOW.timestamp() + hours * 3600))
    await log.flush()
    names = sorted(file.name.split(".")[1] for file in tmp_path.iterdir())
    assert names == ["2026-05-01-12", "2026-05-01-13"]
    await log.flush()
    assert len([*tmp_path.iterdir()]) == 2
    log = AccessLog("EAUTODJLAPTOP", into_folder(tmp_path, keep_s=-3600))
    log.note(Entry(NOW.timestamp()))
    await log.flush()
    assert [*tmp_path.iterdir()] == []


async def test_what_cannot_be_stored_waits_for_the_next_time() -> None:
    stored: list[bytes] = []
    full = [True]

    async def store(_name: str, content: bytes) -> None:
        if full[0]:
            raise OSError(28, "No space left")
        stored.append(content)

    log = AccessLog("EAUTODJLAPTOP", store)
    log.note(Entry(NOW.timestamp(), {"c-ip": "first"}))
    await log.flush()
    log.note(Entry(NOW.timestamp(), {"c-ip": "second"}))
    full[0] = False
    await log.flush()
    [content] = stored
    assert [line["c-ip"] for line in lines_of(content)] == ["first", "second"]


@pytest.mark.parametrize("error", [OSError(28, "No space left"), RuntimeError("odd")])
async def test_whatever_a_store_raises_costs_no_line_and_no_later_file(error: Exception) -> None:
    stored: list[bytes] = []
    refusing = [True, False, True]

    async def store(_name: str, content: bytes) -> None:
        if refusing and refusing.pop():
            raise error
        stored.append(content)

    log = AccessLog("EAUTODJLAPTOP", store)
    for hours, client in enumerate(["first", "second", "third"]):
        log.note(Entry(NOW.timestamp() + hours * 3600, {"c-ip": client}))
    await log.flush()
    assert [line["c-ip"] for content in stored for line in lines_of(content)] == ["second"]
    await log.flush()
    assert [line["c-ip"] for content in stored for line in lines_of(content)] == [
        *("second", "first", "third")
    ]


async def test_an_end_in_the_middle_of_storing_stores_each_line_once() -> None:
    stored: list[bytes] = []
    under_way, go_on = asyncio.Event(), asyncio.Event()

    async def store(_name: str, content: bytes) -> None:
        under_way.set()
        await go_on.wait()
        stored.append(content)

    log = AccessLog("EAUTODJLAPTOP", store)
    for hours in range(3):
        log.note(Entry(NOW.timestamp() + hours * 3600, {"c-ip": str(hours)}))
    flushing = asyncio.create_task(log.keep_flushing(every_s=0))
    await under_way.wait()
    flushing.cancel()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await flushing
    assert [line["c-ip"] for content in stored for line in lines_of(content)] == ["0", "1", "2"]


async def test_a_store_that_is_cut_off_leaves_its_lines_for_the_next_time() -> None:
    stored: list[bytes] = []
    under_way = asyncio.Event()

    async def store(_name: str, content: bytes) -> None:
        if not under_way.is_set():
            under_way.set()
            await asyncio.Event().wait()
        stored.append(content)

    log = AccessLog("EAUTODJLAPTOP", store)
    log.note(Entry(NOW.timestamp(), {"c-ip": "first"}))
    flushing = asyncio.create_task(log.flush())
    await under_way.wait()
    while not flushing.done():
        flushing.cancel()
        await asyncio.sleep(0)
    await log.flush()
    assert [line["c-ip"] for content in stored for line in lines_of(content)] == ["first"]


async def test_only_access_logs_of_the_folder_grow_too_old(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "thesis.txt").write_text("ten years of work")
    (tmp_path / "EAUTODJLAPTOP.2020-01-01-00.0123abcd.gz").write_bytes(b"old")
    for file in tmp_path.iterdir():
        os.utime(file, (0, 0))
    log = AccessLog("EAUTODJLAPTOP", into_folder(tmp_path))
    log.note(Entry(NOW.timestamp(), {"c-ip": "first"}))
    await log.flush()
    await log.flush()
    [new] = tmp_path.glob("*.gz")
    assert "2026-05-01-12" in new.name
    assert sorted(file.name for file in tmp_path.iterdir()) == [new.name, "photos", "thesis.txt"]


async def test_a_file_that_finds_no_room_leaves_no_half_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: Path, content: bytes) -> None:
        with file.open("wb") as stream:
            stream.write(content[:1])
        raise OSError(28, "No space left")

    monkeypatch.setattr(Path, "write_bytes", full)
    log = AccessLog("EAUTODJLAPTOP", into_folder(tmp_path))
    log.note(Entry(NOW.timestamp()))
    await log.flush()
    assert [*tmp_path.iterdir()] == []


async def test_what_is_no_unicode_is_told_by_its_bytes(tmp_path: Path) -> None:
    log = AccessLog("EAUTODJLAPTOP", into_folder(tmp_path))
    log.note(Entry(NOW.timestamp(), {"sc-content-type": "audio/\udcff"}))
    await log.flush()
    [file] = tmp_path.iterdir()
    assert lines_of(file.read_bytes())[0]["sc-content-type"] == "audio/%FF"


async def test_logs_of_an_edge_land_in_the_folder_when_it_ends(
    s3_server: S3Server, tmp_path: Path
) -> None:
    there = there_in(s3_server, "logged")
    async with bucket(s3_server, "logged") as store:
        await store.put(KEY, DATA, sha256=sha256(DATA).hexdigest(), content_type="audio/mpeg")
    plan = Plan(there, None, tmp_path / "cache", logs=tmp_path / "logs")
    async with (
        open_edge(plan) as edge,
        ClientSession() as session,
        session.get(f"{edge.url}/{KEY}") as answer,
    ):
        assert len(await answer.read()) == SIZE
    [file] = (tmp_path / "logs").iterdir()
    [line] = lines_of(file.read_bytes())
    assert (line["cs-uri-stem"], line["sc-status"]) == (f"/{KEY}", "200")


async def test_logs_can_be_stored_in_the_bucket(s3_server: S3Server) -> None:
    there = there_in(s3_server, "log-bucket")
    names: list[str] = []
    async with bucket(s3_server, "log-bucket"), open_origin(there) as origin:
        store = into_bucket(origin, "logs/cdn/")

        async def noting(name: str, content: bytes) -> None:
            names.append(name)
            await store(name, content)

        log = AccessLog("EAUTODJLAPTOP", noting)
        log.note(Entry(NOW.timestamp(), {"c-ip": "first"}))
        await log.flush()
        stored = await origin.get(f"/logs/cdn/{names[0]}", {})
    assert [line["c-ip"] for line in lines_of(stored.body)] == ["first"]


def there_in(server: S3Server, name: str) -> Bucket:
    return Bucket(
        name,
        server.region,
        server.endpoint_url,
        path_style=True,
        access_key=server.access_key,
        secret_key=server.secret_key,
    )
