"""Where the parts of a file lie and where it says how long they are, as far as it can be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

Order = Literal["little", "big"]

_MOST: Final = 400
_NESTED: Final = (
    b"moov", b"trak", b"edts", b"mdia", b"minf", b"dinf", b"stbl", b"udta", b"meta", b"ilst",
)  # fmt: skip
_ITEM_MARKS: Final = (b"\xa9", b"covr", b"trkn", b"disk", b"----")


@dataclass(frozen=True, slots=True)
class Field:
    """A whole number in the file."""

    at: int
    width: int
    order: Order


@dataclass(slots=True)
class Structure:
    """The numbers that say how long things are, and the parts as ``(start, stop)``."""

    fields: list[Field] = field(default_factory=list)
    parts: list[tuple[int, int]] = field(default_factory=list)


def structure(extension: str, data: bytes) -> Structure:
    """What a reader of this kind of file would find; nothing where it would not."""
    found = Structure()
    start = _id3(data, found) if data[:3] == b"ID3" else 0
    _READERS[extension](data, start, found)
    del found.fields[_MOST:], found.parts[_MOST:]
    found.parts = [(a, b) for a, b in found.parts if a < b <= len(data)]
    found.fields = [each for each in found.fields if each.at + each.width <= len(data)]
    return found


def _words(at: int, count: int, width: int, order: Order) -> Iterator[Field]:
    for number in range(count):
        yield Field(at + number * width, width, order)


def _id3(data: bytes, found: Structure) -> int:
    size = 0
    for byte in data[6:10]:
        size = size << 7 | byte & 0x7F
    found.fields.append(Field(6, 4, "big"))
    at, stop = 10, min(10 + size, len(data))
    while at + 10 <= stop and data[at] and len(found.parts) < _MOST:
        length = int.from_bytes(data[at + 4 : at + 8], "big")
        found.fields += [Field(at + 4, 4, "big"), Field(at + 8, 2, "big"), Field(at + 10, 4, "big")]
        found.parts.append((at, min(at + 10 + length, stop)))
        at += 10 + length
    return stop


def _chunked(order: Order, first: int, name: int, size: int) -> Callable[..., None]:
    """Chunks of a name and a size, from ``first`` on; RIFF and AIFF pad them to even."""

    def read(data: bytes, _start: int, found: Structure) -> None:
        at = first
        while at + name + size <= len(data) and len(found.parts) < _MOST:
            length = int.from_bytes(data[at + name : at + name + size], order)
            body = at + name + size
            found.fields.append(Field(at + name, size, order))
            if length <= 4096:
                found.fields += [*_words(body, min(length, 40) // 2, 2, order)]
                found.fields += [*_words(body, min(length, 40) // 4, 4, order)]
            stop = min(body + length + (length % 2 if size == 4 else 0), len(data))
            found.parts.append((at, stop))
            at = stop

    return read


def _flac(data: bytes, start: int, found: Structure) -> None:
    at = start + 4
    while at + 4 <= len(data) and len(found.parts) < _MOST:
        length = int.from_bytes(data[at + 1 : at + 4], "big")
        found.fields.append(Field(at + 1, 3, "big"))
        found.fields += [*_words(at + 4, min(length, 36) // 2, 2, "big")]
        if data[at] & 0x7F in (4, 6):
            found.fields += [*_words(at + 4, min(length, 64) // 4, 4, "little")]
        found.parts.append((at, min(at + 4 + length, len(data))))
        last, at = data[at] & 0x80, at + 4 + length
        if last:
            return


def _ogg(data: bytes, _start: int, found: Structure) -> None:
    at = data.find(b"OggS")
    while at >= 0 and len(found.parts) < _MOST:
        after = data.find(b"OggS", at + 4)
        stop = after if after > 0 else len(data)
        found.fields += [Field(at + 5, 1, "little"), Field(at + 6, 8, "little")]
        found.fields += [Field(at + 14, 4, "little"), Field(at + 18, 4, "little")]
        found.fields += [*_words(at + 26, 3, 1, "little")]
        found.parts.append((at, stop))
        at = after
    for mark in (b"OpusHead", b"OpusTags", b"\x01vorbis", b"\x03vorbis", b"\x05vorbis"):
        place = data.find(mark)
        if place >= 0:
            found.fields += [*_words(place + len(mark), 8, 4, "little")]


def _mp4(data: bytes, start: int, found: Structure) -> None:
    def boxes(at: int, stop: int) -> None:
        while at + 8 <= stop and len(found.parts) < _MOST:
            length, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
            end = min(at + length, stop) if length >= 8 else stop
            found.fields.append(Field(at, 4, "big"))
            found.parts.append((at, end))
            if name in _NESTED or name.startswith(_ITEM_MARKS):
                boxes(at + (12 if name == b"meta" else 8), end)
            else:
                found.fields.extend(_words(at + 8, min(end - at - 8, 48) // 4, 4, "big"))
            at = end

    boxes(start, len(data))


def _wavpack(data: bytes, _start: int, found: Structure) -> None:
    at = 0
    while data[at : at + 4] == b"wvpk" and len(found.parts) < _MOST:
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        found.fields += [Field(at + 4, 4, "little"), Field(at + 8, 2, "little")]
        found.fields += [*_words(at + 12, 4, 4, "little"), *_words(at + 32, 3, 1, "little")]
        found.parts.append((at, min(at + 8 + length, len(data))))
        at += 8 + length


def _frames(data: bytes, start: int, found: Structure) -> None:
    """MP3 and ADTS: what looks like the head of a frame, and the counts in the first."""
    for mark in (b"Xing", b"Info", b"VBRI"):
        place = data.find(mark, start, start + 200)
        if place >= 0:
            found.fields += [*_words(place + 4, 6, 4, "big")]
    at = data.find(b"\xff", start)
    while at >= 0 and len(found.parts) < _MOST:
        following = data.find(b"\xff" + data[at + 1 : at + 2], at + 24)
        found.fields.append(Field(at + 1, 3, "big"))
        found.parts.append((at, following if following > 0 else len(data)))
        at = following


_READERS: Mapping[str, Callable[[bytes, int, Structure], None]] = {
    "mp3": _frames,
    "aac": _frames,
    "flac": _flac,
    "wav": _chunked("little", 12, 4, 4),
    "aiff": _chunked("big", 12, 4, 4),
    "caf": _chunked("big", 8, 4, 8),
    "ogg": _ogg,
    "opus": _ogg,
    "m4a": _mp4,
    "wv": _wavpack,
}
