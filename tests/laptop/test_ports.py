from __future__ import annotations

import socket
from pathlib import Path

import aiohttp
import pytest
from starlette.responses import PlainTextResponse

from autodj.errors import CommandError
from autodj.laptop.edge.redirect import to_https
from autodj.laptop.listening import require_address
from autodj.laptop.ports import LOOPBACK, free_ports, is_free, kept_ports
from autodj.laptop.serving import serving


def test_ports_are_kept_from_start_to_start(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    first = kept_ports(file, ["web", "edge"])
    assert kept_ports(file, ["web", "edge"]) == first
    assert len(set(first.values())) == 2


def test_ports_move_when_one_of_them_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    first = kept_ports(file, ["web"])
    with socket.create_server((LOOPBACK, first["web"])):
        second = kept_ports(file, ["web"])
    assert second != first
    assert kept_ports(file, ["web"]) == second


@pytest.mark.parametrize("damage", ["", "[]", "3", '{"web": "x"}', '{"other": 20000}'])
def test_a_damaged_file_of_ports_is_replaced(tmp_path: Path, damage: str) -> None:
    file = tmp_path / "ports.json"
    file.write_text(damage)
    assert list(kept_ports(file, ["web"])) == ["web"]


def test_a_taken_port_is_refused_in_one_line() -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CommandError) as refused:
            require_address(LOOPBACK, port, option="--port")
    assert str(refused.value) == (f"Port {port} on 127.0.0.1 is taken; choose another with --port.")


def test_free_ports_are_free_and_different() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    assert all(is_free(port) for port in ports)


async def test_serving_on_a_taken_port_is_refused_in_one_line() -> None:
    app = PlainTextResponse("here")
    async with serving(app) as origin:
        port = int(origin.rpartition(":")[2])
        with pytest.raises(CommandError, match=f"^Port {port} on 127.0.0.1 is taken"):
            async with serving(app, port=port):
                pass
    async with serving(app, port=port) as again:
        assert again == origin


def has_ipv6() -> bool:
    """Whether this machine does: containers often come without."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no address of IPv6")
async def test_an_address_of_ipv6_is_served_and_has_brackets_in_its_url() -> None:
    async with (
        serving(PlainTextResponse("here"), host="::1") as origin,
        aiohttp.ClientSession() as session,
        session.get(origin) as answer,
    ):
        assert origin.startswith("http://[::1]:")
        assert await answer.text() == "here"
        port = int(origin.rpartition(":")[2])
        with pytest.raises(CommandError, match=f"^Port {port} on ::1 is taken"):
            async with serving(PlainTextResponse("here"), host="::1", port=port):
                pass


@pytest.mark.parametrize("host", ["nowhere.invalid", "", "::1::1", "..", "a b"])
async def test_what_is_no_address_is_refused_in_one_line(host: str) -> None:
    with pytest.raises(CommandError, match="is not an address of this machine"):
        async with serving(PlainTextResponse("here"), host=host):
            pass


@pytest.mark.parametrize(
    ("asked", "sent_to"),
    [
        ("[::1]:8080", "https://[::1]:8443/a?b=c"),
        ("[::1]", "https://[::1]:8443/a?b=c"),
        ("dj.example.org:8080", "https://dj.example.org:8443/a?b=c"),
        ("dj.example.org", "https://dj.example.org:8443/a?b=c"),
    ],
)
async def test_https_is_on_the_host_that_was_asked(asked: str, sent_to: str) -> None:
    async with (
        serving(to_https(8443)) as origin,
        aiohttp.ClientSession() as session,
        session.get(f"{origin}/a?b=c", headers={"Host": asked}, allow_redirects=False) as answer,
    ):
        assert (answer.status, answer.headers["Location"]) == (301, sent_to)
