"""ID3v2.3 and 2.4 in front of an MP3: some frames replaced, all others kept byte for byte.

After the informal standards at id3.org. Whatever would have to be guessed is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from autodj.errors import CommandError

_HEADER_BYTES = 10
_UNSYNCHRONISED, _EXTENDED, _FOOTER = 0x80, 0x40, 0x10
_FRAME_UNSYNCHRONISED = 0x02
_MAX_TAG_BYTES = 1 << 28
_LATIN1 = b"\x00"
_PADDING_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame as it stands in a tag, without unsynchronisation; ``flags`` are its two bytes."""

    name: str
    content: bytes
    flags: bytes = b"\0\0"

    @property
    def identity(self) -> tuple[str, bytes]:
        """Frames of one identity stand for one fact: the name, and the description where a
        name may occur often.
        """
        if self.name == "TXXX":
            description = self.content[1:].split(_end_of_text(self.content), 1)[0]
            return self.name, description.upper()
        if self.name == "GEOB":
            return self.name, b"\0".join(self.content[1:].split(b"\0", 3)[1:3])
        return self.name, b""


def text(name: str, value: str) -> Frame:
    """A frame of ASCII text, such as TBPM."""
    return Frame(name, _LATIN1 + value.encode("ascii"))


def own_text(description: str, value: str) -> Frame:
    """A TXXX frame of ASCII text."""
    return Frame("TXXX", b"\0".join([_LATIN1 + description.encode("ascii"), value.encode("ascii")]))


def attached(mime_type: str, description: str, content: bytes) -> Frame:
    """A GEOB frame: an object of a program's own, without a file name."""
    head = b"\0".join([_LATIN1 + mime_type.encode("ascii"), b"", description.encode("ascii")])
    return Frame("GEOB", head + b"\0" + content)


def replace(file: BinaryIO, frames: Sequence[Frame]) -> bytes:
    """The tag of ``file`` with ``frames`` in place of those of the same identity; the file is
    left where its audio starts. A file without a tag gets one of version 2.3.

    CommandError for a tag that cannot be read to its end.
    """
    major, old = _read(file)
    mine = {each.identity for each in frames}
    kept = [each for each in old if each.identity not in mine]
    body = b"".join(_packed(each, major) for each in (*kept, *frames)) + bytes(_PADDING_BYTES)
    return b"ID3" + bytes([major, 0, 0]) + _synchsafe(len(body)) + body


def _read(file: BinaryIO) -> tuple[int, Sequence[Frame]]:
    """The major version and the frames; none and 3 where no tag is."""
    file.seek(0)
    header = file.read(_HEADER_BYTES)
    if len(header) < _HEADER_BYTES or not header.startswith(b"ID3"):
        file.seek(0)
        return 3, ()
    major, flags, size = header[3], header[5], _from_synchsafe(header[6:10])
    if major not in {3, 4} or size > _MAX_TAG_BYTES:
        raise _refusal(f"Its tags are ID3v2.{major}, which is not written here")
    body = file.read(size)
    if flags & _FOOTER:
        file.seek(_HEADER_BYTES, 1)
    if flags & _UNSYNCHRONISED and major == 3:
        body = body.replace(b"\xff\x00", b"\xff")
    if flags & _EXTENDED:
        body = body[_extended_bytes(body, major) :]
    return major, tuple(
        _frames(body, major, whole_tag_unsynchronised=bool(flags & _UNSYNCHRONISED))
    )


def _frames(body: bytes, major: int, *, whole_tag_unsynchronised: bool) -> Iterator[Frame]:
    at = 0
    while at + _HEADER_BYTES <= len(body) and body[at]:
        name = body[at : at + 4].decode("latin-1")
        size = _number(body[at + 4 : at + 8], major)
        flags = body[at + 8 : at + 10]
        content = body[at + 10 : at + 10 + size]
        if not (name.isascii() and name.isalnum() and name.upper() == name):
            raise _refusal("Its ID3 tag is damaged")
        if len(content) < size:
            raise _refusal("Its ID3 tag ends too early")
        if major == 4 and (flags[1] & _FRAME_UNSYNCHRONISED or whole_tag_unsynchronised):
            content = content.replace(b"\xff\x00", b"\xff")
            flags = bytes([flags[0], flags[1] & ~_FRAME_UNSYNCHRONISED])
        yield Frame(name, content, flags)
        at += _HEADER_BYTES + size


def _packed(frame: Frame, major: int) -> bytes:
    size = len(frame.content)
    number = size.to_bytes(4, "big") if major == 3 else _synchsafe(size)
    return frame.name.encode() + number + frame.flags + frame.content


def _extended_bytes(body: bytes, major: int) -> int:
    """Version 2.3 does not count the four bytes of the number itself."""
    return _number(body[:4], major) + (4 if major == 3 else 0)


def _number(digits: bytes, major: int) -> int:
    return int.from_bytes(digits, "big") if major == 3 else _from_synchsafe(digits)


def _synchsafe(number: int) -> bytes:
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def _from_synchsafe(digits: bytes) -> int:
    number = 0
    for digit in digits:
        number = number << 7 | digit & 0x7F
    return number


def _end_of_text(content: bytes) -> bytes:
    """The end mark in the encoding that the first byte names."""
    return b"\0\0" if content[:1] in {b"\x01", b"\x02"} else b"\0"


def _refusal(what: str) -> CommandError:
    return CommandError(f"{what}; no copy is made", hint="Export the track in another format.")
