"""Addresses that servers listen on, and in one line why one cannot."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from autodj.errors import CommandError

_Address = tuple[socket.AddressFamily, tuple[object, ...]]


def listen(host: str, port: int, *, option: str | None = None) -> socket.socket:
    """A socket that listens on the first address of the host, IPv4 before IPv6.

    CommandError where there can be none, with the ``option`` that chooses another port.
    """
    with _plain_faults(host, port, option):
        family, address = min(_addresses(host, port), key=lambda found: found[0])
        return socket.create_server(address, family=family)


def require_address(host: str, port: int, *, option: str) -> None:
    """CommandError where a server could not listen on each address of the host now."""
    with _plain_faults(host, port, option):
        for family, address in _addresses(host, port):
            socket.create_server(address, family=family).close()


def _addresses(host: str, port: int) -> list[_Address]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [(family, address) for family, _, _, _, address in found]


@contextmanager
def _plain_faults(host: str, port: int, option: str | None) -> Iterator[None]:
    another = f"choose another with {option}." if option else "choose another."
    try:
        yield
    except (OSError, UnicodeError) as error:
        match getattr(error, "errno", None):
            case errno.EADDRINUSE:
                told = CommandError(f"Port {port} on {host} is taken; {another}")
            case errno.EACCES:
                told = CommandError(
                    f"Port {port} on {host} may not be used",
                    hint=f"Ports below 1024 are root's; {another}",
                )
            case errno.EMFILE | errno.ENFILE | errno.ENOBUFS | errno.ENOMEM:
                raise
            case _:
                told = CommandError(
                    f"{host or repr(host)} is not an address of this machine",
                    hint="Give --host 127.0.0.1, or 0.0.0.0 for every address of this machine.",
                )
        raise told from error
