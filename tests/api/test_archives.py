"""Many tracks as one ZIP file, over HTTP."""

from __future__ import annotations

import asyncio
import hashlib
import io
import threading
import tracemalloc
import zipfile
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from autodj.api import archives
from autodj.api.files import LocalFiles
from autodj.db import FileSource, Track
from autodj.laptop.s3server import S3Server
from autodj.storage.base import ByteRange
from autodj.storage.keys import track_key
from autodj.storage.local import LocalStorage
from autodj.storage.zipstream import Member, length_bytes
from autodj.tracks.archive import Originals
from tests.api.serving import connection, exchange, serve
from tests.api.stage import Person, Stage, s3_settings_for, staged
from tests.builders import MOMENT

URL = "/api/v1/tracks/archive"


@pytest.fixture(scope="module")
def s3_stage(
    migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory, s3_server: S3Server
) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("stage")
    settings = s3_settings_for(folder, migrated_sqlite, s3_server, "archived-in-one")
    with staged(settings) as stage:
        assert stage.runtime.s3 is not None
        stage.run(stage.runtime.s3.ensure_bucket)
        yield stage


def on_s3(stage: Stage, owner: Person, content: bytes, **columns: object) -> Track:
    s3, track_id = stage.runtime.s3, uuid4()
    assert s3 is not None
    digest = hashlib.sha256(content).hexdigest()
    put, key = s3.put, track_key(track_id, 1, digest, "mp3")
    stage.run(lambda: put(key, content, sha256=digest, content_type="audio/mpeg"))
    facts: dict[str, Any] = {"id": track_id, "sha256": digest, "size_bytes": len(content)}
    there = {"file_source": FileSource.S3, "file_path": None, "s3_object_key": key}
    return stage.track(owner, **facts, **there, generation=1, **columns)


