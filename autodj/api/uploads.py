"""Receiving an upload into a temporary file: raw, or as the file part of a form."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

from starlette.requests import Request

from autodj.api.bodies import NOT_TEXT, Fault, bounded_stream, invalid
from autodj.api.multipart import Event, FormParts, PartEnd, PartStart
from autodj.errors import TooLarge
from autodj.tracks.filenames import display_name, name_in_disposition
from autodj.tracks.landing import Landing

FILE_PART = "file"
MAX_FIELD_BYTES = 64 * 1024
# Boundaries and part headers around the file and the fields.
_FRAMING_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Received:
    """A whole upload; ``sha256`` is hex, ``filename`` is cleaned and for display only."""

    path: Path
    sha256: str
    size_bytes: int
    filename: str | None
    fields: Mapping[str, str]


async def receive_raw(request: Request, into: Path, *, max_bytes: int) -> Received:
    """The body itself is the file; Content-Disposition may name it.

    ``into`` exists afterwards only on success. Raises TooLarge at the limit, InvalidRequest
    when the client leaves early, DiskFull.
    """
    pieces = bounded_stream(request, max_bytes=max_bytes)
    with Landing(into, max_bytes=max_bytes) as landing:
        async with aclosing(pieces):
            async for piece in pieces:
                await landing.write(piece)
        landed = await landing.finish()
    named = name_in_disposition(_utf8(request.headers.get("content-disposition")))
    return Received(into, landed.sha256, landed.size_bytes, named, {})


async def receive_form(
    request: Request, into: Path, *, max_bytes: int, field_names: Collection[str]
) -> Received:
    """A multipart/form-data body with one part named ``file`` and text in ``field_names``.

    ``into`` exists afterwards only on success. Raises what receive_raw raises, and InvalidField
    for a missing or second file and for fields that are unknown, repeated or not UTF-8.
    """
    parts = FormParts(request.headers.get("content-type", ""))
    pieces = bounded_stream(request, max_bytes=max_bytes + MAX_FIELD_BYTES + _FRAMING_BYTES)
    with Landing(into, max_bytes=max_bytes) as landing:
        form = _Form(landing, field_names)
        async with aclosing(pieces):
            async for piece in pieces:
                for event in parts.feed(piece):
                    await form.take(event)
        parts.close()
        form.close()
        landed = await landing.finish()
    filename = display_name(form.filename)
    return Received(into, landed.sha256, landed.size_bytes, filename, form.fields)


@dataclass(slots=True)
class _Form:
    """What a form has brought so far; a part that may not be is noted, its bytes dropped."""

    landing: Landing
    field_names: Collection[str]
    fields: dict[str, str] = field(default_factory=dict)
    filename: str | None = None
    _seen: set[str] = field(default_factory=set)
    _faults: list[Fault] = field(default_factory=list)
    _name: str | None = None
    _text: bytearray = field(default_factory=bytearray)
    _text_bytes: int = 0

    async def take(self, event: Event) -> None:
        if isinstance(event, PartStart):
            self._begin(event)
        elif isinstance(event, PartEnd):
            self._end()
        elif self._name == FILE_PART:
            await self.landing.write(event)
        elif self._name is not None:
            self._text_bytes += len(event)
            if self._text_bytes > MAX_FIELD_BYTES:
                raise TooLarge(f"The text fields are larger than {MAX_FIELD_BYTES} bytes.")
            self._text += event

    def close(self) -> None:
        if FILE_PART not in self._seen:
            self._faults.append(Fault((FILE_PART,), "is missing"))
        self._refuse_faults()

    def _begin(self, part: PartStart) -> None:
        self._name = None
        if part.name in self._seen:
            self._faults.append(Fault((part.name,), "is given more than once"))
        elif part.name == FILE_PART:
            # Fields come first from any browser: refuse before the long part, not after.
            self._refuse_faults()
            self._name, self.filename = part.name, part.filename
        elif part.name in self.field_names and part.filename is None:
            self._name = part.name
        else:
            self._faults.append(Fault((part.name,), "is not a field of this form"))
        self._seen.add(part.name)

    def _end(self) -> None:
        if self._name is None or self._name == FILE_PART:
            return
        try:
            self.fields[self._name] = self._text.decode("utf-8")
        except UnicodeDecodeError:
            self._faults.append(Fault((self._name,), NOT_TEXT))
        if b"\0" in self._text:
            self._faults.append(Fault((self._name,), NOT_TEXT))
        self._text.clear()

    def _refuse_faults(self) -> None:
        if self._faults:
            raise invalid(self._faults)


def _utf8(header: str | None) -> str | None:
    # Header bytes come as Latin-1; clients that write raw UTF-8 mean UTF-8.
    if header is None:
        return None
    try:
        return header.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return header
