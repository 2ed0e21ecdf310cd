"""Where secrets may travel unencrypted: nowhere but on this machine."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


def fault_of_plain_http(url: str, *, production: bool) -> str | None:
    """What is wrong with a URL that is not https; None if nothing is."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        return None
    if production:
        return "must be https in production"
    host = parts.hostname or ""
    if host in _LOOPBACK or host.endswith(".localhost"):
        return None
    return "may be plain http only on this machine"
