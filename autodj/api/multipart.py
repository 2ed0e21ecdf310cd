"""multipart/form-data (RFC 7578) as a stream of events, with nothing kept but small headers."""

from __future__ import annotations

import re
from dataclasses import dataclass

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from autodj.errors import InvalidRequest, TooLarge, UnsupportedMedia

MAX_PARTS = 32
# RFC 2046 5.1.1
_BOUNDARY = re.compile(rb"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
_PLAIN_CODINGS = frozenset({b"", b"7bit", b"8bit", b"binary"})


@dataclass(frozen=True, slots=True)
class PartStart:
    """A part begins; its bytes follow until PartEnd. ``filename`` is as the client wrote it."""

    name: str
    filename: str | None


@dataclass(frozen=True, slots=True)
class PartEnd:
    """The part that was begun last is complete."""


Event = PartStart | PartEnd | bytes


class FormParts:
    """Feed it the body piece by piece; it hands out the events each piece completes.

    Raises InvalidRequest for broken framing, UnsupportedMedia for parts inside parts, and
    TooLarge for more than MAX_PARTS.
    """

    def __init__(self, content_type: str) -> None:
        self._events: list[Event] = []
        self._headers: dict[bytes, bytes] = {}
        self._field = b""
        self._value = b""
        self._parts = 0
        self._ended = False
        self._parser = MultipartParser(
            _boundary(content_type),
            {
                "on_part_begin": self._begin,
                "on_part_data": self._data,
                "on_part_end": self._part_end,
                "on_header_field": self._header_field,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
                "on_end": self._end,
            },
        )

    def feed(self, piece: bytes) -> list[Event]:
        try:
            self._parser.write(piece)
        except FormParserError as error:
            raise InvalidRequest("The multipart body is malformed.") from error
        events, self._events = self._events, []
        return events

    def close(self) -> None:
        """Call after the last piece: a body without its closing boundary was cut short."""
        if not self._ended:
            raise InvalidRequest("The multipart body has no closing boundary.")

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise TooLarge(f"The form has more than {MAX_PARTS} parts.", max_parts=MAX_PARTS)
        self._headers = {}

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._headers[self._field.lower()] = self._value
        self._field = self._value = b""

    def _headers_finished(self) -> None:
        kind, _ = parse_options_header(self._headers.get(b"content-type"))
        if kind.startswith(b"multipart/"):
            raise UnsupportedMedia("A part of the form is a multipart body itself.")
        coding = self._headers.get(b"content-transfer-encoding", b"").strip().lower()
        if coding not in _PLAIN_CODINGS:
            raise UnsupportedMedia("A part of the form has a transfer coding.")
        disposition, parameters = parse_options_header(self._headers.get(b"content-disposition"))
        if disposition != b"form-data" or b"name" not in parameters:
            raise InvalidRequest("A part of the form has no name.")
        filename = parameters.get(b"filename")
        self._events.append(
            PartStart(
                parameters[b"name"].decode(errors="replace"),
                None if filename is None else filename.decode(errors="replace"),
            )
        )

    def _data(self, data: bytes, start: int, end: int) -> None:
        self._events.append(data[start:end])

    def _part_end(self) -> None:
        self._events.append(PartEnd())

    def _end(self) -> None:
        self._ended = True


def _boundary(content_type: str) -> bytes:
    kind, parameters = parse_options_header(content_type)
    if kind != b"multipart/form-data":
        raise UnsupportedMedia(
            "The body must be multipart/form-data.", hint="Send multipart/form-data."
        )
    boundary = parameters.get(b"boundary", b"")
    if not _BOUNDARY.fullmatch(boundary):
        raise InvalidRequest("The multipart boundary is missing, too long or misspelt.")
    return boundary
