from __future__ import annotations

import asyncio
import gzip
import hashlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from autodj.errors import DiskFull, FetchFailed, TooLarge, UrlNotAllowed
from autodj.tracks.addresses import check_addresses
from autodj.tracks.fetch import _socket_to, fetch
from autodj.tracks.fetch_limits import FetchLimits
from bench.storage.encrypted import papers, serving

AUDIO = bytes(range(256)) * 4096
OK = b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg; x=1\r\nContent-Length: %d\r\n\r\n"

Script = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Listener:
    """A loopback server that counts who connects and answers what it is told to."""

    port: int = 0
    connects: int = 0
    requests: list[bytes] = field(default_factory=list)


@asynccontextmanager
async def listening(
    answer: bytes | Script,
    host: str = "127.0.0.1",
    port: int = 0,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Listener]:
    listener = Listener()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        listener.connects += 1
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            listener.requests.append(head)
            if isinstance(answer, bytes):
                writer.write(answer)
            else:
                await answer(head, writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, host, port, ssl=tls)
    listener.port = server.sockets[0].getsockname()[1]
    try:
        yield listener
    finally:
        server.close()


@dataclass
class Names:
    """A resolver with a fixed answer for every lookup in turn."""

    answers: Sequence[Sequence[str]]
    lookups: list[str] = field(default_factory=list)

    async def __call__(self, host: str, _: int) -> Sequence[str]:
        self.lookups.append(host)
        return self.answers[min(len(self.lookups), len(self.answers)) - 1]


def limits(port: int, **changed: object) -> FetchLimits:
    known: dict[str, object] = {"allowed_ports": frozenset({80, port}), "allow_private": True}
    return FetchLimits(**(known | changed))  # type: ignore[arg-type]  # a table of keywords


def left_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def whole(body: bytes = AUDIO) -> bytes:
    return OK % len(body) + body


