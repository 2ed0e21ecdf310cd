"""What a command asks of a running server, from the first connection to the last."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from autodj.cli.client import Client, open_client
from autodj.cli.where import find_server

T = TypeVar("T")


def ask(
    use: Callable[[Client], Awaitable[T]], server: str | None, token: str | None, data: Path | None
) -> T:
    """What ``use`` makes of the server that these options name."""
    chosen = find_server(server, token, data)

    async def run() -> T:
        async with open_client(chosen) as client:
            return await use(client)

    return asyncio.run(run())
