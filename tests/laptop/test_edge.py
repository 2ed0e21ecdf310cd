from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from hashlib import sha256
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from autodj.cdn.keys import load_public_key
from autodj.cdn.signer import CloudFrontSigner, Terms
from autodj.errors import StoreTimeout, StoreUnreachable
from autodj.laptop.edge.distribution import Behaviour
from autodj.laptop.edge.head import BLOCK_BYTES
from autodj.laptop.edge.keygroup import KeyGroup
from autodj.laptop.edge.origin import Bucket, OriginAnswer
from autodj.laptop.edge.service import Plan, open_edge
from autodj.laptop.keys import laptop_keys
from autodj.laptop.s3server import S3Server
from tests.laptop.edges import (
    DATA,
    IMMUTABLE,
    KEY,
    MODIFIED,
    NOW,
    PATH,
    SIZE,
    Client,
    CutShort,
    Object,
    Shelf,
    edge_client,
    scope_of,
    served,
)
from tests.laptop.test_s3server import bucket

ALWAYS = {
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Accept-Ranges": "bytes",
}
EXPOSED = {"Content-Range", "Accept-Ranges", "Content-Length", "ETag"}
ELSEWHERE = PATH.replace("1-", "2-", 1)


@pytest.fixture
def plain(tmp_path: Path) -> Client:
    """An edge that serves plain links."""
    return edge_client(tmp_path / "cache")


@pytest.fixture
def signed(tmp_path: Path) -> tuple[Client, CloudFrontSigner]:
    """An edge that wants signatures, and who can make them."""
    keys = laptop_keys(tmp_path)
    public_keys = {keys.cdn_key_pair_id: load_public_key(keys.cdn_public_key_pem)}
    client = edge_client(tmp_path / "cache", keys=KeyGroup(given=public_keys).current)
    return client, CloudFrontSigner(client.url, keys.cdn_key_pair_id, keys.cdn_private_key_pem)


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
        (f"bytes={'9' * 5000}-", 200, None, 0, SIZE),
        (f"bytes={SIZE}-", 416, f"bytes */{SIZE}", 0, 0),
        ("bytes=99999999999-", 416, f"bytes */{SIZE}", 0, 0),
        ("bytes=-0", 416, f"bytes */{SIZE}", 0, 0),
    ],
)
async def test_ranges_are_answered_exactly(
    plain: Client, asked: str | None, status: int, content_range: str | None, first: int, stop: int
) -> None:
    answer = await plain.ask(PATH, {} if asked is None else {"Range": asked})
    assert answer.status == status
    assert answer.headers.get("Content-Range") == content_range
    assert answer.headers["Content-Length"] == str(len(answer.body))
    assert answer.status == 416 or answer.body == DATA[first:stop]


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", PATH, {}, 200),
        ("HEAD", PATH, {}, 200),
        ("GET", PATH, {"Range": "bytes=1-2"}, 206),
        ("GET", PATH, {"If-None-Match": "*"}, 304),
        ("GET", f"{PATH}?Expires=1&Signature=x&Key-Pair-Id=K", {}, 200),
        ("GET", PATH, {"If-Match": '"other"'}, 412),
        ("GET", PATH, {"Range": f"bytes={SIZE}-"}, 416),
        ("GET", ELSEWHERE, {}, 404),
        ("HEAD", ELSEWHERE, {}, 404),
        ("GET", "/", {}, 403),
        ("GET", "/?list-type=2", {}, 403),
        ("GET", "/tracks/../users/secret.json", {}, 403),
        ("GET", "/tracks/%2e%2e/users/secret.json", {}, 403),
        ("GET", "/tracks%2f..%2fusers/secret.json", {}, 403),
        ("PUT", PATH, {}, 403),
        ("DELETE", PATH, {}, 403),
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
        assert answer.headers["Cache-Control"] == IMMUTABLE
        assert answer.headers["ETag"].startswith('"')
        assert answer.x_cache in {"Hit", "Miss"}
    else:
        assert answer.x_cache == "Error"
    if method == "HEAD" or status == 304:
        assert answer.body == b""
    elif status >= 400:
        assert answer.body


