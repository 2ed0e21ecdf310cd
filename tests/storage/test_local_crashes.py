"""What a crash or a power cut can leave of the local store, by a model of what disks promise.

Until fsync, written data may be lost; until fsync of its directory, a new name may be lost or
kept, each on its own. The model takes the operations that the store really made, stops after
each of them and looks at every state a disk may then be in.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, combinations
from pathlib import Path
from typing import Literal

import pytest

from autodj.storage.base import Described, ObjectStat, Progress
from autodj.storage.local import LocalStorage
from tests.storage.builders import KEY, put, read, sha256

BODY = b"0123456789" * 100


@dataclass(frozen=True)
class Did:
    what: Literal["name", "fsync", "fsync-dir", "ack"]
    path: Path | None = None
    inode: int = 0


class Recorded(LocalStorage):
    """The store, noting what it asks of the disk."""

    did: list[Did]

    def __init__(self, root: Path, did: list[Did] | None = None) -> None:
        super().__init__(root)
        self.did = [] if did is None else did

    def _make_directory(self, path: Path) -> None:
        missing = [each for each in (path, *path.parents) if not each.exists()]
        made_root = self.root in missing
        if made_root:  # named before the store makes its root durable
            self.did += [Did("name", each) for each in missing]
        super()._make_directory(path)
        if not made_root:
            self.did += [Did("name", each) for each in missing]

    def _fsync_file(self, fd: int) -> None:
        self.did.append(Did("fsync", inode=os.fstat(fd).st_ino))
        super()._fsync_file(fd)

    def _link(self, temporary: Path, final: Path) -> None:
        super()._link(temporary, final)
        self.did.append(Did("name", final, temporary.stat().st_ino))

    def _fsync_directory(self, directory: Path) -> None:
        self.did.append(Did("fsync-dir", directory))
        super()._fsync_directory(directory)

    async def put(
        self,
        key: str,
        source: Path | bytes,
        *,
        sha256: str,
        content_type: str,
        described: Described | None = None,
        progress: Progress | None = None,
    ) -> ObjectStat:
        stored = await super().put(
            key, source, sha256=sha256, content_type=content_type, described=described
        )
        self.did.append(Did("ack"))
        return stored


class WithoutFileSync(Recorded):
    def _fsync_file(self, fd: int) -> None:
        pass


class WithoutDirectorySync(Recorded):
    def _fsync_directory(self, directory: Path) -> None:
        pass


class SyncingTheLastDirectoryOnly(Recorded):
    def _up_to_root(self, path: Path) -> Iterator[Path]:
        yield path.parent


class SyncingTheFileTooLate(Recorded):
    late: Did

    def _fsync_file(self, fd: int) -> None:
        self.late = Did("fsync", inode=os.fstat(fd).st_ino)

    def _link(self, temporary: Path, final: Path) -> None:
        super()._link(temporary, final)
        self.did.append(self.late)


class TrustingWhatIsInPlace(Recorded):
    def _link(self, temporary: Path, final: Path) -> None:
        self.found = final.exists()
        super()._link(temporary, final)

    def _fsync_directory(self, directory: Path) -> None:
        if not self.found:
            super()._fsync_directory(directory)

    found = False


def bad_states(did: list[Did], final: Path) -> int:
    """In how many states the object is lost though acknowledged, or there and torn."""
    bad = 0
    for count in range(len(did) + 1):
        before = did[:count]
        acked = Did("ack") in before
        for names in kept_names(before):
            visible = all(each in names for each in named_paths(before) if within(final, each))
            visible = visible and final in names
            inode = next((each.inode for each in before if each.path == final), 0)
            durable = Did("fsync", inode=inode) in before
            bad += (acked and not visible) or (visible and not durable)
    return bad


def within(final: Path, directory: Path) -> bool:
    return directory in (final, *final.parents)


def named_paths(before: list[Did]) -> list[Path]:
    return [each.path for each in before if each.what == "name" and each.path]


def kept_names(before: list[Did]) -> Iterator[set[Path]]:
    """Every set of names that may be on the disk: all synced ones, and any of the others."""
    synced: set[Path] = set()
    loose: set[Path] = set()
    for each in before:
        if each.what == "name" and each.path:
            loose.add(each.path)
        elif each.what == "fsync-dir":
            settled = {path for path in loose if path.parent == each.path}
            synced |= settled
            loose -= settled
    for kept in chain.from_iterable(combinations(loose, n) for n in range(len(loose) + 1)):
        yield synced | set(kept)


async def did_by(store: Recorded) -> list[Did]:
    await put(store, KEY, BODY)
    return store.did


async def did_by_two(kind: type[Recorded], root: Path) -> list[Did]:
    """One writer dies before its directories are synced; another then stores the same bytes."""
    first = kind(root)

    def die(name: str) -> None:
        if name == "fsync-dir":
            raise KeyboardInterrupt

    first._step = die
    with pytest.raises(KeyboardInterrupt):
        first._put(KEY, BODY, sha256(BODY))
    second = kind(root, first.did)
    await put(second, KEY, BODY)
    assert await read(second, KEY) == BODY
    return second.did


async def test_no_crash_leaves_an_acknowledged_object_lost_or_any_object_torn(
    tmp_path: Path,
) -> None:
    did = await did_by(Recorded(tmp_path / "data" / "objects"))

    assert bad_states(did, tmp_path / "data" / "objects" / KEY) == 0
    assert len(did) >= 10


async def test_bytes_found_in_place_are_made_durable_before_they_are_acknowledged(
    tmp_path: Path,
) -> None:
    did = await did_by_two(Recorded, tmp_path / "objects")

    assert bad_states(did, tmp_path / "objects" / KEY) == 0


@pytest.mark.parametrize(
    "mutant",
    [WithoutFileSync, WithoutDirectorySync, SyncingTheLastDirectoryOnly, SyncingTheFileTooLate],
)
async def test_the_model_sees_a_store_that_syncs_too_little(
    tmp_path: Path, mutant: type[Recorded]
) -> None:
    assert bad_states(await did_by(mutant(tmp_path / "objects")), tmp_path / "objects" / KEY) > 0


async def test_the_model_sees_a_store_that_trusts_what_is_in_place(tmp_path: Path) -> None:
    did = await did_by_two(TrustingWhatIsInPlace, tmp_path / "objects")

    assert bad_states(did, tmp_path / "objects" / KEY) > 0


async def test_the_steps_come_in_durable_order(tmp_path: Path) -> None:
    steps: list[tuple[str, bool, int]] = []

    def note(name: str) -> None:
        temporary = list((store.root / ".incoming").iterdir())
        steps.append((name, store.path(KEY).exists(), len(temporary)))

    store = LocalStorage(tmp_path / "objects", step=note)
    await put(store, KEY, BODY)
    syncs = [("fsync-dir", True, 1)] * (KEY.count("/") + 1)
    assert steps == [
        ("write", False, 0),
        ("fsync", False, 1),
        ("rename", False, 1),
        *syncs,
        ("unlink", True, 1),
    ]

    steps.clear()
    await store.delete(KEY)
    assert steps == [("unlink", True, 0), ("fsync-dir", False, 0)]

    steps.clear()
    received = store.incoming()
    received.write_bytes(BODY)
    await store.adopt(KEY, received, sha256=sha256(BODY), size_bytes=len(BODY))
    assert steps == [("fsync", False, 1), ("rename", False, 1), *syncs, ("unlink", True, 1)]


@pytest.mark.parametrize("step", ["write", "fsync", "rename", "fsync-dir", "unlink"])
async def test_a_writer_killed_at_any_step_hinders_nobody_after_it(
    tmp_path: Path, step: str
) -> None:
    class Killed(BaseException):
        pass

    def kill(name: str) -> None:
        if name == step:
            raise Killed

    dying = LocalStorage(tmp_path / "objects", step=kill)
    with pytest.raises(Killed):
        await put(dying, KEY, BODY)
    store = LocalStorage(tmp_path / "objects")
    await put(store, KEY, BODY)

    assert await read(store, KEY) == BODY
