"""What a store is, in as few words as possible: the model that every store is compared with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from autodj.errors import (
    ObjectExists,
    ObjectNotFound,
    PreconditionFailed,
    RangeNotSatisfiable,
)
from autodj.storage.base import ByteRange


@dataclass(frozen=True)
class State:
    """One state of one object."""

    body: bytes
    content_type: str
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass
class ModelStore:
    """A dictionary. Former states are kept, the newest first, when it is ``versioned``."""

    versioned: bool = False
    objects: dict[str, State] = field(default_factory=dict)
    history: dict[str, list[State]] = field(default_factory=dict)

    def put(self, key: str, new: State) -> State:
        there = self.objects.get(key)
        if there is None:
            self._set(key, new)
        elif there.body != new.body:
            raise ObjectExists
        return self.objects[key]

    def replace(self, key: str, new: State, expected: bytes | None = None) -> State:
        """Over the state with the body ``expected``, or over anything."""
        if expected is not None and (key not in self.objects or self.objects[key].body != expected):
            raise PreconditionFailed
        self._set(key, new)
        return new

    def stat(self, key: str) -> State:
        if key not in self.objects:
            raise ObjectNotFound
        return self.objects[key]

    def read(self, key: str, wanted: ByteRange | None = None) -> bytes:
        if wanted is not None and wanted.length <= 0:
            raise RangeNotSatisfiable
        body = self.stat(key).body
        if wanted is None:
            return body
        if wanted.stop > len(body):
            raise RangeNotSatisfiable
        return body[wanted.start : wanted.stop]

    def delete_many(self, keys: Sequence[str]) -> None:
        for key in keys:
            self.objects.pop(key, None)

    def copy(self, source: str, target: str) -> State:
        return self.put(target, self.stat(source))

    def move(self, source: str, target: str) -> State:
        made = self.copy(source, target)
        if source != target:
            self.delete_many([source])
        return made

    def set_metadata(self, key: str, metadata: Mapping[str, str]) -> State:
        self.objects[key] = replace(self.stat(key), metadata=metadata)
        return self.objects[key]

    def listed(self, prefix: str, *, directories: bool) -> list[str]:
        """Keys, and with ``directories`` one name for all that lies in each."""
        keys = sorted(key for key in self.objects if key.startswith(prefix))
        if not directories:
            return keys
        shown: dict[str, None] = {}
        for key in keys:
            directory, slash, _ = key.removeprefix(prefix).partition("/")
            shown[f"{prefix}{directory}/" if slash else key] = None
        return list(shown)

    def versions(self, key: str) -> list[bytes]:
        return [each.body for each in self.history.get(key, [])]

    def restore_version(self, key: str, number: int) -> State:
        found = self.history[key][number]
        self._set(key, found)
        return found

    def _set(self, key: str, new: State) -> None:
        self.objects[key] = new
        if self.versioned:
            self.history.setdefault(key, []).insert(0, new)
