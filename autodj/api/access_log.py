"""The one line about each request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import structlog

access = structlog.get_logger("autodj.access")


class AccessLog(Protocol):
    """Writes the one line about a request; ``context`` holds the ids that tell it apart."""

    def __call__(
        self,
        context: Mapping[str, str],
        *,
        quiet: bool,
        method: str,
        path: str,
        route: str,
        status: int,
        duration_s: float,
        bytes_sent: int,
        whole: bool,
        client: str | None,
    ) -> None: ...


def log_access(
    context: Mapping[str, str], *, quiet: bool, duration_s: float, **facts: object
) -> None:
    """The line by way of structlog, as every other."""
    write = access.debug if quiet else access.info
    write("request", **context, **facts, duration_ms=round(duration_s * 1000, 2))
