"""Fork processes, let them be killed or stopped as their fates say, and replace them."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

from bench.crash import actors
from bench.crash.arena import Arena, open_parts
from bench.crash.fates import Draw, Fate, Role, Steps
from bench.crash.history import History
from bench.crash.reader import read_for_ever

POLL_S: Final = 0.003
LONGEST_LIFE_S: Final = 8.0
CRASHED: Final = 70
_PR_SET_PDEATHSIG: Final = 1

Main = Callable[[], Coroutine[Any, Any, object]]


@dataclass(slots=True)
class Child:
    """A living process. When ``due_at`` (monotonic seconds) is over, and ``due_kills`` were
    counted, it is killed, or woken if it is stopped; ``haunting`` ones have a successor.
    """

    role: Role
    fate: Fate
    due_at: float
    due_kills: int = 0
    stopped: bool = False
    haunting: bool = False


@dataclass(slots=True)
class Supervisor:
    """Keeps one web and one worker process alive, and the stopped ones beside them.

    ``change`` is run in each child before anything else: a mutant breaks its rule there.
    """

    arena: Arena
    draw: Draw
    chance: Random
    change: Callable[[], None]
    deaths: int = 0
    kills: int = 0
    woken: int = 0
    _lives: int = 0
    _children: dict[int, Child] = field(default_factory=dict)

    def run(self, deaths: int, *, enough: Callable[[], bool]) -> None:
        """Until so many have died, or ``enough``; nobody is left alive afterwards.

        Who died by an error of its own is no kill, and is on record.
        """
        try:
            while self.deaths < deaths and not enough():
                self._replace()
                self._watch()
                time.sleep(POLL_S)
        finally:
            for pid in self._children:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            self._children.clear()

    def _replace(self) -> None:
        at_work: set[Role] = {child.role for child in self._children.values() if not child.haunting}
        roles: tuple[Role, ...] = ("web", "worker")
        for role in roles:
            if role not in at_work:
                self._start(role)

    def _start(self, role: Role) -> None:
        fate, life, seed = self.draw(self.chance, role), self._lives, self.chance.getrandbits(32)
        self._lives += 1
        pid = fork(
            lambda: _live(self.arena, role, fate, Random(seed), life),
            faults=self.arena.faults,
            change=self.change,
        )
        due_at = time.monotonic() + (fate.kill_after_s or LONGEST_LIFE_S)
        self._children[pid] = Child(role, fate, due_at)

    def _watch(self) -> None:
        now = time.monotonic()
        for pid, child in list(self._children.items()):
            ended, status = os.waitpid(pid, os.WNOHANG | os.WUNTRACED)
            if ended and os.WIFSTOPPED(status):
                child.stopped = child.haunting = True
                child.due_at = now + (child.fate.paused_s or 0)
                child.due_kills = self.kills + child.fate.paused_kills
            elif ended:
                del self._children[pid]
                self.deaths += 1
                self.kills += os.WIFSIGNALED(status)
            elif now >= child.due_at and self.kills >= child.due_kills:
                self._wake_or_kill(pid, child, now)

    def _wake_or_kill(self, pid: int, child: Child, now: float) -> None:
        if child.stopped:
            child.stopped, child.due_at = False, now + child.fate.haunts_s
            self.woken += 1
            os.kill(pid, signal.SIGCONT)
        else:
            os.kill(pid, signal.SIGKILL)


def start_reader(arena: Arena) -> int:
    """The process id of the reader."""
    return fork(lambda: read_for_ever(arena), faults=arena.faults, change=lambda: None)


def stop(pid: int) -> None:
    """End a child in order and wait for it."""
    os.kill(pid, signal.SIGTERM)
    os.waitpid(pid, 0)


def fork(main: Main, *, faults: Path, change: Callable[[], None]) -> int:
    """Run ``main`` in a copy of this process, which must have one thread only.

    A copy, because importing autodj takes longer than most of the lives here. The child dies
    with its parent; an error that ends it is written to ``faults``.
    """
    sys.stdout.flush()
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    code = 0
    try:
        _die_with(parent)
        change()
        asyncio.run(main())
    except BaseException:  # noqa: BLE001 - whatever it was, the run must turn red for it
        with faults.open("a") as file:
            traceback.print_exc(file=file)
        code = CRASHED
    finally:
        os._exit(code)


def _die_with(parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)


async def _live(arena: Arena, role: Role, fate: Fate, chance: Random, life: int) -> None:
    history = History(arena.history)
    steps = Steps(fate, lambda name, at: history.add("end", role=role, step=name, at=at))
    async with open_parts(arena, steps, chance) as parts:
        if role == "web":
            await actors.web(arena, parts, history, steps, chance, life)
        else:
            await actors.worker(arena, parts, chance)
