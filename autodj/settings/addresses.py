"""URLs and hosts in settings, as text that the libraries behind them can read."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import SplitResult, parse_qs, urlsplit

_DRIVERS: Final = {
    "sqlite": "sqlite+aiosqlite",
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
}
_HOST: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::\d{1,5})?", re.IGNORECASE)


def http_url(text: str) -> str:
    parts = _split(text)
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname or parts.query:
        raise ValueError("must be a URL such as https://dj.example.org")
    return text.rstrip("/")


def database_url(text: str) -> str:
    """The URL with the asynchronous driver that autodj ships with."""
    scheme, separator, rest = text.partition("://")
    driver = _DRIVERS.get(scheme.partition("+")[0])
    if not separator or driver is None or _split(text) is None:
        raise ValueError("must be sqlite:///file or postgresql://user@host/name")
    return f"{driver}://{rest}"


def broker_url(text: str) -> str:
    """Of a server, plain or by TLS, or of its socket; the database is a number."""
    url = text.rstrip("/")
    parts = _split(url)
    if parts is None or not (_is_server(parts) or _is_socket(parts)):
        raise ValueError("must be redis://host:6379/0, rediss://... for TLS, or unix:///socket")
    if not parse_qs(parts.query).get("db", ["0"])[0].isdecimal():
        raise ValueError("must name its database by a number")
    return url


def _is_server(parts: SplitResult) -> bool:
    is_numbered = re.fullmatch(r"(/[0-9]+)?", parts.path) is not None
    return parts.scheme in {"redis", "rediss"} and bool(parts.hostname) and is_numbered


def _is_socket(parts: SplitResult) -> bool:
    return parts.scheme == "unix" and not parts.netloc and parts.path.startswith("/")


def cdn_origin(text: str) -> str:
    """``https://host``; plain http is kept so that the loader can refuse it in production."""
    scheme, _, host = text.rstrip("/").rpartition("://")
    if host.startswith("["):  # a Content-Security-Policy has no way to write one
        raise ValueError("must be a name: no page may play from an IPv6 address; try localhost")
    known = scheme in {"", "http", "https"} and _HOST.fullmatch(host)
    if not known or _split(f"//{host}") is None:
        raise ValueError("must be a domain such as d111111abcdef8.cloudfront.net")
    return f"{scheme or 'https'}://{host.lower()}"


def _split(text: str) -> SplitResult | None:
    """The parts; None where host or port can be none."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    return None if port == 0 else parts
