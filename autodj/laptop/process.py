"""One program under our care: started, waited for, stopped, and never left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from autodj.errors import CommandError
from autodj.laptop import tether
from autodj.laptop.faults import plain_faults
from autodj.laptop.locks import lock_soon

Say = Callable[[str], None]

LOG_MAX_BYTES = 8 * 1024 * 1024
_LOG_TAIL_BYTES = 4096
_POLL_S = 0.03
_PROGRESS_EVERY_S = 1.0


def quiet(_text: str) -> None:
    """Say nothing."""


def nothing() -> None:
    """Leave everything as it is."""


async def at_once() -> bool:
    """The readiness of a program that need not be waited for."""
    return True


@dataclass(frozen=True, slots=True)
class Program:
    """What to run. ``command`` begins with an absolute path; output goes to ``log_file``.

    ``answers`` tells, without raising, whether the program does its work yet. While the program
    lives it holds ``lock_file``, so that no second one can use the same data. ``tidy`` removes
    what it leaves outside its directory.
    """

    name: str
    command: tuple[str, ...]
    directory: Path
    log_file: Path
    environment: Mapping[str, str]
    answers: Callable[[], Awaitable[bool]] = at_once
    lock_file: Path | None = None
    tidy: Callable[[], None] = nothing
    ready_within_s: float = 60.0
    stop_within_s: float = 5.0


class Process:
    """A running program."""

    def __init__(self, program: Program, child: asyncio.subprocess.Process) -> None:
        self.program = program
        self._child = child

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative for the signal that ended it."""
        return self._child.returncode

    async def exited(self) -> int:
        """Wait for its end, and return the exit code."""
        return await self._child.wait()

    async def stop(self) -> None:
        """Ask it to end, and make it end when it takes longer than it may."""
        with suppress(ProcessLookupError):
            self._child.terminate()
        try:
            await asyncio.wait_for(self._child.wait(), self.program.stop_within_s)
        except TimeoutError:
            self.kill()
            await self._child.wait()
        self.program.tidy()

    def kill(self) -> None:
        """End it and everything it started, now."""
        if self._child.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._child.pid, signal.SIGKILL)


async def start(program: Program, *, say: Say = quiet) -> Process:
    """Start the program and wait until it answers, saying once a second that we wait.

    CommandError when it ends before that, or takes longer than it may.
    """
    process = await _spawn(program)
    try:
        await _answering(process, say)
    except BaseException:  # also when we are cancelled: nothing may be left running
        process.kill()
        await process.exited()
        program.tidy()
        raise
    return process


@asynccontextmanager
async def running(program: Program, *, say: Say = quiet) -> AsyncGenerator[Process]:
    """The program, started, for as long as the block lasts."""
    process = await start(program, say=say)
    try:
        yield process
    finally:
        await process.stop()


async def _spawn(program: Program) -> Process:
    lock = None
    if program.lock_file is not None:
        refusal = in_use(program.name, program.directory)
        lock = await lock_soon(program.lock_file, refusal=refusal)
    try:
        with plain_faults(program.log_file.parent):
            log = _open_log(program.log_file)
        try:
            with plain_faults(program.directory):
                child = await asyncio.create_subprocess_exec(
                    *tethered(program.command),
                    cwd=program.directory,
                    env=dict(program.environment),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    # Ctrl-C in a terminal reaches its whole process group; the order of stopping
                    # is ours to choose.
                    start_new_session=True,
                    pass_fds=() if lock is None else (lock,),
                )
        finally:
            os.close(log)
    finally:
        if lock is not None:
            os.close(lock)  # the program's copy goes on holding it
    return Process(program, child)


def tethered(command: tuple[str, ...], *, user_id: int = -1) -> list[str]:
    """The command that runs ``command``, as ``user_id`` if given, and never outlives us."""
    shim = str(Path(tether.__file__).resolve())
    return [sys.executable, "-I", "-S", shim, str(os.getpid()), str(user_id), *command]


async def _answering(process: Process, say: Say) -> None:
    program = process.program
    began = time.monotonic()
    next_word_s = _PROGRESS_EVERY_S
    while True:
        if process.exit_code is not None:
            raise CommandError(
                f"The {program.name} ended at once ({ending(process.exit_code)})"
                f"{_last_words(program.log_file)}; its log is {program.log_file}."
            )
        if await program.answers():
            return
        waited_s = time.monotonic() - began
        if waited_s > program.ready_within_s:
            raise CommandError(
                f"The {program.name} did not answer within {program.ready_within_s:g} s; "
                f"its log is {program.log_file}."
            )
        if waited_s >= next_word_s:
            say(f"waiting for the {program.name} ({waited_s:.0f} s)")
            next_word_s += _PROGRESS_EVERY_S
        await asyncio.sleep(_POLL_S)


def in_use(name: str, directory: Path) -> str:
    """The line for somebody who starts a second program on the same data."""
    return f"Another {name} is using {directory}; stop it first."


def ending(exit_code: int) -> str:
    """How a process ended, in words."""
    if exit_code < 0:
        return f"killed by {signal.Signals(-exit_code).name}"
    return f"exit code {exit_code}"


def _open_log(file: Path) -> int:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if file.exists() and file.stat().st_size > LOG_MAX_BYTES:
        file.replace(file.with_suffix(file.suffix + ".1"))
    return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def _last_words(log_file: Path) -> str:
    with suppress(OSError), log_file.open("rb") as log:
        log.seek(max(0, log_file.stat().st_size - _LOG_TAIL_BYTES))
        lines = log.read().decode(errors="replace").strip().splitlines()
        if lines:
            return f": {lines[-1].strip()[:300]}"
    return ""