async def test_head_describes_what_get_sends(plain: Client) -> None:
    head = await plain.ask(method="HEAD")
    get = await plain.ask()
    same = ["Content-Length", "Content-Type", "ETag", "Last-Modified", "Cache-Control"]
    assert [head.headers[name] for name in same] == [get.headers[name] for name in same]
    assert get.headers["Content-Type"] == "audio/mpeg"


LATER = format_datetime(datetime(2026, 4, 2, tzinfo=UTC), usegmt=True)
EARLIER = format_datetime(datetime(2026, 3, 1, tzinfo=UTC), usegmt=True)
ETAG = Object(DATA).etag


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If-None-Match": ETAG}, 304),
        ({"If-None-Match": f'"a", W/{ETAG}'}, 304),
        ({"If-None-Match": '"other"'}, 200),
        ({"If-Modified-Since": MODIFIED}, 304),
        ({"If-Modified-Since": LATER}, 304),
        ({"If-Modified-Since": EARLIER}, 200),
        ({"If-Modified-Since": "yesterday"}, 200),
        ({"If-None-Match": '"other"', "If-Modified-Since": LATER}, 200),
        ({"If-Match": ETAG}, 200),
        ({"If-Match": f"W/{ETAG}"}, 412),
        ({"If-Unmodified-Since": EARLIER}, 412),
        ({"If-Unmodified-Since": MODIFIED}, 200),
        ({"Range": "bytes=0-9", "If-Range": ETAG}, 206),
        ({"Range": "bytes=0-9", "If-Range": f"W/{ETAG}"}, 200),
        ({"Range": "bytes=0-9", "If-Range": '"other"'}, 200),
        ({"Range": "bytes=0-9", "If-Range": MODIFIED}, 206),
        ({"Range": "bytes=0-9", "If-Range": LATER}, 200),
        ({"Range": "bytes=0-9", "If-None-Match": ETAG}, 304),
    ],
)
async def test_conditions_are_judged_as_the_standard_says(
    plain: Client, headers: Mapping[str, str], status: int
) -> None:
    assert (await plain.ask(PATH, headers)).status == status


async def test_a_weak_tag_guards_no_range(plain: Client) -> None:
    plain.shelf.objects["/tracks/a"] = Object(DATA, {"etag": 'W/"weak"'})
    headers = {"Range": "bytes=0-9", "If-Range": 'W/"weak"'}
    assert (await plain.ask("/tracks/a", headers)).status == 200
    assert (await plain.ask("/tracks/a", {"If-None-Match": 'W/"weak"'})).status == 304


async def test_an_empty_object_is_an_answer_too(plain: Client) -> None:
    plain.shelf.objects["/tracks/empty"] = Object(b"")
    for headers, status in [({}, 200), ({"Range": "bytes=0-"}, 416), ({"Range": "bytes=-5"}, 200)]:
        answer = await plain.ask("/tracks/empty", headers)
        assert answer.status == status
        assert status == 416 or answer.body == b""


async def test_a_preflight_is_answered_without_a_signature(
    signed: tuple[Client, CloudFrontSigner],
) -> None:
    client, _ = signed
    headers = {
        "Origin": "https://app.example",
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "range,if-range",
    }
    answer = await client.ask(PATH, headers, "OPTIONS")
    assert answer.status == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "GET" in answer.headers["Access-Control-Allow-Methods"]
    assert {"Range", "If-Range"} <= set(answer.headers["Access-Control-Allow-Headers"].split(", "))


