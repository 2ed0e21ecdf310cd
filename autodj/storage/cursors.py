"""Opaque cursors of lists: where to go on, good only for the same question."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from typing import Final

from autodj.errors import InvalidRequest
from autodj.storage.base import MAX_PAGE_OBJECTS

_MAX_CURSOR_CHARS: Final = 8192


def cursor_after(position: str, *, prefix: str, directories: bool) -> str:
    packed = json.dumps([position, _question(prefix, directories=directories)])
    return base64.urlsafe_b64encode(packed.encode()).decode()


def position_of(cursor: str, *, prefix: str, directories: bool) -> str:
    """What ``cursor_after`` was given; InvalidRequest for any other cursor."""
    if len(cursor) > _MAX_CURSOR_CHARS:
        raise InvalidRequest("This is no cursor of a list.")
    try:
        position, question = json.loads(base64.b64decode(cursor, altchars=b"-_", validate=True))
    except (ValueError, TypeError, binascii.Error, RecursionError) as error:
        raise InvalidRequest("This is no cursor of a list.") from error
    if not isinstance(position, str) or question != _question(prefix, directories=directories):
        raise InvalidRequest("The cursor belongs to another list.")
    return position


def check_limit(limit: int) -> int:
    if not 1 <= limit <= MAX_PAGE_OBJECTS:
        raise InvalidRequest(f"A page holds 1 to {MAX_PAGE_OBJECTS} objects.")
    return limit


def _question(prefix: str, *, directories: bool) -> str:
    return hashlib.sha256(f"{directories}\n{prefix}".encode()).hexdigest()[:16]
