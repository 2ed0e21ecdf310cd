"""What a file cannot say of itself: content type, encoding, metadata, hash.

They lie in a file of their own whose name holds the time stamp of the object's file, to the
nanosecond. Publishing the object's file therefore publishes what describes it, in one step;
a description that no file has the stamp of means nothing.
"""

from __future__ import annotations

import json
import mimetypes
import os
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from autodj.errors import IntegrityFault
from autodj.storage.base import Described, ObjectStat
from autodj.storage.disk import disk_errors
from autodj.storage.keys import is_key
from autodj.storage.metadata import decoded, encoded, in_header

DESCRIPTIONS: Final = ".described"

# Without the tables of this machine: the same name means the same everywhere.
_TYPES: Final = mimetypes.MimeTypes(filenames=())


@dataclass(frozen=True, slots=True)
class Facts:
    """What was said of one object when it was stored; ``sha256`` in hex."""

    sha256: str
    content_type: str
    described: Described

    def packed(self) -> bytes:
        encoding = self.described.content_encoding
        return json.dumps(
            {
                "sha256": self.sha256,
                "content_type": in_header(self.content_type),
                "content_encoding": in_header(encoding) if encoding else None,
                "storage_class": self.described.storage_class,
                "metadata": encoded(self.described.metadata),
            }
        ).encode()


def fresh_stamp_ns(after_ns: int = 0) -> int:
    """A time stamp that no other state of the same object has."""
    now_ns = time.time_ns()
    # Within the clock's own coarseness chance tells two writers apart.
    return max(now_ns - now_ns % 65536 + secrets.randbelow(65536), after_ns + 1)


def stamp_id(found: os.stat_result) -> str:
    """The name of this state of an object's file."""
    return f"{found.st_mtime_ns:x}"


def facts_path(root: Path, key: str, stamp: str) -> Path:
    # No key holds an "@".
    return root / DESCRIPTIONS / f"{key}@{stamp}"


def load_facts(root: Path, key: str, stamp: str) -> Facts | None:
    try:
        said = json.loads(facts_path(root, key, stamp).read_bytes())
        return Facts(
            said["sha256"],
            said["content_type"],
            Described(decoded(said["metadata"]), said["content_encoding"], said["storage_class"]),
        )
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise IntegrityFault(f"The description of {key} cannot be read.") from error


def all_facts(root: Path) -> Iterator[tuple[Path, str, str]]:
    """Every description: its file, and the key and the stamp that it is for."""
    described = root / DESCRIPTIONS
    for directory, _, names in os.walk(described):  # passes over what vanishes meanwhile
        for path in (Path(directory) / name for name in names):
            key, _, stamp = str(path.relative_to(described)).rpartition("@")
            if is_key(key):
                yield path, key, stamp


def type_of(key: str) -> str:
    """The content type of an object that is not described: what its name suggests."""
    return _TYPES.guess_type(key)[0] or "application/octet-stream"


def stat_of(root: Path, key: str, found: os.stat_result) -> ObjectStat:
    """The object's file and what describes it."""
    stamp = stamp_id(found)
    with disk_errors(key):
        facts = load_facts(root, key, stamp)
    return ObjectStat(
        key,
        found.st_size,
        datetime.fromtimestamp(found.st_mtime, UTC),
        content_type=facts.content_type if facts else _TYPES.guess_type(key)[0],
        etag=etag_of(found),
        sha256=None if facts is None else facts.sha256,
        described=Described() if facts is None else facts.described,
    )


def etag_of(found: os.stat_result) -> str:
    return f'"{stamp_id(found)}-{found.st_size:x}"'