async def test_what_the_origin_says_of_an_object_is_passed_on(plain: Client) -> None:
    said = {
        "content-type": "application/gzip",
        "content-disposition": 'attachment; filename="a"',
        "x-amz-meta-of": "somebody",
        "x-amz-server-side-encryption": "AES256",
        "x-amz-request-id": "not of the object",
    }
    plain.shelf.objects["/analysis/a"] = Object(b"x", said)
    for _ in range(2):
        answer = await plain.ask("/analysis/a")
        told = {name: answer.headers.get(name) for name in said}
        assert told == {**said, "x-amz-request-id": None}


async def test_headers_that_are_no_ascii_go_out_as_they_came(plain: Client) -> None:
    name = "Zoë".encode().decode("utf-8", "surrogateescape")
    odd = b"Zo\xeb".decode("utf-8", "surrogateescape")
    plain.shelf.objects["/tracks/a"] = Object(b"x", {"x-amz-meta-a": name, "x-amz-meta-b": odd})
    answer = await plain.ask("/tracks/a")
    assert answer.headers["x-amz-meta-a"].encode("latin-1") == "Zoë".encode()
    assert answer.headers["x-amz-meta-b"] == "Zoë"


async def test_a_range_far_beyond_every_object_is_not_the_origins_business(plain: Client) -> None:
    answer = await plain.ask(PATH, {"Range": f"bytes={10**30}-"})
    assert answer.status == 416
    assert plain.shelf.asked == [(PATH, f"bytes=0-{BLOCK_BYTES - 1}")]


async def test_a_signed_link_is_honoured_until_it_ends(
    signed: tuple[Client, CloudFrontSigner],
) -> None:
    client, signer = signed
    link = signer.link(KEY, expires_at=NOW + timedelta(seconds=10))
    for headers, status in [({}, 200), ({"Range": "bytes=10-19"}, 206)]:
        assert (await client.ask(link, headers)).status == status
    client.clock.now += 10
    assert (await client.ask(link)).status == 403


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
        (lambda link: swap(link, "Key-Pair-Id=K", "Key-Pair-Id=L"), b"InvalidKey"),
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
    assert answer.headers["Content-Type"] == "application/xml"


@pytest.mark.parametrize(
    ("terms", "pattern", "status"),
    [
        (Terms(NOW + timedelta(hours=1)), "tracks/*", 200),
        (Terms(NOW + timedelta(hours=1)), "covers/*", 403),
        (Terms(NOW), "tracks/*", 403),
        (Terms(NOW + timedelta(hours=2), not_before=NOW + timedelta(hours=1)), "tracks/*", 403),
        (Terms(NOW + timedelta(hours=1), addresses=IPv4Network("127.0.0.0/8")), "*", 200),
        (Terms(NOW + timedelta(hours=1), addresses=IPv4Network("192.0.2.0/24")), "*", 403),
    ],
)
async def test_policies_open_what_they_say_by_url_and_by_cookie(
    signed: tuple[Client, CloudFrontSigner], terms: Terms, pattern: str, status: int
) -> None:
    client, signer = signed
    assert (await client.ask(f"{PATH}?{signer.custom_query(pattern, terms)}")).status == status
    cookies = signer.cookies(pattern, terms).values
    header = "; ".join(f"{name}={value}" for name, value in {"theme": "dark", **cookies}.items())
    assert (await client.ask(PATH, {"Cookie": header})).status == status


@pytest.mark.parametrize(
    ("path", "status"),
    [("/public/a.mp3", 200), ("/public/deep/a.mp3", 200), ("/publicity/a.mp3", 403), (PATH, 403)],
)
async def test_what_lies_below_public_needs_no_signature(
    signed: tuple[Client, CloudFrontSigner], path: str, status: int
) -> None:
    client, _ = signed
    client.shelf.objects[path] = Object(DATA)
    assert (await client.ask(path)).status == status


