"""Structured logs, set up once for each process; secrets and signatures never reach them."""

from __future__ import annotations

import logging
import math
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from json.encoder import encode_basestring_ascii as _quoted
from typing import TextIO

import structlog

from autodj.redaction import redact, without_secrets


def set_up(*, level: str, fmt: str) -> None:
    """Send everything, also other libraries' records, through one renderer to stderr."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if fmt == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                redact,  # behind the traceback: what an error says may be a link
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for chatty in ("botocore", "aiobotocore", "arq", "uvicorn.access", "aiosqlite", "alembic"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))


class JsonAccessLog:
    """Lines about requests as ``set_up`` renders them in JSON, for a twentieth of the cost.

    They are many, and all of one shape, so they are put together directly. ``level`` is that
    of the process.
    """

    def __init__(
        self, stream: TextIO, *, level: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._write = stream.write
        self._clock = clock
        self._second = 0
        self._moment = ""
        self._level = logging.getLevelNamesMapping()[level.upper()]

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
    ) -> None:
        """Write one line; ``quiet`` ones are for debugging. ``context`` holds plain words."""
        if self._level > (logging.DEBUG if quiet else logging.INFO):
            return
        path = without_secrets(path)
        ids = "".join([f', "{name}": "{word}"' for name, word in context.items()])
        line = (
            f'{{"method": {_quoted(method)}, "path": {_quoted(path)}, "route": {_quoted(route)}, '
            f'"status": {status}, "duration_ms": {duration_s * 1000:.2f}, '
            f'"bytes_sent": {bytes_sent}, "whole": {"true" if whole else "false"}, '
            f'"client": {_quoted(client) if client else "null"}, "event": "request"{ids}, '
            f'"level": "{"debug" if quiet else "info"}", "timestamp": "{self._now()}"}}\n'
        )
        try:
            self._write(line)
        except (OSError, ValueError):  # a full disk, a closed stream: no reason to fail a request
            return

    def _now(self) -> str:
        now_s = self._clock()
        if not 0 <= (since_s := now_s - self._second) < 1:
            self._second = math.floor(now_s)
            self._moment = datetime.fromtimestamp(self._second, UTC).isoformat()[:-6]
            since_s = now_s - self._second
        return f"{self._moment}.{int(since_s * 1e6):06}Z"
