from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import aiohttp
import pytest
from yarl import URL

from autodj.cdn.signer import CloudFrontSigner, load_public_key
from autodj.errors import StoreUnreachable
from autodj.laptop.edge import edge_app
from autodj.laptop.keys import laptop_keys
from autodj.laptop.s3server import S3Server
from autodj.laptop.serving import serving
from autodj.storage.base import ByteRange, ObjectStat
from autodj.storage.keys import analysis_key, cover_key, track_key
from autodj.storage.local import LocalStorage
from tests.laptop.test_s3server import bucket

TRACK_ID = UUID("0b8cf3f1-8a4e-4a57-9d5d-0a6f6d8c2f11")
DATA = bytes(range(256)) * 5000  # 1,280,000 bytes: three blocks of the cache
SIZE = len(DATA)
KEY = track_key(TRACK_ID, 1, sha256(DATA).hexdigest(), "mp3")
ALWAYS = {
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Accept-Ranges": "bytes",
}
EXPOSED = {"Content-Range", "Accept-Ranges", "Content-Length", "ETag"}
NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


class CountingStore(LocalStorage):
    """The local store, which also knows how often it was asked and what is still open."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.stats = 0
        self.ranges: list[ByteRange | None] = []
        self.open = 0

    async def stat(self, key: str) -> ObjectStat:
        self.stats += 1
        return await super().stat(key)

    @asynccontextmanager
    async def read(
        self, key: str, byte_range: ByteRange | None = None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        self.ranges.append(byte_range)
        self.open += 1
        try:
            async with super().read(key, byte_range) as chunks:
                yield chunks
        finally:
            self.open -= 1


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Client:
    session: aiohttp.ClientSession
    origin: str
    store: CountingStore = field(repr=False)

    async def ask(
        self, path: str, headers: Mapping[str, str] | None = None, method: str = "GET"
    ) -> Answer:
        url = URL(path if path.startswith("http") else f"{self.origin}{path}", encoded=True)
        async with self.session.request(method, url, headers=headers) as answer:
            return Answer(answer.status, answer.headers, await answer.read())


@pytest.fixture
async def store(tmp_path: Path) -> CountingStore:
    store = CountingStore(tmp_path / "objects")
    await store.put(KEY, DATA, sha256=sha256(DATA).hexdigest(), content_type="audio/mpeg")
    return store


@pytest.fixture
async def session() -> AsyncGenerator[aiohttp.ClientSession]:
    # A kept connection would make the edge wait for it when it stops.
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as session:
        yield session


@pytest.fixture
async def plain(store: CountingStore, session: aiohttp.ClientSession) -> AsyncGenerator[Client]:
    """An edge that serves plain links."""
    async with serving(edge_app(store, None)) as origin:
        yield Client(session, origin, store)


@pytest.fixture
async def signed(
    store: CountingStore, session: aiohttp.ClientSession, tmp_path: Path
) -> AsyncGenerator[tuple[Client, CloudFrontSigner]]:
    """An edge that wants signatures, and who can make them; it is always NOW there."""
    keys = laptop_keys(tmp_path)
    public_keys = {keys.cdn_key_pair_id: load_public_key(keys.cdn_public_key_pem)}
    async with serving(edge_app(store, public_keys, now=lambda: NOW)) as origin:
        signer = CloudFrontSigner(origin, keys.cdn_key_pair_id, keys.cdn_private_key_pem)
        yield Client(session, origin, store), signer


@pytest.mark.parametrize(
    ("asked", "status", "content_range", "first", "stop"),
    [
        (None, 200, None, 0, SIZE),
        ("bytes=0-", 206, f"bytes 0-{SIZE - 1}/{SIZE}", 0, SIZE),
        ("bytes=0-0", 206, f"bytes 0-0/{SIZE}", 0, 1),
        ("bytes=524287-524288", 206, f"bytes 524287-524288/{SIZE}", 524287, 524289),
        ("bytes=600000-", 206, f"bytes 600000-{SIZE - 1}/{SIZE}", 600000, SIZE),
        ("bytes=-5", 206, f"bytes {SIZE - 5}-{SIZE - 1}/{SIZE}", SIZE - 5, SIZE),
        ("bytes=1279999-99999999999", 206, f"bytes 1279999-1279999/{SIZE}", SIZE - 1, SIZE),
        ("bytes=0-1,5-9", 200, None, 0, SIZE),
        ("bytes=9-5", 200, None, 0, SIZE),
        ("bytes=a-b", 200, None, 0, SIZE),
        ("items=0-1", 200, None, 0, SIZE),
    ],
)
async def test_ranges_are_answered_exactly(
    plain: Client, asked: str | None, status: int, content_range: str | None, first: int, stop: int
) -> None:
    answer = await plain.ask(f"/{KEY}", {} if asked is None else {"Range": asked})
    assert answer.status == status
    assert answer.body == DATA[first:stop]
    assert answer.headers.get("Content-Range") == content_range
    assert answer.headers["Content-Length"] == str(stop - first)


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", f"/{KEY}", {}, 200),
        ("HEAD", f"/{KEY}", {}, 200),
        ("GET", f"/{KEY}", {"Range": "bytes=1-2"}, 206),
        ("GET", f"/{KEY}", {"If-None-Match": "*"}, 304),
        ("GET", f"/{KEY}?Expires=1&Signature=x&Key-Pair-Id=K", {}, 200),
        ("GET", f"/{KEY}", {"If-Match": '"other"'}, 412),
        ("GET", f"/{KEY}", {"Range": f"bytes={SIZE}-"}, 416),
        ("GET", f"/{KEY.replace('1-', '2-', 1)}", {}, 404),
        ("HEAD", f"/{KEY.replace('1-', '2-', 1)}", {}, 404),
        ("GET", "/", {}, 403),
        ("GET", "/users/secret.json", {}, 403),
        ("GET", "/tracksuit/a", {}, 403),
        ("GET", "/tracks/../users/secret.json", {}, 403),
        ("GET", "/tracks/%2e%2e/users/secret.json", {}, 403),
        ("GET", "/tracks/A", {}, 403),
        ("GET", "/tracks/%00", {}, 403),
        ("PUT", f"/{KEY}", {}, 403),
        ("DELETE", f"/{KEY}", {}, 403),
    ],
)
async def test_every_answer_can_be_read_by_a_page_of_another_site(
    plain: Client, method: str, path: str, headers: Mapping[str, str], status: int
) -> None:
    answer = await plain.ask(path, headers, method)
    assert answer.status == status
    assert {name: answer.headers[name] for name in ALWAYS} == ALWAYS
    assert set(answer.headers["Access-Control-Expose-Headers"].split(", ")) >= EXPOSED
    if status < 400:
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["ETag"].startswith('"')
    else:
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Content-Type"].startswith("text/xml")
    if method == "HEAD" or status == 304:
        assert answer.body == b""
    elif status >= 400:
        assert answer.body.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>')


async def test_an_unsatisfiable_range_is_told_the_size(plain: Client) -> None:
    answer = await plain.ask(f"/{KEY}", {"Range": f"bytes={SIZE}-"})
    assert answer.headers["Content-Range"] == f"bytes */{SIZE}"


async def test_head_describes_what_get_sends(plain: Client) -> None:
    head = await plain.ask(f"/{KEY}", method="HEAD")
    get = await plain.ask(f"/{KEY}")
    same = ["Content-Length", "Content-Type", "ETag", "Last-Modified", "Cache-Control"]
    assert [head.headers[name] for name in same] == [get.headers[name] for name in same]
    assert get.headers["Content-Type"] == "audio/mpeg"


async def test_the_entity_tag_saves_the_body_and_guards_a_range(plain: Client) -> None:
    etag = (await plain.ask(f"/{KEY}", method="HEAD")).headers["ETag"]
    assert (await plain.ask(f"/{KEY}", {"If-None-Match": etag})).status == 304
    assert (await plain.ask(f"/{KEY}", {"If-None-Match": '"other"'})).status == 200
    ranged = {"Range": "bytes=0-9"}
    assert (await plain.ask(f"/{KEY}", {**ranged, "If-Range": etag})).status == 206
    assert (await plain.ask(f"/{KEY}", {**ranged, "If-Range": '"other"'})).status == 200


async def test_a_preflight_is_answered_without_a_signature(
    signed: tuple[Client, CloudFrontSigner],
) -> None:
    client, _ = signed
    headers = {
        "Origin": "https://app.example",
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "range,if-range",
    }
    answer = await client.ask(f"/{KEY}", headers, "OPTIONS")
    assert answer.status == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "GET" in answer.headers["Access-Control-Allow-Methods"]
    assert {"Range", "If-Range"} <= set(answer.headers["Access-Control-Allow-Headers"].split(", "))


async def test_covers_and_analysis_are_served_with_their_types(plain: Client) -> None:
    digest = sha256(b"x").hexdigest()
    for key, kind in [
        (cover_key(TRACK_ID, digest), "image/jpeg"),
        (analysis_key(TRACK_ID, digest), "application/gzip"),
    ]:
        await plain.store.put(key, b"x", sha256=digest, content_type=kind)
        answer = await plain.ask(f"/{key}")
        assert (answer.status, answer.body) == (200, b"x")
        assert answer.headers["Content-Type"] == kind


async def test_a_signed_link_is_honoured_until_it_ends(
    signed: tuple[Client, CloudFrontSigner],
) -> None:
    client, signer = signed
    link = signer.link(KEY, expires_at=NOW + timedelta(seconds=1))
    for headers, status in [({}, 200), ({"Range": "bytes=10-19"}, 206)]:
        assert (await client.ask(link, headers)).status == status
    ended = signer.link(KEY, expires_at=NOW)
    assert (await client.ask(ended)).status == 403


def swap(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new, 1)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda link: link.partition("?")[0], b"MissingKey"),
        (lambda link: swap(link, "Expires=1", "Expires=9"), b"AccessDenied"),
        (lambda link: swap(link, "/1-", "/2-"), b"AccessDenied"),
        (lambda link: swap(link, "/tracks/", "/tracks/../tracks/"), b"AccessDenied"),
        (lambda link: swap(link, "Key-Pair-Id=K", "Key-Pair-Id=L"), b"AccessDenied"),
        (lambda link: swap(link, "&Hash-Algorithm=SHA256", ""), b"AccessDenied"),
        (lambda link: swap(link, "Signature=M", "Signature=N"), b"AccessDenied"),
        (lambda link: f"{link}&Policy=x", b"AccessDenied"),
        (lambda link: f"{link}&more=1", b"AccessDenied"),
        (lambda link: swap(link, "127.0.0.1", "localhost"), b"AccessDenied"),
    ],
)
async def test_a_link_that_was_changed_is_refused(
    signed: tuple[Client, CloudFrontSigner], change: Callable[[str], str], code: bytes
) -> None:
    client, signer = signed
    link = signer.link(KEY, expires_at=NOW + timedelta(hours=1))
    assert (await client.ask(link)).status == 200
    answer = await client.ask(change(link))
    assert answer.status == 403
    assert code in answer.body
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


async def test_a_second_request_is_served_from_the_cache_whatever_its_signature(
    signed: tuple[Client, CloudFrontSigner],
) -> None:
    client, signer = signed
    verdicts = []
    for hours in (1, 2):
        answer = await client.ask(signer.link(KEY, expires_at=NOW + timedelta(hours=hours)))
        assert answer.body == DATA
        verdicts.append(answer.headers["X-Cache"])
    link = signer.link(KEY, expires_at=NOW + timedelta(hours=3))
    part = await client.ask(link, {"Range": "bytes=600000-700000"})
    assert part.body == DATA[600000:700001]
    verdicts.append(part.headers["X-Cache"])
    assert verdicts == ["Miss from autodj edge", "Hit from autodj edge", "Hit from autodj edge"]
    assert (client.store.stats, len(client.store.ranges)) == (1, 1)


async def test_a_cache_smaller_than_the_object_still_serves_it(
    store: CountingStore, session: aiohttp.ClientSession
) -> None:
    async with serving(edge_app(store, None, cache_bytes=600_000)) as origin:
        client = Client(session, origin, store)
        for _ in range(2):
            answer = await client.ask(f"/{KEY}")
            assert answer.body == DATA
            assert answer.headers["X-Cache"] == "Miss from autodj edge"


async def test_a_client_that_leaves_lets_go_of_the_origin(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    big = os.urandom(40_000_000)
    key = track_key(TRACK_ID, 3, sha256(big).hexdigest(), "wav")
    store = CountingStore(tmp_path / "objects")
    await store.put(key, big, sha256=sha256(big).hexdigest(), content_type="audio/wav")
    async with serving(edge_app(store, None)) as origin:
        answer = await session.get(f"{origin}/{key}")
        assert await answer.content.readexactly(1000) == big[:1000]
        assert store.open == 1
        answer.close()
        while store.open:
            await asyncio.sleep(0.02)
        assert (await Client(session, origin, store).ask(f"/{key}")).body == big


class UnreachableStore(CountingStore):
    """Knows its objects, and cannot be reached for their bytes."""

    @asynccontextmanager
    async def read(
        self, key: str, byte_range: ByteRange | None = None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        raise StoreUnreachable(f"no way to {key} {byte_range}")
        yield  # type: ignore[unreachable] # makes this a generator


class ShortStore(CountingStore):
    """Ends every answer half way, as a broken connection does."""

    @asynccontextmanager
    async def read(
        self, key: str, byte_range: ByteRange | None = None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        assert byte_range is not None
        half = ByteRange(byte_range.start, byte_range.start + byte_range.length // 2)
        async with super().read(key, half) as chunks:
            yield chunks


@pytest.mark.usefixtures("store")
async def test_an_origin_that_cannot_be_reached_is_a_502_before_any_byte(
    session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    broken = UnreachableStore(tmp_path / "objects")
    async with serving(edge_app(broken, None)) as origin:
        answer = await Client(session, origin, broken).ask(f"/{KEY}")
    assert answer.status == 502
    assert b"<Code>BadGateway</Code>" in answer.body


@pytest.mark.usefixtures("store")
async def test_an_origin_that_stops_half_way_is_never_a_complete_answer(
    session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    short = ShortStore(tmp_path / "objects")
    async with serving(edge_app(short, None)) as origin:
        with pytest.raises(aiohttp.ClientPayloadError):
            await Client(session, origin, short).ask(f"/{KEY}")


async def test_the_edge_plays_from_a_private_bucket(
    s3_server: S3Server, session: aiohttp.ClientSession
) -> None:
    async with bucket(s3_server, "behind-the-edge") as store:
        digest = sha256(DATA).hexdigest()
        await store.put(KEY, DATA, sha256=digest, content_type="audio/mpeg")
        async with (
            serving(edge_app(store, None)) as origin,
            session.get(f"{origin}/{KEY}", headers={"Range": "bytes=600000-"}) as answer,
        ):
            assert answer.status == 206
            assert await answer.read() == DATA[600000:]
            assert answer.headers["Content-Type"] == "audio/mpeg"
        async with session.get(f"{s3_server.endpoint_url}/behind-the-edge/{KEY}") as direct:
            assert direct.status == 403