async def test_a_file_arrives_hashed_counted_and_named(tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    async with listening(whole()) as server:
        url = f"http://127.0.0.1:{server.port}/music/My%20Song.mp3?sig=a%2Fb#part"
        into = tmp_path / "x.part"
        fetched = await fetch(
            url,
            into,
            limits=limits(server.port),
            on_progress=lambda done, total: seen.append((done, total)),
        )
    assert into.read_bytes() == AUDIO
    assert fetched.sha256 == hashlib.sha256(AUDIO).hexdigest()
    assert fetched.size_bytes == len(AUDIO)
    assert fetched.filename == "My Song.mp3"
    assert seen[-1] == (len(AUDIO), len(AUDIO))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    request = server.requests[0]
    assert request.startswith(b"GET /music/My%20Song.mp3?sig=a%2Fb HTTP/1.1\r\n")
    assert b"Accept-Encoding: identity\r\n" in request
    assert b"Cookie" not in request
    assert b"Authorization" not in request


async def test_the_server_may_name_the_file(tmp_path: Path) -> None:
    head = OK % 3
    named = head.replace(
        b"\r\n\r\n",
        b"\r\nContent-Disposition: attachment; filename=x.mp3; filename*=UTF-8''%E2%82%AC.mp3"
        b"\r\n\r\n",
    )
    async with listening(named + b"abc") as server:
        fetched = await fetch(
            f"http://127.0.0.1:{server.port}/y", tmp_path / "x", limits=limits(server.port)
        )
    assert fetched.filename == "€.mp3"


REFUSED = [
    "file:///etc/passwd",
    "ftp://127.0.0.1:{port}/x",
    "gopher://127.0.0.1:{port}/x",
    "data:audio/mpeg;base64,AAAA",
    "concat:http://127.0.0.1:{port}/a|http://127.0.0.1:{port}/b",
    "//127.0.0.1:{port}/x",
    "http:///x",
    "http:127.0.0.1:{port}/x",
    "http://127.0.0.1:{port}/x",
    "HTTP://127.0.0.1:{port}/x",
    "http://127.1:{port}/x",
    "http://2130706433:{port}/x",
    "http://0x7f000001:{port}/x",
    "http://0x7f.1:{port}/x",
    "http://0177.0.0.1:{port}/x",
    "http://0:{port}/x",
    "http://127.0.0.1.:{port}/x",
    "http://127.0.0.%31:{port}/x",
    "http://\uff11\uff12\uff17.\uff10.\uff10.\uff11:{port}/x",  # full-width digits
    "http://\u2460.1:{port}/x",
    "http://127\u30020\u30020\u30021:{port}/x",
    "http://[::1]:{port}/x",
    "http://[::ffff:127.0.0.1]:{port}/x",
    "http://[64:ff9b::7f00:1]:{port}/x",
    "http://[2002:7f00:1::]:{port}/x",
    "http://[::127.0.0.1]:{port}/x",
    "http://[fec0::1]:{port}/x",
    "http://[ff02::1]:{port}/x",
    "http://[fe80::1%25lo]:{port}/x",
    "http://[::]:{port}/x",
    "http://[fd00:ec2::254]:{port}/x",
    "http://224.0.0.1:{port}/x",
    "http://169.254.169.254:{port}/x",
    "http://100.64.0.1:{port}/x",
    "http://168.63.129.16:{port}/x",
    "http://10.0.0.1:{port}/x",
    "http://255.255.255.255:{port}/x",
    "http://audio.example@127.0.0.1:{port}/x",
    "http://user:pw@audio.example:{port}/x",
    "http://@audio.example:{port}/x",
    "http://audio.example:22/x",
    "http://audio.example:99999/x",
    "http://audio.example:no/x",
    "https://audio.example/x",
    "http://audio.example:{port}/x\r\nHost: evil",
    "http://audio.example:{port}/\x00",
    "http://audio.example\\@127.0.0.1:{port}/x",
    "http://au dio.example:{port}/x",
    "http://-audio.example:{port}/x",
    "http://a..example:{port}/x",
    "http://" + "a" * 64 + ".example:{port}/x",
    "http://" + "a." * 127 + "example:{port}/x",
    "http://audio.example:{port}/" + "a" * 10_000,
    "",
    "not a url",
]


@pytest.mark.parametrize("url", REFUSED, ids=lambda url: repr(url)[1:40])
async def test_a_refused_url_costs_no_lookup_and_no_connection(url: str, tmp_path: Path) -> None:
    names = Names([["127.0.0.1"]])
    async with listening(whole()) as server:
        with pytest.raises(UrlNotAllowed):
            await fetch(
                url.replace("{port}", str(server.port)),
                tmp_path / "x",
                limits=limits(server.port, allow_private=False),
                resolve=names,
            )
        assert server.connects == 0
    assert names.lookups == []
    assert left_in(tmp_path) == []


@pytest.mark.parametrize(
    "answers",
    [
        ["127.0.0.1"],
        ["8.8.8.8", "127.0.0.1"],
        ["::ffff:127.0.0.1"],
        ["2001:4860:4860::8888", "fd00::1"],
        ["64:ff9b::7f00:1"],
        ["169.254.169.254"],
        [],
    ],
)
async def test_a_public_name_that_leads_to_any_private_address_is_refused(
    answers: list[str], tmp_path: Path
) -> None:
    names = Names([answers])
    async with listening(whole()) as server:
        with pytest.raises(UrlNotAllowed):
            await fetch(
                f"http://audio.example:{server.port}/x",
                tmp_path / "x",
                limits=limits(server.port, allow_private=False),
                resolve=names,
            )
        assert server.connects == 0
    assert names.lookups == ["audio.example"]


async def test_a_name_that_changes_its_mind_is_asked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unused(*_: object, **__: object) -> object:
        raise AssertionError("the system resolver was asked behind our back")

    names = Names([["127.0.0.1"], ["127.0.0.2"]])
    async with (
        listening(whole()) as checked,
        listening(whole(b"evil"), host="127.0.0.2", port=checked.port) as rebound,
    ):
        monkeypatch.setattr(socket, "getaddrinfo", unused)
        await fetch(
            f"http://audio.example:{checked.port}/x",
            tmp_path / "x",
            limits=limits(checked.port),
            resolve=names,
        )
    assert names.lookups == ["audio.example"]
    assert (checked.connects, rebound.connects) == (1, 0)
    assert b"Host: audio.example:%d\r\n" % checked.port in checked.requests[0]


def test_no_socket_is_made_for_an_address_that_was_not_checked() -> None:
    wanted = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.2", 80))
    with pytest.raises(OSError, match="not checked"):
        _socket_to(["127.0.0.1"], wanted)
    _socket_to(["127.0.0.2"], wanted).close()


def redirect_to(location: str, status: int = 302) -> bytes:
    return (
        f"HTTP/1.1 {status} Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
    ).encode()


@pytest.fixture
def public_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """127.0.0.2 plays the public internet; every other address keeps its real verdict."""
    real = check_addresses

    def check(addresses: Sequence[str], *, allow_private: bool = False) -> tuple[str, ...]:
        found = tuple(addresses)
        return found if found == ("127.0.0.2",) else real(found, allow_private=allow_private)

    monkeypatch.setattr("autodj.tracks.fetch.check_addresses", check)


@pytest.mark.usefixtures("public_loopback")
@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:{port}/x",
        "http://inside.example:{port}/x",
        "http://[::1]:{port}/x",
        "//127.0.0.1:{port}/x",
        "http://2130706433:{port}/x",
        "http://user@127.0.0.2:{port}/x",
        "http://127.0.0.2:22/x",
        "file:///etc/passwd",
        "ftp://127.0.0.2/x",
        "http://127.0.0.2:{port}/" + "a" * 4000,
        "http://127.0.0.2:bad/",
    ],
)
async def test_every_redirect_is_checked_like_the_first_url(location: str, tmp_path: Path) -> None:
    names = Names([["127.0.0.2"], ["127.0.0.1"]])

    async def answer(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(redirect_to(location.replace("{port}", str(public.port))))

    async with listening(answer, host="127.0.0.2") as public:
        async with listening(whole(), port=public.port) as inside:
            with pytest.raises(UrlNotAllowed):
                await fetch(
                    f"http://audio.example:{public.port}/x",
                    tmp_path / "x",
                    limits=limits(public.port, allow_private=False),
                    resolve=names,
                )
            assert inside.connects == 0
        assert public.connects == 1


async def test_a_metadata_address_is_refused_even_where_private_networks_are_allowed(
    tmp_path: Path,
) -> None:
    async with listening(redirect_to("http://169.254.169.254/latest")) as server:
        with pytest.raises(UrlNotAllowed):
            await fetch(
                f"http://127.0.0.1:{server.port}/x",
                tmp_path / "x",
                limits=limits(server.port),
            )


async def test_redirects_are_followed_three_times_and_no_further(tmp_path: Path) -> None:
    async def count_down(head: bytes, writer: asyncio.StreamWriter) -> None:
        left = int(head.split()[1].rsplit(b"/", 1)[-1])
        writer.write(redirect_to(f"../hop/{left - 1}", 307) if left else whole(b"end"))

    async with listening(count_down) as server:
        base = f"http://127.0.0.1:{server.port}/hop"
        fetched = await fetch(f"{base}/3", tmp_path / "x", limits=limits(server.port))
        assert fetched.size_bytes == 3
        assert server.connects == 4
        with pytest.raises(FetchFailed) as failed:
            await fetch(f"{base}/4", tmp_path / "y", limits=limits(server.port))
        assert failed.value.extra["reason"] == "redirects"
        assert server.connects == 8
    assert not (tmp_path / "y").exists()


async def drip(_: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(OK % 1_000_000)
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.02)


async def silence(_: bytes, __: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def endless(_: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"10000\r\n" + bytes(0x10000) + b"\r\n")
        await writer.drain()


GZIP = gzip.compress(bytes(10_000_000), mtime=0)
BAD_ANSWERS: list[tuple[str, bytes | Script, dict[str, object], str]] = [
    ("dripping body", drip, {"total_s": 0.3}, "timeout"),
    ("silent server", silence, {"read_s": 0.1}, "timeout"),
    ("short body", OK % 100 + b"only this", {}, "truncated"),
    (
        "cut chunked body",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nabc",
        {},
        "truncated",
    ),
    (
        "gzip bomb",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(GZIP)
        + GZIP,
        {},
        "content_coding",
    ),
    ("not found", b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", {}, "status"),
    ("partial content", b"HTTP/1.1 206 P\r\nContent-Length: 0\r\n\r\n", {}, "status"),
    ("no location", b"HTTP/1.1 302 F\r\nContent-Length: 0\r\n\r\n", {}, "redirects"),
    ("not HTTP", b"SSH-2.0-OpenSSH\r\n\r\n", {}, "connection"),
    ("hangs up", b"", {}, "connection"),
    ("giant header", b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", {}, "connection"),
]


@pytest.mark.parametrize(
    ("answer", "changed", "reason"),
    [row[1:] for row in BAD_ANSWERS],
    ids=[row[0] for row in BAD_ANSWERS],
)
async def test_a_server_that_misbehaves_is_reported_and_leaves_no_file(
    answer: bytes | Script, changed: dict[str, object], reason: str, tmp_path: Path
) -> None:
    async with listening(answer) as server:
        with pytest.raises(FetchFailed) as failed:
            await fetch(
                f"http://127.0.0.1:{server.port}/x",
                tmp_path / "x",
                limits=limits(server.port, **changed),
            )
    assert failed.value.extra["reason"] == reason
    assert left_in(tmp_path) == []


@pytest.mark.parametrize("answer", [OK % 5000 + bytes(5000), endless], ids=["declared", "endless"])
async def test_a_body_over_the_limit_is_cut_off(answer: bytes | Script, tmp_path: Path) -> None:
    async with listening(answer) as server:
        with pytest.raises(TooLarge):
            await fetch(
                f"http://127.0.0.1:{server.port}/x",
                tmp_path / "x",
                limits=limits(server.port, max_bytes=4999),
            )
    assert left_in(tmp_path) == []


async def test_a_body_of_exactly_the_limit_is_taken(tmp_path: Path) -> None:
    async with listening(whole(bytes(5000))) as server:
        fetched = await fetch(
            f"http://127.0.0.1:{server.port}",
            tmp_path / "x",
            limits=limits(server.port, max_bytes=5000),
        )
    assert fetched.size_bytes == 5000
    assert fetched.filename is None
    assert server.requests[0].startswith(b"GET / HTTP/1.1\r\n")


async def test_an_unknown_or_hanging_name_is_reported(tmp_path: Path) -> None:
    async def unknown(_: str, __: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    async def hanging(_: str, __: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    for resolve in (unknown, hanging):
        with pytest.raises(FetchFailed) as failed:
            await fetch(
                "http://audio.example/x",
                tmp_path / "x",
                limits=FetchLimits(connect_s=0.1),
                resolve=resolve,
            )
        assert failed.value.extra["reason"] == "dns"


async def test_the_system_resolver_is_the_default(tmp_path: Path) -> None:
    async with listening(whole(b"abc")) as server:
        fetched = await fetch(
            f"http://localhost:{server.port}/a.wav", tmp_path / "x", limits=limits(server.port)
        )
    assert fetched.size_bytes == 3


async def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    tls = serving(papers(tmp_path, "localhost"))
    async with listening(whole(), tls=tls) as server:
        with pytest.raises(FetchFailed) as failed:
            await fetch(
                f"https://localhost:{server.port}/x", tmp_path / "x", limits=limits(server.port)
            )
    assert failed.value.extra["reason"] == "tls"
    assert server.requests == []


async def test_proxies_and_passwords_of_the_environment_are_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    async with listening(whole(b"proxied")) as proxy, listening(whole(b"direct")) as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        await fetch(f"http://127.0.0.1:{server.port}/x", tmp_path / "x", limits=limits(server.port))
        assert proxy.connects == 0
    assert (tmp_path / "x").read_bytes() == b"direct"
    assert b"Authorization" not in server.requests[0]


async def test_a_full_disk_is_told_apart_from_a_bad_url(tmp_path: Path) -> None:
    into = tmp_path / "x"
    into.symlink_to("/dev/full")
    async with listening(whole()) as server:
        with pytest.raises(DiskFull):
            await fetch(f"http://127.0.0.1:{server.port}/x", into, limits=limits(server.port))
    assert not into.is_symlink()


async def test_a_cancelled_fetch_leaves_no_file(tmp_path: Path) -> None:
    async with listening(drip) as server:
        arrived = asyncio.Event()
        task = asyncio.create_task(
            fetch(
                f"http://127.0.0.1:{server.port}/x",
                tmp_path / "x",
                limits=limits(server.port),
                on_progress=lambda _, __: arrived.set(),
            )
        )
        await arrived.wait()
        assert (tmp_path / "x").exists()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert left_in(tmp_path) == []


@pytest.mark.parametrize("host", ["xn--a", "xn--a.example", "xn--zzzzzz99999.example"])
async def test_a_name_that_no_language_can_read_is_a_name_like_others(
    tmp_path: Path, host: str
) -> None:
    names = Names([["127.0.0.1"]])
    async with listening(whole()) as server:
        fetched = await fetch(
            f"http://{host}:{server.port}/a.mp3",
            tmp_path / "x.part",
            limits=limits(server.port),
            resolve=names,
        )
    assert fetched.size_bytes == len(AUDIO)
    assert names.lookups == [host]
