"""Whether a player finds its way in a file at once, read from a few headers and no decoder."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from autodj.audio import id3, mpeg
from autodj.audio.identify import M4A, MP3, Container

_MAX_BOXES = 1000
_BOX_HEADER_BYTES = 16


def is_indexed(path: Path, container: Container) -> bool:
    """Whether length and places of the audio are said before the audio.

    For MP3: a Xing, Info or VBRI header. For MP4: one ``moov`` in front of the media, and no
    fragments. Other kinds need nothing of that sort, or no player minds. Raises as
    ``id3.audio_offset`` does.
    """
    with path.open("rb") as file:
        if container == MP3:
            return mpeg.mp3_has_index(file, id3.audio_offset(file))
        if container == M4A:
            return _moov_comes_first(file)
    return True


def _moov_comes_first(file: BinaryIO) -> bool:
    """Fragments count as unindexed even behind a ``sidx``: few files have one, and a plain
    file serves every player.
    """
    offset, moov_seen = 0, False
    for _ in range(_MAX_BOXES):
        file.seek(offset)
        header = file.read(_BOX_HEADER_BYTES)
        if len(header) < 8:
            break
        size, kind = int.from_bytes(header[:4], "big"), header[4:8]
        if size == 1:
            size = int.from_bytes(header[8:16], "big")
        if kind in (b"moof", b"sidx", b"styp"):
            return False
        if kind == b"mdat":
            return moov_seen
        if kind == b"moov":
            moov_seen = True
            if _is_fragmented(file, offset, size):
                return False
        if size < 8 or size > 1 << 62:
            break
        offset += size
    return False


def _is_fragmented(file: BinaryIO, offset: int, size: int) -> bool:
    """Whether the ``moov`` announces fragments by an ``mvex`` among its boxes."""
    at, stop = offset + 8, offset + size
    for _ in range(_MAX_BOXES):
        file.seek(at)
        header = file.read(8)
        length = int.from_bytes(header[:4], "big")
        if len(header) < 8 or length < 8 or at + length > stop:
            return False
        if header[4:] == b"mvex":
            return True
        at += length
    return False
