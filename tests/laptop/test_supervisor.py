from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from autodj.errors import CommandError
from autodj.laptop.faults import plain_faults, prepare_directory
from autodj.laptop.process import LOG_MAX_BYTES, Process, running, start
from autodj.laptop.supervisor import Supervisor, backoff_s
from tests.laptop.programs import exists, is_gone, killed_parent, shell

URL = "http://127.0.0.1:8000"
WAIT_FOREVER = "while :; do sleep 0.02; done"
UNTIL_GO = "while [ ! -e go ]; do sleep 0.02; done"

PARENT = """
    import asyncio, sys
    from pathlib import Path
    from autodj.laptop.supervisor import Supervisor
    from tests.laptop.programs import shell

    async def main():
        data_dir = Path(sys.argv[1])
        async with Supervisor(data_dir, url="http://127.0.0.1:8000") as supervisor:
            sleeper = await supervisor.start(shell("sleeper", "exec sleep 600", data_dir))
            print(sleeper.pid, flush=True)
            await supervisor.until_stopped()

    asyncio.run(main())
"""


def soon(failures: int) -> float:
    return failures / 10


def interrupt(number: signal.Signals = signal.SIGINT) -> None:
    os.kill(os.getpid(), number)


def noting(name: str, data_dir: Path) -> str:
    """A script that writes its name when it starts and when it is asked to stop."""
    events = data_dir / "events"
    stop = f"trap 'echo stop {name} >>{events}; exit 0' TERM"
    return f"{stop}; echo start {name} >>{events}; touch {name}.ready; {WAIT_FOREVER}"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_programs_start_in_order_and_stop_in_reverse(
    tmp_path: Path, number: signal.Signals
) -> None:
    said: list[str] = []
    async with Supervisor(tmp_path, url=URL, say=said.append) as supervisor:
        for name in ("broker", "worker", "web"):
            ready = exists(tmp_path / f"{name}.ready")
            program = shell(name, noting(name, tmp_path), tmp_path, answers=ready)
            await supervisor.start(program)
        asyncio.get_running_loop().call_soon(interrupt, number)
        await supervisor.until_stopped()
    assert (tmp_path / "events").read_text().split("\n")[:-1] == [
        "start broker",
        "start worker",
        "start web",
        "stop web",
        "stop worker",
        "stop broker",
    ]
    assert said == ["stopping"]


async def test_a_program_that_dies_is_started_again_until_it_lives(tmp_path: Path) -> None:
    said: list[str] = []
    script = f"""
        {UNTIL_GO}
        echo up >>starts
        [ $(wc -l <starts) -ge 3 ] || exit 1
        touch lives
        {WAIT_FOREVER}
    """
    async with Supervisor(tmp_path, url=URL, say=said.append, backoff=soon) as supervisor:
        await supervisor.start(shell("worker", script, tmp_path))
        (tmp_path / "go").touch()
        while not (tmp_path / "lives").exists():
            await asyncio.sleep(0.02)
        interrupt()
        await supervisor.until_stopped()
    log = tmp_path / "logs" / "worker.log"
    again = "the worker ended (exit code 1); starting it again in {} s; its log is {}"
    assert said == [again.format("0.1", log), again.format("0.2", log), "stopping"]
    assert (tmp_path / "starts").read_text() == "up\nup\nup\n"


async def test_a_restart_that_fails_is_tried_again(tmp_path: Path) -> None:
    said: list[str] = []
    # The first run answers and dies; the second dies before it answers; the third lives.
    script = f"""
        echo up >>starts
        case $(wc -l <starts) in
            1) touch ready; {UNTIL_GO}; rm ready; exit 3;;
            2) exit 4;;
            *) touch ready; {WAIT_FOREVER};;
        esac
    """
    program = shell("worker", script, tmp_path, answers=exists(tmp_path / "ready"))
    async with Supervisor(tmp_path, url=URL, say=said.append, backoff=soon) as supervisor:
        await supervisor.start(program)
        (tmp_path / "go").touch()
        while (tmp_path / "starts").read_text() != "up\n" * 3:
            await asyncio.sleep(0.02)
        interrupt()
        await supervisor.until_stopped()
    assert [line.split(";")[0] for line in said] == [
        "the worker ended (exit code 3)",
        "the worker did not start",
        "stopping",
    ]


