"""What the web process holds for its requests, and how a request reaches it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

from prometheus_client import CollectorRegistry
from starlette.requests import Request

from autodj.api.feed import Feed
from autodj.api.files import Senders
from autodj.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Web:
    """Everything with a lifetime that handlers use."""

    runtime: Runtime
    senders: Senders
    feed: Feed
    registry: CollectorRegistry


class AppState(TypedDict):
    """The lifespan's state, which every request sees."""

    web: Web


def web_of(request: Request) -> Web:
    """What the lifespan has opened."""
    web: Web = request.state["web"]
    return web
