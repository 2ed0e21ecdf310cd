"""One declaration for each operation: the router and the OpenAPI document are made from it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TypeAlias

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from autodj.errors import (
    AudioRejected,
    AutodjError,
    BucketMissing,
    CrossSite,
    DatabaseUnavailable,
    IntegrityFault,
    InvalidField,
    InvalidJson,
    LinkRefused,
    NotFound,
    StoreCredentials,
    StoreDenied,
    StoreFaulty,
    StoreThrottled,
    StoreTimeout,
    StoreUnreachable,
    TooLarge,
    Unauthenticated,
    UnsupportedMedia,
)

JSON = "application/json"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
PATH_PARAMETER = re.compile(r"\{(\w+)(?::(\w+))?\}")

# What may come of asking S3 while somebody waits for the answer.
STORE_FAULTS: tuple[type[AutodjError], ...] = (
    BucketMissing,
    IntegrityFault,
    StoreCredentials,
    StoreDenied,
    StoreFaulty,
    StoreThrottled,
    StoreTimeout,
    StoreUnreachable,
)

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]


class Access(Enum):
    """Who may call: anybody, anybody (who is then told what is public), or a known caller."""

    OPEN = auto()
    OPTIONAL = auto()
    REQUIRED = auto()


@dataclass(frozen=True, slots=True)
class Body:
    """One way to send a body; without a model it is bytes of that media type."""

    media_type: str
    model: type[BaseModel] | None = None
    about: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """One success. ``headers`` maps names to what they say."""

    status: int
    about: str
    model: type[BaseModel] | None = None
    media_type: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path, and the handler that fulfils it.

    ``errors`` are those of this operation alone; ``all_errors`` adds what follows from how it
    is called. ``headers`` are request headers that the handler heeds, ``loose_query`` query
    parameters beside which it lets others pass.
    """

    method: str
    path: str
    name: str
    handler: Handler
    summary: str
    tag: str
    answers: tuple[Answer, ...]
    access: Access
    about: str = ""
    query: type[BaseModel] | None = None
    loose_query: Mapping[str, str] = field(default_factory=dict)
    bodies: tuple[Body, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    errors: tuple[type[AutodjError], ...] = ()

    @property
    def path_parameters(self) -> Sequence[tuple[str, str]]:
        """Name and converter of each variable part of the path."""
        return [(name, kind or "str") for name, kind in PATH_PARAMETER.findall(self.path)]

    @property
    def plain_path(self) -> str:
        """The path as OpenAPI writes it, without converters."""
        return PATH_PARAMETER.sub(r"{\1}", self.path)

    @property
    def all_errors(self) -> tuple[type[AutodjError], ...]:
        found: list[type[AutodjError]] = list(self.errors)
        if self.access is not Access.OPEN:
            found += [Unauthenticated, DatabaseUnavailable]
            if self.method not in SAFE_METHODS:
                found.append(CrossSite)
        if self.path_parameters:
            found.append(NotFound)
        if self.query is not None or self.bodies:
            found.append(InvalidField)
        if any(body.media_type == JSON for body in self.bodies):
            found += [InvalidJson, TooLarge, UnsupportedMedia]
        return tuple(dict.fromkeys(found))


def operation(
    method: str,
    path: str,
    *,
    summary: str,
    tag: str,
    answers: tuple[Answer, ...],
    access: Access = Access.REQUIRED,
    about: str = "",
    query: type[BaseModel] | None = None,
    loose_query: Mapping[str, str] | None = None,
    bodies: tuple[Body, ...] = (),
    headers: Mapping[str, str] | None = None,
    errors: tuple[type[AutodjError], ...] = (),
    name: str | None = None,
) -> Callable[[Handler], Operation]:
    """Declare what the decorated handler does; the name then stands for the operation.

    It is called as the handler is, unless it is given another ``name``.
    """

    def declare(handler: Handler) -> Operation:
        return Operation(
            method=method,
            path=path,
            name=getattr(handler, "__name__", path) if name is None else name,
            handler=handler,
            summary=summary,
            tag=tag,
            answers=answers,
            access=access,
            about=about,
            query=query,
            loose_query=loose_query or {},
            bodies=bodies,
            headers=headers or {},
            errors=errors,
        )

    return declare


def routes_of(operations: Iterable[Operation]) -> list[Route]:
    """One route for each path, so that a refused method is told all that are allowed."""
    by_path: dict[str, list[Operation]] = {}
    for each in operations:
        by_path.setdefault(each.path, []).append(each)
    return [_route(path, each) for path, each in by_path.items()]


def error_codes(kind: type[AutodjError]) -> tuple[str, ...]:
    """The codes that errors of this class carry."""
    return _CODES.get(kind, (kind.code,))


LINK_CODES = ("link_expired", "link_tampered")
_CODES: Mapping[type[AutodjError], tuple[str, ...]] = {
    LinkRefused: LINK_CODES,
    AudioRejected: tuple(AudioRejected.HINTS),
}


def _route(path: str, operations: Sequence[Operation]) -> Route:
    handlers = {each.method: each.handler for each in operations}
    if "GET" in handlers:
        handlers.setdefault("HEAD", handlers["GET"])
    [handler, *others] = set(handlers.values())
    endpoint = _by_method(handlers) if others else handler
    return Route(path, endpoint, methods=sorted(handlers))


def _by_method(handlers: Mapping[str, Handler]) -> Handler:
    async def endpoint(request: Request) -> Response:
        return await handlers[request.method](request)

    return endpoint