async def test_a_program_that_the_system_does_not_start_is_tried_again(tmp_path: Path) -> None:
    said: list[str] = []
    script = f"echo up >>{tmp_path}/starts; {WAIT_FOREVER}"
    place, elsewhere = tmp_path / "place", tmp_path / "elsewhere"
    place.mkdir()
    up = exists(tmp_path / "starts")
    program = replace(shell("worker", script, tmp_path, answers=up), directory=place)
    async with Supervisor(tmp_path, url=URL, say=said.append, backoff=soon) as supervisor:
        process = await supervisor.start(program)
        place.rename(elsewhere)
        process.kill()
        async with asyncio.timeout(30):
            while not any("did not start" in line for line in said):
                await asyncio.sleep(0.02)
            elsewhere.rename(place)
            while (tmp_path / "starts").read_text() != "up\n" * 2:
                await asyncio.sleep(0.02)
        interrupt()
        await supervisor.until_stopped()


async def test_the_end_of_a_program_that_must_not_end_stops_everything(tmp_path: Path) -> None:
    others = []

    async def run() -> None:
        async with Supervisor(tmp_path, url=URL) as supervisor:
            others.append(await supervisor.start(shell("worker", WAIT_FOREVER, tmp_path)))
            await supervisor.start(shell("web", f"{UNTIL_GO}; exit 7", tmp_path), restart=False)
            (tmp_path / "go").touch()
            await supervisor.until_stopped()

    with pytest.raises(CommandError) as failure:
        await run()
    log = tmp_path / "logs" / "web.log"
    assert str(failure.value) == f"The web ended (exit code 7); its log is {log}."
    assert [other.exit_code for other in others] == [-signal.SIGTERM]


