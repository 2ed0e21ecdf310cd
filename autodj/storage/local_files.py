"""Objects as files, created once and never changed: each step of it, for threads to run."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

from autodj.errors import (
    AutodjError,
    DeleteIncomplete,
    IntegrityFault,
    ObjectExists,
    ObjectNotFound,
    StoreError,
)
from autodj.storage.base import (
    MAX_PAGE_OBJECTS,
    ObjectStat,
)
from autodj.storage.disk import (
    disk_errors,
    open_regular,
    opened,
    remove_empty,
    sha256_of,
)
from autodj.storage.keys import check_key
from autodj.storage.limits import check_size
from autodj.storage.local_disk import LOCK, DurableDirectory
from autodj.storage.local_facts import (
    Facts,
    all_facts,
    etag_of,
    facts_path,
    fresh_stamp_ns,
    load_facts,
    stamp_id,
    stat_of,
)
from autodj.storage.local_versions import version_path

PUBLISH_ATTEMPTS: Final = 10


class LocalFiles(DurableDirectory):
    """What the store in a directory is made of. Everything here blocks."""

    max_object_bytes: int | None = None

    def path(self, key: str) -> Path:
        """Where the object's file is, or would be."""
        return self.root / check_key(key)

    def open_fd(self, key: str) -> int:
        """A read-only descriptor that the caller closes; ObjectNotFound when there is none."""
        return open_regular(self.path(key), key)

    def _put(
        self, key: str, source: Path | bytes, sha256: str, facts: Facts | None = None
    ) -> ObjectStat:
        with opened(source, key) as file:
            temporary = self.incoming()
            try:
                with disk_errors(key):
                    stamp_ns = fresh_stamp_ns() if facts else None
                    self._write(temporary, file, sha256, stamp_ns, self.max_object_bytes)
                    return self._publish(key, temporary, sha256, file.tell(), facts)
            finally:
                temporary.unlink(missing_ok=True)

    def _adopt(
        self, key: str, source: Path, sha256: str, size_bytes: int, facts: Facts | None
    ) -> ObjectStat:
        try:
            check_size(size_bytes, self.max_object_bytes)
            with disk_errors(key):
                with source.open("rb") as file:
                    if (sha256_of(file), file.tell()) != (sha256, size_bytes):
                        raise IntegrityFault(f"The bytes sent for {key} are not those named.")
                    if facts:
                        stamp_ns = fresh_stamp_ns()
                        os.utime(file.fileno(), ns=(stamp_ns, stamp_ns))
                    self._step("fsync")
                    self._fsync_file(file.fileno())
                return self._publish(key, source, sha256, size_bytes, facts)
        finally:
            source.unlink(missing_ok=True)

    def _publish(
        self, key: str, temporary: Path, sha256: str, size_bytes: int, facts: Facts | None
    ) -> ObjectStat:
        final = self.path(key)
        for _ in range(PUBLISH_ATTEMPTS):
            # A delete may take the emptied directory, or the object itself, away in between.
            with suppress(FileNotFoundError, ObjectNotFound):
                if facts:
                    self._write_facts(key, stamp_id(temporary.stat()), facts)
                self._link_or_compare(key, temporary, final, sha256, size_bytes)
                # Also for bytes found in place: who put them may have died before this.
                self._fsync_up(final)
                found = self._stat(key)
                self._step("unlink")
                temporary.unlink()
                return found
        raise StoreError(f"{key} is removed again and again while it is stored.")

    def _link_or_compare(
        self, key: str, temporary: Path, final: Path, sha256: str, size_bytes: int
    ) -> None:
        try:
            self._make_directory(final.parent)
        except (FileExistsError, NotADirectoryError) as error:
            raise ObjectExists(f"{key} would lie inside another object.") from error
        try:
            self._step("rename")
            self._link(temporary, final)
        except FileExistsError as error:
            self._forget_facts(key, stamp_id(temporary.stat()))
            if final.is_dir():
                raise ObjectExists(f"Other objects lie inside {key}.") from error
            try:
                self._verify(key, sha256, size_bytes)
            except IntegrityFault as fault:
                raise ObjectExists(f"{key} already holds other bytes.") from fault

    def _stat(self, key: str) -> ObjectStat:
        with disk_errors(key):
            found = self.path(key).lstat()
        if not stat.S_ISREG(found.st_mode):
            raise ObjectNotFound(f"{key} is not a file.")
        return stat_of(self.root, key, found)

    def _verify(self, key: str, sha256: str, size_bytes: int) -> ObjectStat:
        found = self._stat(key)
        if found.size_bytes == size_bytes:
            with self._open(key) as file, disk_errors(key):
                if sha256_of(file) == sha256:
                    return found
        raise IntegrityFault(f"The file of {key} is not what was recorded.")

    def _copy(self, source: str, target: str) -> ObjectStat:
        temporary = self.incoming()
        try:
            with disk_errors(target), self._open(source) as file:
                facts = load_facts(self.root, source, stamp_id(os.fstat(file.fileno())))
                sha256 = facts.sha256 if facts else sha256_of(file)
                file.seek(0)
                self._write(temporary, file, sha256, fresh_stamp_ns() if facts else None)
                return self._publish(target, temporary, sha256, file.tell(), facts)
        finally:
            temporary.unlink(missing_ok=True)

    def _delete(self, key: str) -> None:
        with disk_errors(key):
            guarded = (self.root / LOCK).exists()
            with self._locked() if guarded else nullcontext():
                self._remove(key)
            if not guarded and (self.root / LOCK).exists():
                # The first writer that locks here may have put back what it read before.
                with self._locked():
                    self._remove(key)

    def _remove(self, key: str) -> None:
        path = self.path(key)
        stamp = None
        self._step("unlink")
        with suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
            found = stamp_id(path.lstat())
            path.unlink()
            stamp = found
            self._step("fsync-dir")
            self._fsync_directory(path.parent)
            self._remove_empty_above(path)
        if stamp is not None:
            self._forget_state(key, stamp)

    def _delete_many(self, keys: Sequence[str]) -> None:
        with _all_tried() as tried:
            for key in keys:
                with tried(key):
                    self._delete(key)

    def _delete_unchanged(self, found: Sequence[ObjectStat]) -> Collection[str]:
        stayed = set()
        with _all_tried() as tried:
            for each in found:
                with tried(each.key), disk_errors(each.key), self._locked():
                    if self._is_another(each):
                        stayed.add(each.key)
                    else:
                        self._remove(each.key)
        return stayed

    def _is_another(self, found: ObjectStat) -> bool:
        with suppress(FileNotFoundError, NotADirectoryError):
            return etag_of(self.path(found.key).lstat()) != found.etag
        return False

    def _write_facts(self, key: str, stamp: str, facts: Facts) -> None:
        self._write_over(facts_path(self.root, key, stamp), facts.packed())

    def _forget_facts(self, key: str, stamp: str) -> None:
        path = facts_path(self.root, key, stamp)
        path.unlink(missing_ok=True)
        self._remove_empty_above(path)

    def _forget_state(self, key: str, stamp: str) -> None:
        """What is said of a state that is no more. Nothing else: somebody may be about to publish
        the next one, whose description is there already.
        """
        self._forget_facts(key, stamp)

    def _sweep_incoming(self, older_than_s: float) -> int:
        """Also descriptions that a crash left without their file."""
        swept = super()._sweep_incoming(older_than_s)
        before = time.time() - older_than_s
        with disk_errors("the descriptions"):
            for path, key, stamp in all_facts(self.root):
                with suppress(FileNotFoundError, ObjectNotFound):
                    # The time that no copy takes along: what is restored now is not old.
                    if path.lstat().st_ctime < before and self._is_stray(key, stamp):
                        self._forget_facts(key, stamp)
                        swept += 1
        return swept

    def _is_stray(self, key: str, stamp: str) -> bool:
        """Whether it describes no state. It may be all there is of an object's description where
        the file was copied without its time.
        """
        if version_path(self.root, key, stamp).exists():
            return False
        with suppress(FileNotFoundError, NotADirectoryError):
            now = stamp_id(self.path(key).lstat())
            return now != stamp and facts_path(self.root, key, now).exists()
        return True

    def _remove_empty_above(self, path: Path) -> None:
        remove_empty(each for each in self._up_to_root(path) if each != self.root)

    def _page(self, keys: Iterator[str]) -> Sequence[ObjectStat]:
        """Up to a page of those that are there; none only at the end of the keys."""
        page: list[ObjectStat] = []
        with disk_errors("the list of objects"):
            while len(page) < MAX_PAGE_OBJECTS and (key := next(keys, None)) is not None:
                with suppress(FileNotFoundError, NotADirectoryError):
                    found = self.path(key).lstat()
                    modified_at = datetime.fromtimestamp(found.st_mtime, UTC)
                    page.append(ObjectStat(key, found.st_size, modified_at, etag=etag_of(found)))
        return page

    def _probe(self) -> None:
        temporary = self.incoming()
        with disk_errors("the data directory"):
            try:
                temporary.write_bytes(b"probe")
            finally:
                temporary.unlink(missing_ok=True)

    def _open(self, key: str) -> BinaryIO:
        return opened_file(self.path(key), key)


@contextmanager
def _all_tried() -> Iterator[Callable[[str], AbstractContextManager[None]]]:
    """What fails for one key is kept until each had its turn; DeleteIncomplete then."""
    failed: dict[str, AutodjError] = {}

    @contextmanager
    def tried(key: str) -> Iterator[None]:
        try:
            yield
        except AutodjError as error:
            failed[key] = error

    yield tried
    if failed:
        raise DeleteIncomplete(failed)


def opened_file(path: Path, key: str) -> BinaryIO:
    return os.fdopen(open_regular(path, key), "rb", buffering=0)
