"""Whether a server could listen where it is told to."""

from __future__ import annotations

import errno
import socket

from autodj.errors import CommandError


def require_address(host: str, port: int) -> None:
    """CommandError where nothing can listen now, with the option that is to be changed."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, _, _, _, address in found:
            socket.create_server(address[:2], family=family).close()
    except (OSError, UnicodeError) as error:
        raise _fault(host, port, error) from error


def _fault(host: str, port: int, error: OSError | UnicodeError) -> CommandError:
    match getattr(error, "errno", None):
        case errno.EADDRINUSE:
            return CommandError(f"Port {port} on {host} is taken; choose another with --port.")
        case errno.EACCES:
            hint = "Ports below 1024 are root's; choose another with --port."
            return CommandError(f"Port {port} on {host} may not be used", hint=hint)
        case _:
            hint = "Give --host 127.0.0.1, or 0.0.0.0 for every address of this machine."
            return CommandError(f"{host} is not an address of this machine", hint=hint)
