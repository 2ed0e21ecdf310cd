"""Runs the parts of a laptop installation: in order, again when they die, stopped in reverse."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

from autodj.errors import CommandError
from autodj.laptop.faults import MIN_FREE_BYTES, prepare_directory
from autodj.laptop.locks import only_instance
from autodj.laptop.process import Process, Program, Say, ending, quiet, start

Part = TypeVar("Part")

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_FIRST_BACKOFF_S: Final = 0.5
_MAX_BACKOFF_S: Final = 30.0
_HEALTHY_AFTER_S: Final = 60.0


def backoff_s(failures: int) -> float:
    """How long to wait before the start after this many failures in a row (one or more)."""
    return min(_MAX_BACKOFF_S, _FIRST_BACKOFF_S * 2.0 ** min(failures - 1, 16))


class Supervisor:
    """Holds the data directory and everything that runs on it.

    ``async with Supervisor(data_dir, url=..., say=print) as supervisor:`` then ``start`` each
    program and ``until_stopped``. The block ends quietly on SIGINT or SIGTERM, wherever it is
    then, and with CommandError when a program that is not to be restarted ends. Whatever was
    started is stopped in reverse order; a second signal kills what is left.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        url: str,
        say: Say = quiet,
        min_free_bytes: int = MIN_FREE_BYTES,
        backoff: Callable[[int], float] = backoff_s,
    ) -> None:
        self._data_dir = data_dir
        self._url = url
        self._say = say
        self._min_free_bytes = min_free_bytes
        self._backoff = backoff
        self._stack = AsyncExitStack()
        self._running: dict[str, Process] = {}
        self._owner: asyncio.Task[object] | None = None
        self._stopping = False
        self._failure: CommandError | None = None

    async def __aenter__(self) -> Self:
        prepare_directory(self._data_dir, min_free_bytes=self._min_free_bytes)
        self._stack.enter_context(only_instance(self._data_dir, url=self._url))
        self._owner = asyncio.current_task()
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._signalled)
            self._stack.callback(loop.remove_signal_handler, number)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        asked = self._stopping and isinstance(error, asyncio.CancelledError)
        self._stopping = True
        await self._stack.aclose()
        if not asked:
            return False
        assert self._owner is not None
        self._owner.uncancel()
        if self._failure is not None:
            raise self._failure from None
        return True

    async def start(self, program: Program, *, restart: bool = True) -> Process:
        """Start the program and wait until it answers; CommandError when it does not.

        When it ends by itself it is started again, after a growing pause, or with
        ``restart=False`` everything stops.
        """
        process = await start(program, say=self._say)
        self._running[program.name] = process
        watch = asyncio.create_task(self._watch(program, restart=restart))
        self._stack.push_async_callback(self._stop, program.name, watch)
        return process

    async def enter(self, part: AbstractAsyncContextManager[Part]) -> Part:
        """Open a part that lives in this process; it is closed in its turn."""
        return await self._stack.enter_async_context(part)

    async def until_stopped(self) -> None:
        """Wait for the signal, or the failure, that ends the block."""
        await asyncio.Event().wait()

    async def _watch(self, program: Program, *, restart: bool) -> None:
        failures = 0
        loop = asyncio.get_running_loop()
        while True:
            began_s = loop.time()
            exit_code = await self._running[program.name].exited()
            program.tidy()
            if self._stopping:
                return
            if not restart:
                self._fail(f"The {program.name} ended ({ending(exit_code)}); {_log(program)}.")
                return
            failures = 1 if loop.time() - began_s > _HEALTHY_AFTER_S else failures + 1
            await self._start_again(program, failures, f"ended ({ending(exit_code)})")

    async def _start_again(self, program: Program, failures: int, reason: str) -> None:
        while True:
            pause_s = self._backoff(failures)
            self._say(
                f"the {program.name} {reason}; starting it again in {pause_s:g} s; {_log(program)}"
            )
            await asyncio.sleep(pause_s)
            if self._stopping:
                return
            try:
                self._running[program.name] = await start(program)
            except CommandError:
                failures += 1
                reason = "did not start"
            else:
                return

    async def _stop(self, name: str, watch: asyncio.Task[None]) -> None:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
        await self._running[name].stop()
        del self._running[name]

    def _signalled(self) -> None:
        if self._stopping:
            self._say("stopping at once")
            for process in self._running.values():
                process.kill()
            return
        self._say("stopping")
        self._end()

    def _fail(self, sentence: str) -> None:
        self._failure = CommandError(sentence)
        if not self._stopping:
            self._end()

    def _end(self) -> None:
        self._stopping = True
        assert self._owner is not None
        self._owner.cancel()


def _log(program: Program) -> str:
    return f"its log is {program.log_file}"