async def test_a_signal_while_a_program_starts_ends_it_and_the_block(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    script = f"echo $$ >{pid_file}.new; mv {pid_file}.new {pid_file}; {WAIT_FOREVER}"
    never = exists(tmp_path / "never")

    async def interrupt_once_started() -> None:
        while not pid_file.exists():
            await asyncio.sleep(0.02)
        interrupt()

    async with Supervisor(tmp_path, url=URL) as supervisor:
        interrupting = asyncio.create_task(interrupt_once_started())
        await supervisor.start(shell("worker", script, tmp_path, answers=never))
        pytest.fail("it never answered")
    await interrupting
    assert await is_gone(int(pid_file.read_text()))


async def test_a_second_signal_kills_what_does_not_stop(tmp_path: Path) -> None:
    said: list[str] = []
    stubborn = f"trap '' TERM; touch ready; {WAIT_FOREVER}"
    program = shell(
        "worker", stubborn, tmp_path, answers=exists(tmp_path / "ready"), stop_within_s=3600
    )

    def say(text: str) -> None:
        said.append(text)
        if text == "stopping":
            asyncio.get_running_loop().call_later(0.1, interrupt)

    async with Supervisor(tmp_path, url=URL, say=say) as supervisor:
        process = await supervisor.start(program)
        interrupt()
        await supervisor.until_stopped()
    assert process.exit_code == -signal.SIGKILL
    assert said == ["stopping", "stopping at once"]


async def test_what_ends_while_everything_stops_is_not_started_again(tmp_path: Path) -> None:
    said: list[str] = []
    program = shell("broker", f"echo up >>starts; {WAIT_FOREVER}", tmp_path)

    @asynccontextmanager
    async def takes_its_time_to_stop(process: Process) -> AsyncGenerator[None]:
        yield
        process.kill()
        await process.exited()
        for _ in range(10):
            await asyncio.sleep(0)

    async with Supervisor(tmp_path, url=URL, say=said.append, backoff=soon) as supervisor:
        process = await supervisor.start(program)
        await supervisor.enter(takes_its_time_to_stop(process))
        interrupt()
        await supervisor.until_stopped()
    assert said == ["stopping"]


async def test_a_program_that_takes_too_long_to_stop_is_killed(tmp_path: Path) -> None:
    stubborn = f"trap '' TERM; touch ready; {WAIT_FOREVER}"
    ready = exists(tmp_path / "ready")
    program = shell("worker", stubborn, tmp_path, answers=ready, stop_within_s=0.2)
    async with running(program) as process:
        pass
    assert process.exit_code == -signal.SIGKILL


async def test_a_second_start_is_refused_in_one_line(tmp_path: Path) -> None:
    async with Supervisor(tmp_path, url=URL):
        with pytest.raises(CommandError) as refused:
            async with Supervisor(tmp_path, url="http://127.0.0.1:9000"):
                pass
    assert str(refused.value) == (
        f"autodj is already running at {URL} (process {os.getpid()}) on {tmp_path}; "
        f"open that, or stop it with: kill {os.getpid()}"
    )
    async with Supervisor(tmp_path, url=URL):
        pass


async def test_a_lock_without_a_name_in_it_still_refuses(tmp_path: Path) -> None:
    async with Supervisor(tmp_path, url=URL):
        (tmp_path / "lock").write_text("")
        with pytest.raises(CommandError, match=r"^autodj is already running on "):
            async with Supervisor(tmp_path, url=URL):
                pass


async def test_a_killed_supervisor_leaves_no_program_and_no_lock(tmp_path: Path) -> None:
    async with killed_parent(PARENT, str(tmp_path)) as line:
        pid = int(line)
    assert await is_gone(pid)
    async with Supervisor(tmp_path, url=URL):
        pass


async def test_an_error_inside_the_block_stops_the_programs_and_is_raised(tmp_path: Path) -> None:
    processes = []

    async def run() -> None:
        async with Supervisor(tmp_path, url=URL) as supervisor:
            processes.append(await supervisor.start(shell("worker", WAIT_FOREVER, tmp_path)))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await run()
    assert [process.exit_code for process in processes] == [-signal.SIGTERM]


async def test_a_program_that_cannot_start_is_quoted_in_one_line(tmp_path: Path) -> None:
    script = "echo one; echo the port is taken >&2; exit 2"
    never = exists(tmp_path / "never")
    with pytest.raises(CommandError) as failure:
        await start(shell("broker", script, tmp_path, answers=never))
    log = tmp_path / "logs" / "broker.log"
    assert str(failure.value) == (
        f"The broker ended at once (exit code 2): the port is taken; its log is {log}."
    )
    assert log.stat().st_mode & 0o077 == 0


async def test_a_program_gets_the_environment_it_was_given_and_no_other(tmp_path: Path) -> None:
    async with running(
        shell(
            "env", "env >seen; touch ready; sleep 60", tmp_path, answers=exists(tmp_path / "ready")
        )
    ):
        seen = (tmp_path / "seen").read_text()
    assert {line.partition("=")[0] for line in seen.splitlines()} <= {
        "PATH",
        "PWD",
        "_",
        "OLDPWD",
        "SHLVL",
        "LC_CTYPE",
    }


async def test_a_long_log_begins_anew_and_keeps_the_one_before(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "worker.log"
    log.parent.mkdir()
    log.write_bytes(b"x" * (LOG_MAX_BYTES + 1))
    script = "echo fresh; touch ready; sleep 60"
    async with running(shell("worker", script, tmp_path, answers=exists(tmp_path / "ready"))):
        assert log.read_text() == "fresh\n"
    assert (tmp_path / "logs" / "worker.log.1").stat().st_size == LOG_MAX_BYTES + 1


@pytest.mark.parametrize(
    ("failures", "pause_s"), [(1, 0.5), (2, 1), (3, 2), (7, 30), (8, 30), (10_000, 30)]
)
def test_the_pause_before_a_restart_grows_to_half_a_minute(failures: int, pause_s: float) -> None:
    assert backoff_s(failures) == pause_s


async def test_too_little_room_is_told_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"^The disk is full: [\d,]+ MB are free under "):
        async with Supervisor(tmp_path, url=URL, min_free_bytes=10**18):
            pass


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(CommandError) as failure, plain_faults(tmp_path):
        Path("/dev/full").write_bytes(b"x")
    assert str(failure.value) == (
        f"The disk is full: nothing more can be written under {tmp_path}."
    )


def test_a_data_directory_that_cannot_be_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(CommandError) as failure:
        prepare_directory(file / "data")
    assert str(failure.value) == f"{file / 'data'} is not a folder; choose another."


def test_a_new_data_directory_is_for_its_owner_only(tmp_path: Path) -> None:
    made = prepare_directory(tmp_path / "new" / "data")
    assert made.stat().st_mode & 0o777 == 0o700