@pytest.mark.parametrize(
    ("pattern", "path", "applies"),
    [
        ("public/*", "/public/a", True),
        ("/public/*", "/public/a/b", True),
        ("*.jpg", "/covers/a.jpg", True),
        ("*.jpg", "/covers/a.jpg.exe", False),
        ("a?c", "/abc", True),
        ("a?c", "/ac", False),
        ("a.c", "/abc", False),
        ("A*", "/abc", False),
    ],
)
def test_patterns_are_read_as_cloudfront_reads_them(pattern: str, path: str, applies: bool) -> None:
    assert Behaviour(pattern, signed=False).applies_to(path) == applies


async def test_a_second_request_is_served_from_the_cache_whatever_its_signature(
    signed: tuple[Client, CloudFrontSigner],
) -> None:
    client, signer = signed
    verdicts = []
    for hours in (1, 2):
        answer = await client.ask(signer.link(KEY, expires_at=NOW + timedelta(hours=hours)))
        assert answer.body == DATA
        verdicts.append(answer.x_cache)
    link = signer.link(KEY, expires_at=NOW + timedelta(hours=3))
    part = await client.ask(link, {"Range": "bytes=600000-700000"})
    assert part.body == DATA[600000:700001]
    assert [*verdicts, part.x_cache] == ["Miss", "Hit", "Hit"]
    blocks = [f"bytes={at}-{min(at + BLOCK_BYTES, SIZE) - 1}" for at in range(0, SIZE, BLOCK_BYTES)]
    first = f"bytes=0-{BLOCK_BYTES - 1}"
    assert client.shelf.asked == [(PATH, first), *((PATH, each) for each in blocks[1:])]


async def test_a_query_neither_divides_the_cache_nor_reaches_the_origin(plain: Client) -> None:
    assert (await plain.ask(f"{PATH}?a=1")).x_cache == "Miss"
    assert (await plain.ask(f"{PATH}?b=2")).x_cache == "Hit"
    assert {path for path, _ in plain.shelf.asked} == {PATH}


async def test_answers_bear_the_marks_of_their_way(plain: Client) -> None:
    first = await plain.ask()
    plain.clock.now += 100
    second = await plain.ask()
    assert "Age" not in first.headers
    assert second.headers["Age"] == "100"
    assert second.headers["Date"] == first.headers["Date"] == format_datetime(NOW, usegmt=True)
    assert first.headers["Via"] == "1.1 eautodjlaptop.cloudfront.net (CloudFront)"
    assert first.headers["X-Amz-Cf-Pop"] == "LAP50-P1"
    assert len({each.headers["X-Amz-Cf-Id"] for each in (first, second)}) == 2


@pytest.mark.parametrize(
    ("cache_control", "fresh_s"),
    [
        ("max-age=60", 60),
        ("max-age=60, s-maxage=600", 600),
        ("no-store", 1),
        ("private", 1),
        (None, 86400),
        ("max-age=99999999999", 31536000),
    ],
)
async def test_a_copy_is_asked_about_again_when_it_is_no_longer_fresh(
    plain: Client, cache_control: str | None, fresh_s: int
) -> None:
    headers = {} if cache_control is None else {"cache-control": cache_control}
    plain.shelf.objects[PATH] = Object(DATA, headers)
    assert (await plain.ask()).x_cache == "Miss"
    plain.clock.now += fresh_s - 1
    assert (await plain.ask()).x_cache == ("Miss" if fresh_s == 0 else "Hit")
    plain.clock.now += 1
    assert (await plain.ask()).x_cache == "RefreshHit"
    assert (await plain.ask()).x_cache == "Hit"


async def test_an_object_that_changed_is_fetched_anew_when_its_copy_is_over(plain: Client) -> None:
    plain.shelf.objects[PATH] = Object(DATA, {"cache-control": "max-age=60"})
    await plain.ask()
    plain.shelf.objects[PATH] = Object(DATA[::-1], {"cache-control": "max-age=60"})
    assert (await plain.ask()).body == DATA
    plain.clock.now += 60
    answer = await plain.ask()
    assert (answer.x_cache, answer.body) == ("Miss", DATA[::-1])
    # Nothing of the object that was before takes room.
    assert plain.cache.held_bytes < SIZE + 5000


