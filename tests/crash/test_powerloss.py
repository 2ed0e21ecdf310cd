"""No power cut during an ingest leaves a row without its bytes, by a model of disks."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bench.crash.powerloss import (
    CARELESS,
    Did,
    RecordingStorage,
    Trace,
    count_states,
    record,
    settled_too_early,
)


@pytest.fixture
def url(migrated_sqlite: Path, tmp_path: Path) -> str:
    shutil.copy(migrated_sqlite, tmp_path / "power.db")
    return f"sqlite+aiosqlite:///{tmp_path / 'power.db'}"


async def test_no_disk_that_a_power_cut_may_leave_is_bad(url: str, tmp_path: Path) -> None:
    states, bad = count_states(await record(url, tmp_path / "media"))
    assert bad == 0
    assert states >= 10


@pytest.mark.parametrize("left_out", CARELESS)
async def test_some_disk_is_bad_when_a_sync_is_left_out(
    url: str, tmp_path: Path, left_out: str
) -> None:
    _, bad = count_states(await record(url, tmp_path / "media", CARELESS[left_out]))
    assert bad > 0


async def test_some_disk_is_bad_when_the_row_is_settled_before_the_names_are_safe(
    url: str, tmp_path: Path
) -> None:
    kept = await record(url, tmp_path / "media", RecordingStorage)
    assert count_states(settled_too_early(kept))[1] > 0


async def test_the_whole_order_is_write_fsync_name_fsync_of_each_directory_settle(
    url: str, tmp_path: Path
) -> None:
    trace = await record(url, tmp_path / "media")
    about = [did for did in trace.did if did.path is None or did.path in on_the_way(trace)]
    whats = [did.what for did in about if did.what != "name" or did.path == trace.final]
    depth = len(trace.final.relative_to(tmp_path / "media").parts)
    root_made_durable = ["fsync-dir"]
    assert whats == [
        *root_made_durable,
        "write",
        "fsync",
        "name",
        *["fsync-dir"] * depth,
        "settle",
    ]


@pytest.mark.parametrize(
    ("did", "expected"),
    [
        (["name"], (2, 1)),
        (["write", "name"], (4, 1)),
        (["write", "fsync", "name"], (3, 0)),
        (["write", "fsync", "name", "settle"], (5, 1)),
        (["write", "fsync", "name", "fsync-dir", "settle"], (4, 0)),
    ],
)
def test_the_model_counts_what_posix_allows(did: list[str], expected: tuple[int, int]) -> None:
    final = Path("/store/object")
    operations = {
        "write": Did("write", inode=5),
        "fsync": Did("fsync", inode=5),
        "name": Did("name", final, 5),
        "fsync-dir": Did("fsync-dir", final.parent),
        "settle": Did("settle"),
    }
    assert count_states(Trace(tuple(operations[each] for each in did), final)) == expected


def on_the_way(trace: Trace) -> set[Path]:
    return {trace.final, *trace.final.parents}
