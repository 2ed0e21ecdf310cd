"""What a client is told before its connection is closed, and under which reason it is counted."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from autodj.errors import (
    AutodjError,
    InvalidRequest,
    MethodNotAllowed,
    RequestTimeout,
    Unavailable,
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """``status`` None: nobody is listening, or nobody could tell the answer from another. Else it
    says more than that of the ``kind``.
    """

    reason: str
    status: int | None
    kind: type[AutodjError] = AutodjError
    detail: str = ""
    headers: tuple[tuple[str, str], ...] = ()

    def encoded(self, default_headers: Iterable[tuple[bytes, bytes]]) -> bytes:
        """The whole answer; the problem document is of RFC 9457."""
        assert self.status is not None
        phrase = HTTPStatus(self.status).phrase
        unread = {"status": self.status, "instance": None, "request_id": None}
        body = json.dumps({**self.kind(self.detail).problem(), **unread}).encode()
        lines = [f"HTTP/1.1 {self.status} {phrase}".encode()]
        lines += [b"%b: %b" % pair for pair in default_headers]
        lines += [f"{name}: {value}".encode() for name, value in self.headers]
        lines += [
            b"content-type: application/problem+json",
            b"content-length: %d" % len(body),
            b"cache-control: no-store",
            b"connection: close",
        ]
        return b"\r\n".join([*lines, b"", body])


MALFORMED: Final = Refusal("malformed", 400, InvalidRequest, "This is not an HTTP request.")
HOST: Final = Refusal("host", 400, InvalidRequest, "A request has exactly one valid Host.")
CODING: Final = Refusal(
    "transfer_coding", 501, InvalidRequest, "The only transfer coding taken is chunked."
)
UPGRADE: Final = Refusal(
    "upgrade", 400, InvalidRequest, "No upgrade is offered, least of all with a body."
)
METHOD: Final = Refusal(
    "method",
    405,
    MethodNotAllowed,
    "No address here takes this method.",
    (("allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),),
)
VERSION: Final = Refusal("http_version", 505, InvalidRequest, "Use HTTP/1.1.")
OLD_VERSION: Final = Refusal("http_version", None)
TARGET_TOO_LONG: Final = Refusal("target_length", 414, InvalidRequest, "The address is too long.")
HEADERS_TOO_LARGE: Final = Refusal(
    "header_size", 431, InvalidRequest, "The headers are too many or too large."
)
PIPELINED: Final = Refusal("pipelined", None)
SILENT: Final = Refusal("header_deadline", None)
HEADERS_TOO_SLOW: Final = Refusal(
    "header_deadline", 408, RequestTimeout, "The headers took too long."
)
BODY_IDLE: Final = Refusal("body_idle", 408, RequestTimeout, "The body stopped coming.")
BODY_SLOW: Final = Refusal("body_slow", 408, RequestTimeout, "The body comes too slowly.")
BODY_TOTAL: Final = Refusal("body_total", 408, RequestTimeout, "The body took too long.")
WRITE_STALL: Final = Refusal("write_stall", None)
WRITE_SLOW: Final = Refusal("write_slow", None)
FLOODED: Final = Refusal("connections", None)
TOO_MANY: Final = Refusal(
    "connections",
    503,
    Unavailable,
    "Too many connections are open.",
    (("retry-after", "5"),),
)
