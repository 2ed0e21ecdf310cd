"""Who asks for what, and whether they may."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import unquote

from starlette.types import Scope

from autodj.cdn.policy import check_request
from autodj.laptop.edge.distribution import Distribution


@dataclass(frozen=True, slots=True)
class Viewer:
    """A request. ``path`` and ``query`` as they were sent, header names in lower case."""

    method: str
    scheme: str
    path: str
    query: str
    headers: Mapping[str, str]
    ip: str
    port: int
    protocol: str

    @classmethod
    def of(cls, scope: Scope) -> Viewer:
        ip, port = scope["client"] or ("", 0)
        return cls(
            method=scope["method"],
            scheme=scope["scheme"],
            path=scope["raw_path"].decode("latin-1"),
            query=scope["query_string"].decode("latin-1"),
            headers={
                name.decode("latin-1"): value.decode("latin-1")
                for name, value in reversed(scope["headers"])
            },
            ip=ip,
            port=port,
            protocol=f"HTTP/{scope['http_version']}",
        )

    @property
    def host(self) -> str:
        return self.headers.get("host", "")

    @property
    def url(self) -> str:
        """What was signed: the URL as it was asked for, not as it would be decoded."""
        plain = f"{self.scheme}://{self.host}{self.path}"
        return f"{plain}?{self.query}" if self.query else plain

    @property
    def size_bytes(self) -> int:
        """Of the request line and the headers, as they were sent."""
        line = len(self.method) + len(self.path) + len(self.query) + len(self.protocol) + 4
        return line + sum(len(name) + len(value) + 4 for name, value in self.headers.items())

    @property
    def cookies(self) -> dict[str, str]:
        pairs = (each.strip().partition("=") for each in self.headers.get("cookie", "").split(";"))
        return {name: value for name, _, value in pairs}

    @property
    def names_an_object(self) -> bool:
        """Whether the path can be an object's at all. Dots are refused, so that what a signed
        wildcard covers cannot be left by them.
        """
        segments = unquote(self.path).split("/")
        return self.path.startswith("/") and self.path != "/" and not {".", ".."} & {*segments}


Admit = Callable[[Viewer], Awaitable[None]]


def admission(distribution: Distribution, now: Callable[[], float]) -> Admit:
    """What raises LinkRefused for a viewer whom the distribution would not let through."""

    async def admit(viewer: Viewer) -> None:
        if distribution.keys is not None and distribution.wants_signature(viewer.path):
            check_request(
                viewer.url,
                cookies=viewer.cookies,
                client_ip=viewer.ip,
                now=datetime.fromtimestamp(now(), UTC),
                public_keys=await distribution.keys(),
            )

    return admit


def cached_by_path(viewer: Viewer) -> str:
    """The cache key: the path alone, so that neither a signature nor any other query divides
    the copies of an object.
    """
    return viewer.path
