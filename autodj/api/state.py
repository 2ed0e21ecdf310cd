"""What the web process holds for its requests, and how a request reaches it."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from starlette.requests import Request

from autodj.api.feed import Feed
from autodj.api.files import LocalFiles
from autodj.api.ready import Ready
from autodj.guard import Guard
from autodj.runtime import Runtime
from autodj.tracks.places import Places
from autodj.users.callers import Callers


@dataclass(frozen=True, slots=True)
class Web:
    """Everything with a lifetime that handlers use."""

    runtime: Runtime
    places: Places[Ready]
    callers: Callers
    files: LocalFiles
    feed: Feed
    registry: CollectorRegistry
    guard: Guard


def web_of(request: Request) -> Web:
    """What the lifespan has opened."""
    web: Web = request.state["web"]
    return web
