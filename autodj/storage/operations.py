"""One line in the log for each operation on a store: what, where, how much, how long."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import structlog

from autodj.errors import AutodjError

_READS: Final = frozenset(
    {"stat", "verify", "read", "list", "page", "probe", "presign", "versions"}
)


@dataclass(slots=True)
class Operation:
    """What is being done, told when it is over. ``requests`` are those a store sent for it."""

    op: str
    basket: str
    key: str
    bytes: int | None = None
    requests: int = 0
    attempts: int = 0
    request_id: str | None = None
    more: dict[str, object] = field(default_factory=dict)


_current: ContextVar[Operation | None] = ContextVar("storage_operation", default=None)


@contextmanager
def operation(
    logger: str, op: str, *, basket: str, key: str, streamed: bool = False
) -> Iterator[Operation]:
    """Log the block under the name ``logger`` when it ends, however it ends.

    Writes are told at info, reads at debug, and what the store failed at as a warning; that
    something is not there, or is taken, is an answer. Operations that one is made of are told
    as part of it. The block of a ``streamed`` one is the caller's, who may do anything in it:
    that is no part of it.
    """
    outer = _current.get()
    if outer is not None and (not streamed or (outer.basket, outer.key) == (basket, key)):
        yield outer
        return
    doing = Operation(op, basket, key)
    began = time.monotonic()
    outcome, level = "ok", "debug" if op in _READS else "info"
    try:
        with nullcontext() if streamed else attributed(doing):
            yield doing
    except AutodjError as error:
        outcome = error.code
        if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            level = "warning"
        raise
    except BaseException as error:
        outcome = type(error).__name__
        raise
    finally:
        _tell(logger, doing, level, outcome=outcome, ms=(time.monotonic() - began) * 1000)


@contextmanager
def attributed(doing: Operation) -> Iterator[None]:
    """What a store is asked in the block belongs to this operation."""
    token = _current.set(doing)
    try:
        yield
    finally:
        _current.reset(token)


def note_answer(metadata: Mapping[str, Any]) -> None:
    """Add one answer of S3 (its ``ResponseMetadata``) to the operation it was sent for."""
    doing = _current.get()
    if doing is not None:
        doing.requests += 1
        doing.attempts += 1 + int(metadata.get("RetryAttempts", 0))
        doing.request_id = metadata.get("RequestId") or doing.request_id


def _tell(logger: str, doing: Operation, level: str, *, outcome: str, ms: float) -> None:
    told: dict[str, object] = {
        "op": doing.op,
        "basket": doing.basket,
        "key": doing.key,
        "outcome": outcome,
        "ms": round(ms, 1),
    }
    if doing.bytes is not None:
        told["bytes"] = doing.bytes
    if doing.requests:
        told |= {"attempts": doing.attempts, "request_id": doing.request_id}
    # A program that has set up no logs hears warnings only, and never on its output.
    log = structlog.wrap_logger(logging.getLogger(logger))
    getattr(log, level)("storage", **told, **doing.more)