async def test_an_object_that_changes_under_a_copy_never_gives_a_mixture(plain: Client) -> None:
    assert (await plain.part(0, 10)).body == DATA[:10]
    plain.shelf.objects[PATH] = Object(DATA[::-1])
    with pytest.raises(CutShort):
        await plain.ask()
    assert (await plain.ask()).body == DATA[::-1]


async def test_errors_are_passed_on_and_remembered_for_a_moment(plain: Client) -> None:
    answer = await plain.ask(ELSEWHERE)
    assert answer.body == b"<Error><Code>NoSuchKey</Code><Key>k</Key></Error>"
    plain.shelf.objects[ELSEWHERE] = Object(DATA)
    plain.clock.now += 9
    assert (await plain.ask(ELSEWHERE)).status == 404
    assert len(plain.shelf.asked) == 1
    plain.clock.now += 1
    assert (await plain.ask(ELSEWHERE)).status == 200


def timing_out(_answer: OriginAnswer) -> OriginAnswer:
    raise StoreTimeout("too late")


def unreachable(_answer: OriginAnswer) -> OriginAnswer:
    raise StoreUnreachable("no way")


def faulty(_answer: OriginAnswer) -> OriginAnswer:
    return OriginAnswer(503, {"content-type": "text/plain", "retry-after": "3"}, b"Slow down")


def silent_of_range(answer: OriginAnswer) -> OriginAnswer:
    kept = {name: value for name, value in answer.headers.items() if name != "content-range"}
    return replace(answer, headers=kept)


@pytest.mark.parametrize(
    ("answer", "status", "text"),
    [
        (unreachable, 502, b"could not be reached"),
        (timing_out, 504, b"did not answer in time"),
        (faulty, 503, b"Slow down"),
        (silent_of_range, 502, b"could not be reached"),
    ],
)
async def test_an_origin_that_fails_is_told_before_any_byte(
    plain: Client,
    answer: Callable[[OriginAnswer], OriginAnswer],
    status: int,
    text: bytes,
) -> None:
    plain.shelf.answer = answer
    told = await plain.ask()
    assert (told.status, told.x_cache) == (status, "Error")
    assert text in told.body
    assert told.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("answer", [unreachable, timing_out, faulty])
async def test_an_old_copy_is_better_than_an_origin_that_fails(
    plain: Client, answer: Callable[[OriginAnswer], OriginAnswer]
) -> None:
    plain.shelf.objects[PATH] = Object(DATA, {"cache-control": "max-age=60"})
    await plain.ask()
    plain.clock.now += 3600
    plain.shelf.answer = answer
    assert (await plain.ask()).body == DATA


async def test_an_origin_that_fails_half_way_is_never_a_complete_answer(plain: Client) -> None:
    def after_the_first(answer: OriginAnswer) -> OriginAnswer:
        return answer if len(plain.shelf.asked) == 1 else unreachable(answer)

    plain.shelf.answer = after_the_first
    async with served(plain) as (url, session), session.get(f"{url}{PATH}") as answer:
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()


async def test_many_who_miss_the_same_bytes_cause_one_fetch(plain: Client) -> None:
    held = asyncio.Event()
    plain.shelf.pause = held.wait
    asking = [asyncio.create_task(plain.part(5, 500)) for _ in range(20)]
    while not plain.shelf.asked:
        await asyncio.sleep(0.01)
    held.set()
    assert {(await each).body for each in asking} == {DATA[5:500]}
    assert len(plain.shelf.asked) == 1


