"""A child can die of a file; nothing else does, and nothing of it stays."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import socket
import time
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from autodj.audio.confine import ChildLimits, landlock_version
from autodj.audio.facts import DecodeLimits
from autodj.audio.identify import MP3, identify
from autodj.audio.sandbox import Sandbox, open_sandbox
from autodj.errors import AudioRejected, SandboxError
from tests.clips import make_clip

pytestmark = pytest.mark.asyncio(loop_scope="session")

MISBEHAVING = "tests.audio.misbehaving"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def misbehaving() -> AsyncGenerator[Sandbox]:
    async with open_sandbox(tasks_module=MISBEHAVING) as opened:
        yield opened


@pytest.fixture
def upload(tmp_path: Path) -> Path:
    path = tmp_path / "upload"
    path.write_text("nothing but text")
    return path


async def run(
    sandbox: Sandbox,
    task: str,
    path: Path,
    *,
    arguments: dict[str, Any] | None = None,
    **limits: Any,
) -> object:
    return await sandbox.run(task, path, arguments or {}, ChildLimits(**limits))


def children(parent_id: int) -> list[int]:
    text = Path(f"/proc/{parent_id}/task/{parent_id}/children").read_text()
    return [int(word) for word in text.split()]


@pytest.mark.parametrize(
    ("task", "limits", "words"),
    [
        ("spin", {"cpu_s": 1}, "more time or memory"),
        ("spin", {"stall_s": 0.3}, "takes longer"),
        ("sleep", {"wall_s": 0.3}, "takes longer"),
        ("sleep", {"stall_s": 0.3}, "takes longer"),
        ("pretend", {"wall_s": 0.3}, "takes longer"),
        ("grow", {}, "more memory than allowed"),
        ("crash", {}, "crashes"),
        ("end", {}, "crashes"),
        ("flood", {}, "cannot make sense"),
        ("stumble", {}, "cannot make sense"),
        ("refuse", {}, "nine channels"),
    ],
)
async def test_what_a_file_does_to_its_child_is_a_verdict_on_the_file(
    misbehaving: Sandbox, upload: Path, task: str, limits: dict[str, Any], words: str
) -> None:
    before = misbehaving.start().process_id
    with pytest.raises(AudioRejected, match=words) as refused:
        await run(misbehaving, task, upload, **limits)
    assert refused.value.code == ("channels" if task == "refuse" else "undecodable")
    assert misbehaving.start().process_id == before
    assert children(before) == []


async def test_how_a_child_ended_is_told_even_where_it_left_no_room_to_tell(
    misbehaving: Sandbox, upload: Path
) -> None:
    """As it is for a long answer while the asker is busy."""
    warm_id = misbehaving.start().process_id

    def look_away(_share: float) -> None:
        upload.write_text("nothing but text, and nobody listens")
        while children(warm_id):
            time.sleep(0.01)

    with pytest.raises(AudioRejected, match="crashes"):
        await misbehaving.run("choke", upload, {}, ChildLimits(), look_away)


async def test_an_unforeseen_error_in_the_child_is_logged_with_its_trace(
    misbehaving: Sandbox, upload: Path
) -> None:
    with capture_logs() as logs, pytest.raises(AudioRejected):
        await run(misbehaving, "stumble", upload)
    assert [entry["event"] for entry in logs] == ["decoder_failed"]
    assert "an unforeseen byte" in logs[0]["trace"]


async def test_cancelling_ends_the_child(misbehaving: Sandbox, upload: Path) -> None:
    started = asyncio.Event()
    asked = asyncio.create_task(
        misbehaving.run("sleep", upload, {}, ChildLimits(), lambda _: started.set())
    )
    await started.wait()
    assert len(children(misbehaving.start().process_id)) == 1
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert children(misbehaving.start().process_id) == []


async def test_the_analysis_of_the_longest_mix_that_may_be_taken_arrives(
    misbehaving: Sandbox, upload: Path
) -> None:
    a_day = DecodeLimits(max_duration_s=86400)
    analysis = await misbehaving.analyze(upload, MP3, a_day)
    assert len(analysis.beats_s) == 86400 * 215 / 60


async def test_no_more_children_than_allowed_run_at_once(upload: Path) -> None:
    seen: list[int] = []
    async with open_sandbox(max_children=2, tasks_module=MISBEHAVING) as sandbox:

        def count(_share: float) -> None:
            seen.append(len(children(sandbox.start().process_id)))

        answers = await asyncio.gather(
            *(
                sandbox.run("sleep", upload, {"seconds": 0.05}, ChildLimits(), count)
                for _ in range(6)
            )
        )
    assert answers == ["slept"] * 6
    assert max(seen) == 2


@pytest.fixture
def listening_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


async def test_a_confined_child_can_read_its_upload_and_nothing_else(
    upload: Path, tmp_path: Path, listening_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not for the child")
    landlock = landlock_version(ctypes.CDLL(None, use_errno=True))
    folder = tmp_path / "anybody's"
    folder.mkdir()
    folder.chmod(0o777)
    arguments = {"port": listening_port, "path": str(upload), "folder": str(folder)}
    async with open_sandbox(tasks_module=MISBEHAVING) as sandbox:
        seen = await run(sandbox, "look_around", upload, arguments=arguments)
    assert isinstance(seen, dict)
    outcomes = seen["outcomes"]
    ways_out = {way for way, error in outcomes.items() if error is None}
    # What only newer kernels can shut is demanded where the kernel can.
    ways_out -= (
        {"read a file", "read the upload again by name", "list a folder"}
        if (landlock < 1)
        else set()
    )
    ways_out -= {"connect"} if landlock < 4 else set()
    ways_out -= {"signal the parent"} if landlock < 6 else set()
    assert ways_out == set()
    assert list(folder.iterdir()) == []
    assert seen["content"] == "nothing but text"
    assert "AWS_SECRET_ACCESS_KEY" not in seen["environment"]
    assert (seen["directory"], seen["descriptors"]) == ("/", 5)
    assert seen["user"] == (65534 if os.geteuid() == 0 else os.geteuid())


async def test_a_new_warm_process_takes_the_place_of_a_dead_one(upload: Path) -> None:
    async with open_sandbox(tasks_module=MISBEHAVING) as sandbox:
        await run(sandbox, "sleep", upload, arguments={"seconds": 0})
        first = sandbox.start().process_id
        os.kill(first, signal.SIGKILL)
        while sandbox.start().process_id == first:
            await asyncio.sleep(0.01)
        assert await run(sandbox, "sleep", upload, arguments={"seconds": 0}) == "slept"


async def test_losing_the_warm_process_midway_is_our_fault_and_takes_its_child_along(
    upload: Path,
) -> None:
    async with open_sandbox(tasks_module=MISBEHAVING) as sandbox:
        started = asyncio.Event()
        asked = asyncio.create_task(
            sandbox.run("sleep", upload, {}, ChildLimits(), lambda _: started.set())
        )
        await started.wait()
        warm_id = sandbox.start().process_id
        (child_id,) = children(warm_id)
        os.kill(warm_id, signal.SIGKILL)
        with pytest.raises(SandboxError):
            await asked
        while Path(f"/proc/{child_id}").exists():
            await asyncio.sleep(0.01)


async def test_closing_the_sandbox_ends_the_warm_process_and_its_children(upload: Path) -> None:
    started = asyncio.Event()
    async with open_sandbox(tasks_module=MISBEHAVING) as sandbox:
        asked = asyncio.create_task(
            sandbox.run("sleep", upload, {}, ChildLimits(), lambda _: started.set())
        )
        await started.wait()
        warm_id = sandbox.start().process_id
        ids = [warm_id, *children(warm_id)]
    with pytest.raises(SandboxError):
        await asked
    assert len(ids) == 2
    while any(Path(f"/proc/{process_id}").exists() for process_id in ids):
        await asyncio.sleep(0.01)


async def test_a_module_that_cannot_be_loaded_is_our_fault(upload: Path) -> None:
    async with open_sandbox(tasks_module="tests.audio.no_such_module") as sandbox:
        with pytest.raises(SandboxError):
            await run(sandbox, "sleep", upload)


async def test_a_missing_file_is_our_fault(sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(SandboxError):
        await sandbox.probe(tmp_path / "gone.mp3", MP3)


async def test_a_file_is_read_although_its_folder_is_closed_to_others(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    path = make_clip(closed / "clip.mp3", 2)
    path.chmod(0o600)
    assert (await sandbox.probe(path, identify(path))).duration_s == 2.0


async def test_progress_rises_to_one(sandbox: Sandbox, tmp_path: Path) -> None:
    shares: list[float] = []
    path = make_clip(tmp_path / "clip.flac", 24)
    await sandbox.analyze(path, identify(path), on_progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert len(shares) >= 3
