"""The near end of the warm process: start it, put questions to it, end it."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autodj.audio import wire
from autodj.errors import SandboxError

_START_S = 60.0
_END_S = 5.0
_IMPORT_ROOT = str(Path(__file__).resolve().parents[2])
# ``-I`` keeps the caller's directory and PYTHON* variables out, and with them our own import
# root when autodj runs from a checkout, so that is handed over by name.
_BOOT = (
    "import sys; sys.path.append(sys.argv[1]); from autodj.audio import child; "
    "child.main(int(sys.argv[2]), sys.argv[3])"
)
_ENVIRONMENT = {
    "LC_ALL": "C.UTF-8",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_DISABLE_JIT": "1",
    # Analysis takes and frees large blocks all the time. Kept in the heap they cost nothing;
    # given back to the kernel each time they cost a fifth more processor time.
    "MALLOC_MMAP_THRESHOLD_": str(128 * 1024 * 1024),
    "MALLOC_TRIM_THRESHOLD_": str(256 * 1024 * 1024),
    # In pages of two megabytes where the kernel has them.
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a child ended. ``verdict`` is ``result``, ``refused``, ``unsupported``, ``failed`` or
    ``broken`` (it could not be confined) with its content, ``late`` when its time ran out, or
    ``died`` without a word; ``exit_code`` is negative for a signal.
    """

    verdict: str
    content: Any = None
    exit_code: int = 0


class WarmProcess:
    """A running warm process. It holds the near end of its control socket."""

    def __init__(self, process: subprocess.Popen[bytes], control: socket.socket) -> None:
        self._process = process
        self._control = control

    @classmethod
    def start(cls, tasks_module: str) -> WarmProcess:
        """Start it and return at once; it takes requests while it still imports.

        SandboxError when no process can be started.
        """
        near, far = socket.socketpair()
        command = [sys.executable, "-I", "-c", _BOOT]
        with far:
            try:
                process = subprocess.Popen(  # noqa: S603  # our own interpreter and words
                    [*command, _IMPORT_ROOT, str(far.fileno()), tasks_module],
                    env=_ENVIRONMENT,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    pass_fds=(far.fileno(),),
                    start_new_session=True,
                )
            except OSError as error:
                near.close()
                raise SandboxError(f"No decoder process could be started: {error}.") from error
        return cls(process, near)

    @property
    def process_id(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    async def ask(
        self,
        request: wire.Request,
        input_fd: int,
        on_progress: Callable[[float], None],
        output_fd: int | None = None,
    ) -> Outcome:
        """Have a child do the request. However this ends, also by cancellation, the child has
        ended with it. SandboxError when the warm process itself is gone.
        """
        answer = self._send(request, input_fd, output_fd)
        reader, writer = await asyncio.open_unix_connection(
            sock=answer, limit=request.limits.max_answer_bytes
        )
        try:
            return await _listen(reader, request, on_progress)
        finally:
            await self._let_end(reader, writer)

    def _send(self, request: wire.Request, input_fd: int, output_fd: int | None) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                wire.send_request(
                    self._control,
                    request,
                    input_fd=input_fd,
                    answer_fd=theirs.fileno(),
                    output_fd=output_fd,
                )
            except OSError as error:
                ours.close()
                raise SandboxError("The decoder process has ended.") from error
        return ours

    async def _let_end(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Half-close, which takes the child's life, and wait until it is reaped."""
        with suppress(OSError):
            writer.write_eof()
        try:
            async with asyncio.timeout(_END_S):
                while await reader.read(65536):
                    pass
        except TimeoutError:
            # A warm process that no longer reaps is of no use; its children die with it.
            self._process.kill()
        finally:
            writer.close()

    def release(self) -> None:
        """Let go of a process that is no longer alive."""
        self._control.close()

    async def close(self) -> None:
        """End the warm process and every child it has."""
        self._control.close()
        try:
            await asyncio.to_thread(self._process.wait, _END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            await asyncio.to_thread(self._process.wait)


async def _listen(
    reader: asyncio.StreamReader, request: wire.Request, on_progress: Callable[[float], None]
) -> Outcome:
    clock = asyncio.get_running_loop().time
    limits = request.limits
    end_at = None
    verdict = Outcome("died")
    try:
        async with asyncio.timeout(_START_S) as patience:
            while text := await reader.readline():
                kind, content = json.loads(text)
                if end_at is None:
                    end_at = clock() + limits.wall_s
                patience.reschedule(min(end_at, clock() + limits.stall_s))
                if kind == "progress":
                    on_progress(content)
                elif kind == "exit":
                    return Outcome(verdict.verdict, verdict.content, content)
                elif kind != "started":
                    verdict = Outcome(kind, content)
    except TimeoutError:
        if end_at is not None:
            return Outcome("late")
        raise SandboxError("The decoder process did not start in time.") from None
    except ValueError:
        return Outcome("failed", "The answer was not one of ours.")
    raise SandboxError("The decoder process has ended.")
