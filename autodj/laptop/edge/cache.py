"""What the edge keeps on disk: parts of objects, at most so many bytes, the least used go first.

Each part is a file of its own that begins with the hash of its name and bytes. It is written
beside its place and renamed, and the hash is checked at every reading, so that a part which a
power cut or a failing disk has damaged is a part that is not there.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import threading
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from typing import Final

import structlog

from autodj.laptop.faults import MIN_FREE_BYTES, plain_faults

log = structlog.get_logger("autodj.edge")

HASH_BYTES: Final = 32

_NAME: Final = re.compile(r"(?P<owner>[0-9a-f]{40})\.(?P<part>[a-z0-9-]{1,60})")
_UNFINISHED: Final = ".unfinished"


class DiskCache:
    """Parts by owner (40 hex digits) and part name (a-z 0-9 -), at most ``max_bytes`` of files.

    Made over a folder that an earlier process filled, it goes on with what is there. Methods
    may be called from several threads. One process at a time may use the folder. Nothing is
    added while less than ``min_free_bytes`` are free on the disk: others need it more.
    """

    def __init__(
        self, folder: Path, max_bytes: int, *, min_free_bytes: int = MIN_FREE_BYTES
    ) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._min_free_bytes = min_free_bytes
        self._lock = threading.Lock()
        self._sizes: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._held_bytes = 0
        self._writes = 0
        with plain_faults(folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._take_stock()

    @property
    def held_bytes(self) -> int:
        """The size of all files."""
        return self._held_bytes

    def find(self, owner: str, part: str) -> bytes | None:
        """The part as it was kept, or None; it is now the most recently used."""
        with self._lock:
            if (owner, part) not in self._sizes:
                return None
            self._sizes.move_to_end((owner, part))
        file = self._file(owner, part)
        try:
            stored = file.read_bytes()
            os.utime(file)  # the order in which a later process lets go
        except OSError:
            stored = b""
        data = stored[HASH_BYTES:]
        if stored[:HASH_BYTES] == _hash(owner, part, data):
            return data
        self._drop(owner, part)
        return None

    def holds(self, owner: str, part: str) -> bool:
        """Whether the part is there, as far as that is known without reading it."""
        return (owner, part) in self._sizes

    def keep(self, owner: str, part: str, data: bytes) -> None:
        """Store the part and let go of others to make room. A full disk only means that
        nothing more is kept.
        """
        size_bytes = len(data) + HASH_BYTES
        if size_bytes > self._max_bytes:
            return
        try:
            if shutil.disk_usage(self._folder).free < self._min_free_bytes:
                return
            self._write(owner, part, data)
        except OSError as error:
            log.warning("edge_cache_not_written", folder=str(self._folder), reason=str(error))
            return
        with self._lock:
            self._held_bytes += size_bytes - self._sizes.pop((owner, part), 0)
            self._sizes[owner, part] = size_bytes
        self._make_room()

    def forget(self, owner: str) -> int:
        """Drop every part of the owner; how many there were."""
        with self._lock:
            parts = [part for name, part in self._sizes if name == owner]
        for part in parts:
            self._drop(owner, part)
        return len(parts)

    def owners_of(self, part: str) -> list[str]:
        """Everybody who has a part of this name."""
        with self._lock:
            return [owner for owner, name in self._sizes if name == part]

    def _take_stock(self) -> None:
        found = []
        for path in self._folder.glob("[0-9a-f][0-9a-f]/*"):
            name = _NAME.fullmatch(path.name)
            if name is None:
                if path.name.endswith(_UNFINISHED):
                    path.unlink()
                continue
            described = path.stat()
            found.append((described.st_mtime_ns, name["owner"], name["part"], described.st_size))
        for _, owner, part, size_bytes in sorted(found):
            self._sizes[owner, part] = size_bytes
            self._held_bytes += size_bytes
        self._make_room()

    def _write(self, owner: str, part: str, data: bytes) -> None:
        file = self._file(owner, part)
        file.parent.mkdir(mode=0o700, exist_ok=True)
        with self._lock:
            self._writes += 1
            unfinished = file.with_name(f"{self._writes}{_UNFINISHED}")
        try:
            with unfinished.open("wb") as stream:
                stream.write(_hash(owner, part, data))
                stream.write(data)
            unfinished.replace(file)
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise

    def _make_room(self) -> None:
        while True:
            with self._lock:
                if self._held_bytes <= self._max_bytes or not self._sizes:
                    return
                (owner, part), size_bytes = self._sizes.popitem(last=False)
                self._held_bytes -= size_bytes
            self._remove(owner, part)

    def _drop(self, owner: str, part: str) -> None:
        with self._lock:
            self._held_bytes -= self._sizes.pop((owner, part), 0)
        self._remove(owner, part)

    def _remove(self, owner: str, part: str) -> None:
        with suppress(OSError):  # what cannot be removed is found again at the next start
            self._file(owner, part).unlink(missing_ok=True)

    def _file(self, owner: str, part: str) -> Path:
        return self._folder / owner[:2] / f"{owner}.{part}"


def _hash(owner: str, part: str, data: bytes) -> bytes:
    digest = hashlib.sha256(f"{owner}.{part}\n".encode())
    digest.update(data)
    return digest.digest()