def read(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as found:
        assert found.testzip() is None
        return {name: found.read(name) for name in found.namelist()}


def test_tracks_arrive_in_one_file_from_wherever_they_lie(s3_stage: Stage) -> None:
    owner = s3_stage.person()
    times = [MOMENT + timedelta(minutes=n) for n in range(3)]
    s3_stage.stored(owner, b"here" * 1000, original_name="Night Bus.mp3", created_at=times[2])
    on_s3(s3_stage, owner, b"there" * 100_000, original_name="night bus.MP3", created_at=times[1])
    odd = "../../etc/pass\u202ewd\x00.mp3"
    s3_stage.stored(owner, b"odd", original_name=odd, created_at=times[0])
    s3_stage.stored(s3_stage.person(), b"somebody else's")

    answer = s3_stage.client.get(URL, headers=owner.bearer)

    assert answer.status_code == 200
    assert read(answer.content) == {
        "Night Bus.mp3": b"here" * 1000,
        "night bus (2).MP3": b"there" * 100_000,
        "passwd.mp3": b"odd",
    }
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == 'attachment; filename="autodj.zip"'
    assert answer.headers["content-length"] == str(len(answer.content))
    assert "no-store" in answer.headers["cache-control"]
    assert "Authorization" in answer.headers["vary"]


def test_some_of_them_by_id_in_that_order_or_by_what_they_are(stage: Stage, owner: Person) -> None:
    a = stage.stored(owner, b"a", original_name="a.mp3", bpm=90.0, title="Slow")
    b = stage.stored(owner, b"b", original_name="b.mp3", bpm=174.0, title="Fast")

    def names(query: str) -> list[str]:
        answer = stage.client.get(f"{URL}?{query}", headers=owner.bearer)
        assert answer.status_code == 200, answer.text
        return [*read(answer.content)]

    assert names(f"id={b.id}&id={a.id}&id={b.id}") == ["b.mp3", "a.mp3"]
    assert names(f"id={a.id}") == ["a.mp3"]
    assert names("bpm_min=100") == ["b.mp3"]
    assert names("q=slow") == ["a.mp3"]
    assert names("q=nothing+such") == []


def test_a_head_tells_the_size_without_the_bytes(stage: Stage, owner: Person) -> None:
    stage.stored(owner, b"a" * 1000)
    whole = stage.client.get(URL, headers=owner.bearer)

    told = stage.client.head(URL, headers=owner.bearer)

    assert (told.status_code, told.content) == (200, b"")
    assert told.headers["content-length"] == str(len(whole.content))


def test_what_is_wrong_is_told_before_the_first_byte(stage: Stage, owner: Person) -> None:
    fine = stage.stored(owner, b"fine")
    strangers = stage.stored(stage.person(), b"not yours")
    gone = stage.track(owner)
    short = stage.stored(owner, b"short")
    stage.runtime.local.path(str(short.file_path)).write_bytes(b"sho")

    def refused(query: str) -> tuple[int, str]:
        answer = stage.client.get(f"{URL}?{query}", headers=owner.bearer)
        assert answer.headers["content-type"] == "application/problem+json"
        return answer.status_code, answer.json()["code"]

    assert refused(f"id={fine.id}&id={strangers.id}") == (404, "not_found")
    assert refused(f"id={fine.id}&id={uuid4()}") == (404, "not_found")
    assert refused(f"id={fine.id}&id={gone.id}") == (503, "source_unreadable")
    assert refused(f"id={fine.id}&id={short.id}") == (502, "integrity")
    assert refused("id=x") == (422, "invalid_field")
    assert refused(f"id={fine.id}&q=words") == (422, "invalid_field")
    assert refused("ids=1") == (422, "invalid_field")
    assert stage.client.get(URL).status_code == 401


def test_more_than_an_archive_takes_is_refused(
    stage: Stage, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MAX_TRACKS", 2)
    for body in (b"1", b"2", b"3"):
        stage.stored(owner, body)

    answer = stage.client.get(URL, headers=owner.bearer)

    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    too_many = "&".join(f"id={uuid4()}" for _ in range(archives.MAX_IDS + 1))
    assert stage.client.get(f"{URL}?{too_many}", headers=owner.bearer).status_code == 422


def test_an_archive_takes_a_place_and_gives_it_back(stage: Stage, owner: Person) -> None:
    stage.stored(owner, b"a")
    files = stage.client.app_state["web"].files
    before = files.free_places
    try:
        files.free_places = 0
        assert stage.client.get(URL, headers=owner.bearer).status_code == 503
        assert files.free_places == 0
        files.free_places = 1
        assert stage.client.get(URL, headers=owner.bearer).status_code == 200
        assert files.free_places == 1
    finally:
        files.free_places = before


def test_a_track_that_moves_between_the_look_and_the_bytes_is_read_where_it_is_then(
    s3_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = s3_stage.person()
    track = on_s3(s3_stage, owner, b"moved" * 1000)
    local_key, digest = track_key(track.id, 0, track.sha256, "mp3"), track.sha256

    def describe(**columns: object) -> None:
        async def change() -> None:
            async with s3_stage.runtime.db.transaction() as session:
                row = await session.get(Track, track.id)
                for name, value in columns.items():
                    setattr(row, name, value)

        s3_stage.run(change)

    here = {"file_source": FileSource.LOCAL, "file_path": local_key, "s3_object_key": None}
    there = {name: getattr(track, name) for name in here}
    put = s3_stage.runtime.local.put
    s3_stage.run(lambda: put(local_key, b"moved" * 1000, sha256=digest, content_type="audio/mpeg"))
    describe(**here)
    open_one = LocalStorage.read

    def cleaned_first(self: LocalStorage, key: str, byte_range: Any = None) -> Any:
        s3_row.set()
        self.path(key).unlink(missing_ok=True)
        return open_one(self, key, byte_range)

    async def as_it_is_then(self: Originals, track_id: UUID) -> Track:
        row = await read_row(self, track_id)
        return row.model_copy(update=there) if s3_row.is_set() else row

    s3_row = threading.Event()
    read_row = Originals._row
    monkeypatch.setattr(LocalStorage, "read", cleaned_first)
    monkeypatch.setattr(Originals, "_row", as_it_is_then)

    answer = s3_stage.client.get(f"{URL}?id={track.id}", headers=owner.bearer)

    assert [*read(answer.content).values()] == [b"moved" * 1000]


def test_an_object_that_breaks_off_in_the_middle_breaks_the_connection(tmp_path: Path) -> None:
    body = bytes(100_000)
    local = LocalStorage(tmp_path)
    for name in ("1", "2"):
        asyncio.run(
            local.put(name, body, sha256=hashlib.sha256(body).hexdigest(), content_type="a/b")
        )
    noon = datetime(2026, 11, 21, 12, tzinfo=UTC)
    parts = [Member("1", "1.mp3", len(body), noon), Member("2", "2.mp3", 2 * len(body), noon)]
    files = LocalFiles(tmp_path, max_senders=1)
    zipped = archives.ZippedBytes(local, parts, files=files)

    with serve(zipped) as port:
        received = exchange(port, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")

    head, _, sent = received.partition(b"\r\n\r\n")
    assert f"content-length: {length_bytes(parts)}".encode() in head.lower()
    assert 200_000 < len(sent) < length_bytes(parts)
    assert files.free_places == 1
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(io.BytesIO(sent))


class Endless:
    """Bytes under every key that nobody has seen before, so that whoever keeps them is found."""

    @asynccontextmanager
    async def read(
        self, key: str, byte_range: ByteRange | None = None
    ) -> AsyncGenerator[AsyncIterator[bytes], None]:
        del key, byte_range

        async def blocks() -> AsyncIterator[bytes]:
            for _ in range(64):
                yield bytes(2**20)

        yield blocks()


def test_an_archive_of_any_size_takes_the_same_memory(tmp_path: Path) -> None:
    noon = datetime(2026, 11, 21, 12, tzinfo=UTC)
    parts = [Member(str(n), f"{n}.mp3", 64 * 2**20, noon) for n in range(3)]
    zipped = archives.ZippedBytes(Endless(), parts, files=LocalFiles(tmp_path, max_senders=1))
    received = 0
    with serve(zipped) as port, connection(port) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        tracemalloc.start()
        try:
            while piece := client.recv(2**18):
                received += len(piece)
            _, peak_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert received > length_bytes(parts)
    assert peak_bytes < 16 * 2**20
