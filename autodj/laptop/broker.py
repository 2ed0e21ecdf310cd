"""The embedded broker: a Valkey server whose data survives being killed."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from autodj.laptop.binaries import VALKEY, find
from autodj.laptop.locks import wait_unused
from autodj.laptop.ports import LOOPBACK, kept_ports
from autodj.laptop.private import write_private
from autodj.laptop.process import Program, Say, in_use, quiet, running

_NAME = "broker"
_PROBE_WITHIN_S = 1.0


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker is; ``url`` carries its password."""

    url: str = field(repr=False)
    port: int


@asynccontextmanager
async def open_broker(data_dir: Path, *, say: Say = quiet) -> AsyncGenerator[Broker]:
    """A broker with its data in ``data_dir/broker``, answering until the block ends.

    CommandError when its program is missing, or another broker uses the same data.
    """
    program, broker = await broker_program(data_dir)
    async with running(program, say=say):
        yield broker


async def broker_program(data_dir: Path) -> tuple[Program, Broker]:
    """What to run, for a supervisor, and where it will be."""
    binary = find(VALKEY)
    directory = (data_dir / "broker").resolve()
    lock_file = directory / "lock"
    await wait_unused(lock_file, refusal=in_use(_NAME, directory))
    port = kept_ports(directory / "port.json", [_NAME])[_NAME]
    password = secrets.token_urlsafe(24)
    config = directory / "valkey.conf"
    write_private(config, _config(directory, port, password))
    program = Program(
        name=_NAME,
        command=(str(binary), str(config)),
        directory=directory,
        log_file=data_dir / "logs" / "broker.log",
        environment={},
        answers=_answers(port, password),
        lock_file=lock_file,
    )
    return program, Broker(url=f"redis://:{password}@{LOOPBACK}:{port}/0", port=port)


def _config(directory: Path, port: int, password: str) -> str:
    settings = {
        "bind": LOOPBACK,
        "port": str(port),
        "protected-mode": "yes",
        "requirepass": password,
        "dir": _quoted(str(directory)),
        "appendonly": "yes",
        # Written before each answer, so a killed server loses nothing; pushed to the disk once
        # a second, which is what a power cut may cost. The rows in the database are the truth.
        "appendfsync": "everysec",
        "save": '""',
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    return "".join(f"{name} {value}\n" for name, value in settings.items())


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _answers(port: int, password: str) -> Callable[[], Awaitable[bool]]:
    async def answers() -> bool:
        try:
            async with asyncio.timeout(_PROBE_WITHIN_S):
                reader, writer = await asyncio.open_connection(LOOPBACK, port)
                try:
                    writer.write(f"AUTH {password}\r\nPING\r\n".encode())
                    # Anything else is a refusal, or word that it still reads its data.
                    return await reader.readexactly(12) == b"+OK\r\n+PONG\r\n"
                finally:
                    writer.close()
        except (OSError, asyncio.IncompleteReadError):
            return False

    return answers
