"""The warm process behind a sandbox, and the child it forks for every file.

It imports everything the tasks need once, then waits. For each request it forks: the child
confines itself, runs one task on one descriptor, writes JSON lines to its socket and ends.
No state passes from one file to the next. The warm process itself never reads a file; it
starts, reaps and kills. It is single-threaded, because only then is a fork safe.

The asking side takes a child's life by closing its half of the socket, and the life of all by
closing the control socket, which also happens when it dies.
"""

from __future__ import annotations

import gc
import importlib
import os
import selectors
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, BinaryIO, NoReturn

from autodj.audio import wire
from autodj.audio.confine import confine
from autodj.errors import Rejected, UnsupportedMedia

Emit = Callable[[str, object], None]
Task = Callable[[BinaryIO, dict[str, Any], Emit], object]
"""Gets the open file, the arguments and where to report progress; returns a JSON result.

A task that is to write something finds the descriptor under ``output_fd`` in its arguments.
"""


def main(control_fd: int, tasks_module: str) -> None:
    """Serve requests for the ``TASKS`` of a module until the control socket ends."""
    tasks: Mapping[str, Task] = importlib.import_module(tasks_module).TASKS
    gc.collect()
    # What is alive now stays on pages shared with the children; no collection touches it.
    gc.freeze()
    with socket.socket(fileno=control_fd) as control, selectors.DefaultSelector() as selector:
        Nursery(control, selector, tasks).serve()


class Nursery:
    """The children of one warm process, each with the socket that its answer goes to."""

    def __init__(
        self, control: socket.socket, selector: selectors.BaseSelector, tasks: Mapping[str, Task]
    ) -> None:
        self._control = control
        self._selector = selector
        self._tasks = tasks
        self._children: dict[int, socket.socket] = {}

    def serve(self) -> None:
        woken = _wake_on_child_exit()
        self._selector.register(self._control, selectors.EVENT_READ)
        self._selector.register(woken, selectors.EVENT_READ)
        while True:
            ready = [key.fileobj for key, _ in self._selector.select()]
            for child_id, answer in list(self._children.items()):
                if answer in ready:
                    self._abandon(child_id, answer)
            if woken in ready:
                woken.recv(4096)
                self._reap()
            if self._control in ready and not self._accept():
                self._end()
                return

    def _accept(self) -> bool:
        received = wire.receive_request(self._control)
        if received is None:
            return False
        answer = received.answer
        child_id = os.fork()
        if child_id == 0:
            _live(received, self._tasks)
        for descriptor in received.files:
            os.close(descriptor)
        with suppress(OSError):
            os.setpgid(child_id, child_id)
        self._children[child_id] = answer
        self._selector.register(answer, selectors.EVENT_READ)
        return True

    def _end(self) -> None:
        for child_id in self._children:
            _kill_group(child_id)
        for child_id in self._children:
            os.waitpid(child_id, 0)

    def _abandon(self, child_id: int, answer: socket.socket) -> None:
        self._selector.unregister(answer)
        _kill_group(child_id)

    def _reap(self) -> None:
        for child_id, answer in list(self._children.items()):
            if os.waitid(os.P_PID, child_id, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                continue
            # Until it is waited for, nobody else can carry its id: now is safe to kill by it.
            _kill_group(child_id)
            _, status = os.waitpid(child_id, 0)
            with suppress(KeyError):
                self._selector.unregister(answer)
            with answer, suppress(OSError):
                _make_room(answer)
                exit_line = wire.line("exit", os.waitstatus_to_exitcode(status))
                answer.send(exit_line, socket.MSG_DONTWAIT)
            del self._children[child_id]


def _wake_on_child_exit() -> socket.socket:
    woken, wake = socket.socketpair()
    wake.setblocking(False)
    signal.set_wakeup_fd(wake.detach(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return woken


def _make_room(answer: socket.socket) -> None:
    """A long answer may have filled it that nobody has read yet."""
    held_bytes = answer.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
    answer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * held_bytes)


def _kill_group(child_id: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(child_id, signal.SIGKILL)


def _live(received: wire.Received, tasks: Mapping[str, Task]) -> NoReturn:
    """The whole life of a child, from the fork to its exit."""
    request, answer = received.request, received.answer
    arguments = {**request.arguments, "output_fd": received.output_fd}
    try:
        os.setpgid(0, 0)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        try:
            confine(request.limits, keep=(*received.files, answer.fileno()))
        except OSError as error:
            answer.sendall(wire.line("broken", str(error)))
            raise
        with os.fdopen(received.input_fd, "rb") as file:
            answer.sendall(_outcome(tasks[request.task], file, arguments, answer))
        os._exit(0)
    finally:
        os._exit(1)


def _outcome(task: Task, file: BinaryIO, arguments: dict[str, Any], answer: socket.socket) -> bytes:
    try:
        answer.sendall(wire.line("started", None))
        return wire.line(
            "result",
            task(file, arguments, lambda kind, what: answer.sendall(wire.line(kind, what))),
        )
    except Rejected as refusal:
        return wire.line("refused", [refusal.code, refusal.detail])
    except UnsupportedMedia as refusal:
        return wire.line("unsupported", refusal.detail)
    except MemoryError:
        return wire.line("refused", ["undecodable", "Decoding needs more memory than allowed."])
    except Exception:  # noqa: BLE001  # what a hostile file provokes is for the parent to log
        return wire.line("failed", traceback.format_exc(limit=-8))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
