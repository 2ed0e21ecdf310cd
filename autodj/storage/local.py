"""The store in a directory, with the powers that files allow."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from autodj.errors import ObjectExists, ObjectNotFound, PreconditionFailed
from autodj.storage.base import ByteRange, Described, ObjectStat
from autodj.storage.disk import disk_errors, opened, sha256_of
from autodj.storage.keys import check_key
from autodj.storage.local_facts import (
    Facts,
    etag_of,
    fresh_stamp_ns,
    load_facts,
    stamp_id,
    type_of,
)
from autodj.storage.local_objects import LocalObjects
from autodj.storage.local_versions import former_states, version_path
from autodj.storage.pouring import seen_through
from autodj.storage.powers import ObjectVersion


class LocalStorage(LocalObjects):
    """Objects as files ``root/<key>``.

    With ``versioned`` an object that is replaced or deleted stays under ``root/.versions``
    until that version is deleted; the bytes of a state never change. Above
    ``max_object_bytes`` nothing is taken: TooLarge.
    """

    def __init__(
        self,
        root: Path,
        *,
        step: Callable[[str], None] | None = None,
        versioned: bool = False,
        basket: str = "local",
        max_object_bytes: int | None = None,
    ) -> None:
        super().__init__(root, step=step)
        self.versioned = versioned
        self.basket = basket
        self.max_object_bytes = max_object_bytes

    async def replace(
        self,
        key: str,
        source: Path | bytes,
        *,
        sha256: str,
        content_type: str,
        if_match: str | None = None,
        described: Described | None = None,
    ) -> ObjectStat:
        facts = Facts(sha256, content_type, described or Described())
        with self._told("replace", key) as doing:
            stored = await seen_through(
                partial(self._replace, key, source, facts, if_match, self.max_object_bytes)
            )
            doing.bytes = stored.size_bytes
            return stored

    async def set_metadata(self, key: str, metadata: Mapping[str, str]) -> ObjectStat:
        with self._told("set_metadata", key):
            return await seen_through(partial(self._set_metadata, key, metadata))

    async def versions(self, key: str) -> Sequence[ObjectVersion]:
        with self._told("versions", key), disk_errors(key):
            return await asyncio.to_thread(self._versions, key)

    @asynccontextmanager
    async def read_version(
        self, key: str, version_id: str, byte_range: ByteRange | None = None
    ) -> AsyncGenerator[AsyncIterator[bytes], None]:
        path = await asyncio.to_thread(self._path_of_version, check_key(key), version_id)
        async with self._reading(key, path, byte_range) as stream:
            yield stream

    async def restore_version(self, key: str, version_id: str) -> ObjectStat:
        with self._told("restore_version", key):
            return await seen_through(partial(self._restore_version, key, version_id))

    async def delete_version(self, key: str, version_id: str) -> None:
        with (
            self._told("delete_version", key),
            disk_errors(key),
            suppress(ObjectNotFound),
        ):
            await seen_through(partial(self._delete_version, key, version_id))

    def _replace(
        self,
        key: str,
        source: Path | bytes,
        facts: Facts,
        if_match: str | None,
        max_bytes: int | None = None,
    ) -> ObjectStat:
        temporary = self.incoming()
        try:
            with disk_errors(key), opened(source, key) as file:
                self._write(temporary, file, facts.sha256, fresh_stamp_ns(), max_bytes)
                with self._locked():
                    return self._swap(key, temporary, facts, if_match)
        finally:
            temporary.unlink(missing_ok=True)

    def _swap(self, key: str, temporary: Path, facts: Facts, if_match: str | None) -> ObjectStat:
        final = self.path(key)
        if final.is_dir():
            raise ObjectExists(f"Other objects lie inside {key}.")
        former = None
        with suppress(FileNotFoundError, NotADirectoryError):
            found = final.lstat()
            if if_match not in {None, etag_of(found)}:
                raise PreconditionFailed(f"{key} is not what it was.")
            self._outdate(temporary, found)
            self._keep(key, found)
            former, if_match = stamp_id(found), None
        if if_match is not None:
            raise PreconditionFailed(f"{key} is gone.")
        try:
            self._make_directory(final.parent)
        except (FileExistsError, NotADirectoryError) as error:
            raise ObjectExists(f"{key} would lie inside another object.") from error
        stamp = stamp_id(temporary.stat())
        self._write_facts(key, stamp, facts)
        self._step("rename")
        self._rename(temporary, final)
        self._fsync_up(final)
        if former is not None:
            self._forget_state(key, former)
        return self._stat(key)

    def _outdate(self, temporary: Path, found: os.stat_result) -> None:
        """The clock may stand still or go back; the stamps of an object's states may not."""
        if temporary.stat().st_mtime_ns <= found.st_mtime_ns:
            stamp_ns = fresh_stamp_ns(found.st_mtime_ns)
            os.utime(temporary, ns=(stamp_ns, stamp_ns))
            with temporary.open("rb") as file:
                self._fsync_file(file.fileno())

    def _set_metadata(self, key: str, metadata: Mapping[str, str]) -> ObjectStat:
        with disk_errors(key):
            if not self.path(key).exists():
                raise ObjectNotFound(f"There is no file for {key}.")
            with self._locked(), self._open(key) as file:
                stamp = stamp_id(os.fstat(file.fileno()))
                facts = load_facts(self.root, key, stamp)
                if facts is None:
                    facts = Facts(sha256_of(file), type_of(key), Described())
                described = replace(facts.described, metadata=dict(metadata))
                self._write_facts(key, stamp, replace(facts, described=described))
            return self._stat(key)

    def _versions(self, key: str) -> list[ObjectVersion]:
        found = former_states(self.root, key)
        with suppress(ObjectNotFound):
            now = self._stat(key)
            version_id = stamp_id(self.path(key).lstat())
            current = ObjectVersion(key, version_id, now.size_bytes, now.modified_at, current=True)
            found = [current, *(each for each in found if each.version_id != version_id)]
        return found

    def _path_of_version(self, key: str, version_id: str) -> Path:
        path = version_path(self.root, key, version_id)
        with suppress(FileNotFoundError, NotADirectoryError):
            if stamp_id(self.path(key).lstat()) == version_id:
                return self.path(key)
        return path

    def _restore_version(self, key: str, version_id: str) -> ObjectStat:
        path = self._path_of_version(key, version_id)
        with disk_errors(f"that version of {key}"), path.open("rb") as file:
            facts = load_facts(self.root, key, stamp_id(os.fstat(file.fileno())))
            facts = facts or Facts(sha256_of(file), type_of(key), Described())
        return self._replace(key, path, facts, None)

    def _delete_version(self, key: str, version_id: str) -> None:
        with self._locked():
            # The newest one is a former one too when a crash came before it was gone over.
            former = version_path(self.root, key, version_id)
            for path in {self._path_of_version(key, version_id), former}:
                self._step("unlink")
                with suppress(FileNotFoundError, NotADirectoryError):
                    path.unlink()
                    self._fsync_directory(path.parent)
                    self._remove_empty_above(path)
                    self._forget_facts(key, version_id)

    def _remove(self, key: str) -> None:
        with suppress(FileNotFoundError, NotADirectoryError):
            found = self.path(key).lstat()
            if stat.S_ISREG(found.st_mode):
                self._keep(key, found)
        super()._remove(key)

    def _keep(self, key: str, found: os.stat_result) -> None:
        """The present state, as a former one, before it goes."""
        if not self.versioned:
            return
        path = version_path(self.root, key, stamp_id(found))
        self._make_directory(path.parent)
        with suppress(FileExistsError):
            self._link(self.path(key), path)
        self._fsync_up(path)

    def _forget_state(self, key: str, stamp: str) -> None:
        if not self.versioned:
            super()._forget_state(key, stamp)

    def _rename(self, temporary: Path, final: Path) -> None:
        temporary.replace(final)