async def test_a_client_that_leaves_takes_nobody_with_it(plain: Client) -> None:
    held = asyncio.Event()
    plain.shelf.pause = held.wait
    leaving = asyncio.create_task(plain.part(5, 500))
    while not plain.shelf.asked:
        await asyncio.sleep(0.01)
    staying = asyncio.create_task(plain.part(5, 500))
    for _ in range(20):
        await asyncio.sleep(0.002)
    leaving.cancel()
    held.set()
    assert (await staying).body == DATA[5:500]
    assert len(plain.shelf.asked) == 1


async def test_nothing_is_fetched_for_a_client_that_has_left(tmp_path: Path) -> None:
    client = edge_client(tmp_path, shelf=Shelf({PATH: Object(bytes(50 * BLOCK_BYTES))}))
    left = asyncio.Event()

    async def receive() -> dict[str, Any]:
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        if message.get("body"):
            left.set()

    await client.edge(scope_of(f"{client.url}{PATH}", {}, "GET"), receive, send)
    assert len(client.shelf.asked) < 6


async def test_a_connection_that_breaks_ends_the_fetching(tmp_path: Path) -> None:
    big = os.urandom(200 * BLOCK_BYTES)
    client = edge_client(tmp_path, shelf=Shelf({PATH: Object(big)}))
    async with served(client) as (url, session):
        answer = await session.get(f"{url}{PATH}")
        assert await answer.content.readexactly(1000) == big[:1000]
        answer.close()
        asked = -1
        while asked != len(client.shelf.asked):
            asked = len(client.shelf.asked)
            await asyncio.sleep(0.2)
        assert asked < 150


async def test_a_cache_smaller_than_a_block_still_serves(tmp_path: Path) -> None:
    client = edge_client(tmp_path, cache_bytes=2000)
    for _ in range(2):
        answer = await client.ask()
        assert (answer.body, answer.x_cache) == (DATA, "Miss")
    assert (await client.ask(method="HEAD")).x_cache == "Hit"


async def test_copies_outlive_the_edge(tmp_path: Path) -> None:
    await edge_client(tmp_path).ask()
    second = edge_client(tmp_path, shelf=Shelf())
    answer = await second.ask()
    assert (answer.x_cache, answer.body, second.shelf.asked) == ("Hit", DATA, [])


async def test_the_edge_plays_from_a_private_bucket(s3_server: S3Server, tmp_path: Path) -> None:
    keys = laptop_keys(tmp_path)
    public_keys = {keys.cdn_key_pair_id: load_public_key(keys.cdn_public_key_pem)}
    there = Bucket(
        "behind-the-edge",
        s3_server.region,
        s3_server.endpoint_url,
        path_style=True,
        access_key=s3_server.access_key,
        secret_key=s3_server.secret_key,
    )
    plan = Plan(there, KeyGroup(given=public_keys), tmp_path / "cache")
    async with (
        bucket(s3_server, "behind-the-edge") as store,
        open_edge(plan) as edge,
        aiohttp.ClientSession() as session,
    ):
        digest = sha256(DATA).hexdigest()
        await store.put(KEY, DATA, sha256=digest, content_type="audio/mpeg")
        signer = CloudFrontSigner(edge.url, keys.cdn_key_pair_id, keys.cdn_private_key_pem)
        link = signer.link(KEY, expires_at=datetime.now(UTC) + timedelta(minutes=5))
        for headers, part in [({"Range": "bytes=600000-"}, DATA[600000:]), ({}, DATA)]:
            async with session.get(link, headers=headers) as answer:
                assert await answer.read() == part
                assert answer.headers["Content-Type"] == "audio/mpeg"
                assert answer.headers["Cache-Control"] == IMMUTABLE
        async with session.get(f"{s3_server.endpoint_url}/behind-the-edge/{KEY}") as direct:
            assert direct.status == 403
        missing = signer.link(f"{KEY}.gone", expires_at=datetime.now(UTC) + timedelta(minutes=5))
        async with session.get(missing) as answer:
            assert answer.status == 404
            assert b"NoSuchKey" in await answer.read()
