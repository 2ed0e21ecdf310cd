"""What a client is told before its connection is closed, and under which reason it is counted."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final


@dataclass(frozen=True, slots=True)
class Refusal:
    """``status`` None: nobody is listening, or nobody could tell the answer from another."""

    reason: str
    status: int | None
    code: str = ""
    detail: str = ""
    headers: tuple[tuple[str, str], ...] = ()

    def encoded(self, default_headers: Iterable[tuple[bytes, bytes]]) -> bytes:
        """The whole answer; the problem document is of RFC 9457."""
        assert self.status is not None
        phrase = HTTPStatus(self.status).phrase
        body = json.dumps(
            {
                "type": f"urn:autodj:problem:{self.code}",
                "title": phrase,
                "status": self.status,
                "detail": self.detail,
                "code": self.code,
            }
        ).encode()
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


MALFORMED: Final = Refusal("malformed", 400, "invalid_request", "This is not an HTTP request.")
HOST: Final = Refusal("host", 400, "invalid_request", "A request has exactly one valid Host.")
CODING: Final = Refusal(
    "transfer_coding", 501, "invalid_request", "The only transfer coding taken is chunked."
)
UPGRADE: Final = Refusal(
    "upgrade", 400, "invalid_request", "No upgrade is offered, least of all with a body."
)
METHOD: Final = Refusal(
    "method",
    405,
    "method_not_allowed",
    "No address here takes this method.",
    (("allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),),
)
VERSION: Final = Refusal("http_version", 505, "invalid_request", "Use HTTP/1.1.")
OLD_VERSION: Final = Refusal("http_version", None)
TARGET_TOO_LONG: Final = Refusal(
    "target_length", 414, "invalid_request", "The address is too long."
)
HEADERS_TOO_LARGE: Final = Refusal(
    "header_size", 431, "invalid_request", "The headers are too many or too large."
)
PIPELINED: Final = Refusal("pipelined", None)
SILENT: Final = Refusal("header_deadline", None)
HEADERS_TOO_SLOW: Final = Refusal(
    "header_deadline", 408, "request_timeout", "The headers took too long."
)
BODY_IDLE: Final = Refusal("body_idle", 408, "request_timeout", "The body stopped coming.")
BODY_SLOW: Final = Refusal("body_slow", 408, "request_timeout", "The body comes too slowly.")
BODY_TOTAL: Final = Refusal("body_total", 408, "request_timeout", "The body took too long.")
WRITE_STALL: Final = Refusal("write_stall", None)
WRITE_SLOW: Final = Refusal("write_slow", None)
FLOODED: Final = Refusal("connections", None)
TOO_MANY: Final = Refusal(
    "connections",
    503,
    "unavailable",
    "Too many connections are open.",
    (("retry-after", "5"),),
)
