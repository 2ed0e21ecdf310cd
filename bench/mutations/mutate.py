"""One seed and one number give one broken file, the same on every machine."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence
from random import Random
from typing import Final

from bench.mutations.seeds import Seed
from bench.mutations.structure import structure

_HEAD_BYTES: Final = 4096
_MOST_BYTES: Final = 1 << 20
_RIGHT_CHECKSUMS: Final = 0.9
_ID3_NAMES: Final = (b"TIT2", b"TPE1", b"TXXX", b"APIC", b"COMM", b"CHAP", b"PRIV", b"UFID")
_POLYNOMIAL: Final = 0x04C11DB7
_SHORTEST_PAGE_BYTES: Final = 23

Breakage = Callable[[Random, Seed, Seed], bytes]


def mutant(seeds: Sequence[Seed], run_seed: int, number: int) -> Seed:
    """The ``number``-th broken file of a run: one to four breakages of one of ``seeds``."""
    random = Random(f"{run_seed}:{number}")
    broken = seeds[number % len(seeds)]
    for _ in range(random.choice((1, 1, 1, 2, 2, 4))):
        breakage = random.choice(BREAKAGES)
        data = breakage(random, broken, random.choice(seeds))[:_MOST_BYTES]
        broken = Seed(broken.extension, data)
    if broken.extension in {"ogg", "opus"} and random.random() < _RIGHT_CHECKSUMS:
        return Seed(broken.extension, _checksummed(broken.data))
    return broken


def flip_bits(random: Random, seed: Seed, _other: Seed) -> bytes:
    data = bytearray(seed.data)
    reach = random.choice((64, _HEAD_BYTES, len(data), len(data)))
    for _ in range(random.choice((1, 3, 20, 300))):
        if data:
            data[random.randrange(min(reach, len(data)))] ^= 1 << random.randrange(8)
    return bytes(data)


def overwrite(random: Random, seed: Seed, _other: Seed) -> bytes:
    start, stop = _stretch(random, seed)
    filling = random.choice((b"\0", b"\xff", b"\x7f", b"\x80"))
    size = stop - start
    new = random.randbytes(size) if random.random() < 0.5 else filling * size
    return seed.data[:start] + new + seed.data[stop:]


def truncate(random: Random, seed: Seed, _other: Seed) -> bytes:
    return seed.data[: random.randrange(random.choice((200, _HEAD_BYTES, len(seed.data) + 1)))]


def repeat(random: Random, seed: Seed, _other: Seed) -> bytes:
    start, stop = _stretch(random, seed)
    times = random.choice((1, 1, 2, 50))
    return seed.data[:stop] + seed.data[start:stop] * times + seed.data[stop:]


def drop(random: Random, seed: Seed, _other: Seed) -> bytes:
    start, stop = _stretch(random, seed)
    return seed.data[:start] + seed.data[stop:]


def swap(random: Random, seed: Seed, _other: Seed) -> bytes:
    (a, b), (c, d) = sorted((_stretch(random, seed), _stretch(random, seed)))
    if b > c:
        return seed.data[c:] + seed.data[:c]
    return seed.data[:a] + seed.data[c:d] + seed.data[b:c] + seed.data[a:b] + seed.data[d:]


def lie(random: Random, seed: Seed, _other: Seed) -> bytes:
    """A number that says how long, how many or how fast says something else."""
    fields = structure(seed.extension, seed.data).fields
    data = bytearray(seed.data)
    for _ in range(random.choice((1, 1, 2, 8))):
        if not fields:
            break
        field = random.choice(fields)
        true = int.from_bytes(data[field.at : field.at + field.width], field.order)
        top = 1 << 8 * field.width
        lies = (0, 1, top - 1, top // 2, top // 2 - 1, true + 1, true - 1, true * 2, true // 2)
        value = random.choice((*lies, random.randrange(top))) % top
        data[field.at : field.at + field.width] = value.to_bytes(field.width, field.order)
    return bytes(data)


def nest(random: Random, seed: Seed, _other: Seed) -> bytes:
    """A part inside copies of its own head, as often as MP4 or RIFF would follow."""
    start, _ = _stretch(random, seed)
    head = seed.data[start : start + 8]
    return seed.data[:start] + head * random.choice((2, 30, 3000)) + seed.data[start:]


def splice(random: Random, seed: Seed, other: Seed) -> bytes:
    """The front of one file with the rest of another, of any kind."""
    return seed.data[: _place(random, seed)] + other.data[_place(random, other) :]


def insert(random: Random, seed: Seed, other: Seed) -> bytes:
    """A part of another file somewhere inside."""
    start, stop = _stretch(random, other)
    at = _place(random, seed)
    return seed.data[:at] + other.data[start:stop] + seed.data[at:]


def tag(random: Random, seed: Seed, _other: Seed) -> bytes:
    """An ID3 tag in front: compressed, lying about its sizes, or of bytes that are no text."""
    frames = b""
    for _ in range(random.randrange(1, 8)):
        name = random.choice(
            (b"TIT2", b"TPE1", b"TXXX", b"APIC", b"COMM", b"CHAP", b"PRIV", b"UFID")
        )
        body = random.randbytes(random.randrange(200))
        flags = random.choice((0, 0, 0x80, 0x0080, 0x0008, 0x0009, 0x0002, 0xFFFF))
        if flags in {0x0080, 0x0009}:
            size = random.choice((len(body), 1 << 20, 1 << 27))
            body = struct.pack(">I", size) + zlib.compress(body * 1000)
        stated = random.choice((len(body), len(body), len(body) * 2, 0, 0x7FFFFFFF))
        frames += name + struct.pack(">IH", stated, flags) + body
    size = random.choice((len(frames), len(frames), len(frames) // 2, 0x0FFFFFFF))
    synced = bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
    head = b"ID3" + bytes(
        (random.choice((2, 3, 3, 4, 4)), 0, random.choice((0, 0, 0x40, 0x80, 0x10)))
    )
    return head + synced + frames + seed.data


BREAKAGES: Final[tuple[Breakage, ...]] = (
    flip_bits, flip_bits, overwrite, truncate, repeat, drop, swap,
    lie, lie, lie, nest, splice, insert, tag,
)  # fmt: skip


def _stretch(random: Random, seed: Seed) -> tuple[int, int]:
    """A part of the file where it has parts, or any bytes of it."""
    parts = structure(seed.extension, seed.data).parts
    if parts and random.random() < 0.6:
        return random.choice(parts)
    start = _place(random, seed)
    return start, min(len(seed.data), start + random.choice((1, 16, 300, 5000)))


def _place(random: Random, seed: Seed) -> int:
    return random.randrange(min(len(seed.data), random.choice((_HEAD_BYTES, _MOST_BYTES))) + 1)


def _checksummed(data: bytes) -> bytes:
    """Ogg pages with sums that are right again, for pages without are passed over."""
    first, *pages = data.split(b"OggS")
    for number, page in enumerate(pages):
        if len(page) >= _SHORTEST_PAGE_BYTES:
            blank = page[:18] + bytes(4) + page[22:]
            value = 0
            for byte in b"OggS" + blank:
                value = (value << 8 ^ _TABLE[value >> 24 ^ byte]) & 0xFFFFFFFF
            pages[number] = page[:18] + value.to_bytes(4, "little") + page[22:]
    return b"OggS".join((first, *pages))


def _remainder(byte: int) -> int:
    value = byte << 24
    for _ in range(8):
        value = value << 1 ^ (0x100000000 | _POLYNOMIAL if value >> 31 else 0)
    return value


_TABLE: Final = tuple(_remainder(byte) for byte in range(256))
