"""What a request is called in logs and answers."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from itertools import count

_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?")
_PROCESS_ID = secrets.token_hex(6)
_numbers = count(1)


def request_context(headers: Mapping[bytes, bytes]) -> dict[str, str]:
    """``request_id``, and ``trace_id`` and ``parent_id`` from a W3C traceparent.

    A caller's X-Request-ID is kept when it is short and plain, else a new one is made.
    """
    given = headers.get(b"x-request-id")
    kept = given.decode("latin-1") if given is not None else ""
    context = {"request_id": kept if _REQUEST_ID.fullmatch(kept) else _new_id()}
    traceparent = headers.get(b"traceparent")
    if traceparent is not None:
        trace = _TRACEPARENT.fullmatch(traceparent.decode("latin-1"))
        if trace is not None and int(trace[1], 16) and int(trace[2], 16):
            context |= {"trace_id": trace[1], "parent_id": trace[2]}
    return context


def _new_id() -> str:
    # Unique, and no secret: cheaper than random digits for each request.
    return f"{_PROCESS_ID}-{next(_numbers):x}"
