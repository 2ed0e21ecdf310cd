"""An ASGI application served inside this process, for as long as a block lasts."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.types import ASGIApp

from autodj.errors import CommandError
from autodj.laptop.ports import LOOPBACK

_DRAIN_S = 2


class _Server(uvicorn.Server):
    """Signals belong to whoever runs the process, not to one of its servers."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


@asynccontextmanager
async def serving(app: ASGIApp, *, port: int = 0) -> AsyncGenerator[str]:
    """Serve the app on loopback, on a free port for 0; the value is its origin, without a path.

    CommandError when the port is taken. Bodies under way have two seconds when the block ends.
    """
    try:
        listener = socket.create_server((LOOPBACK, port))
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise CommandError(f"Port {port} on {LOOPBACK} is taken; choose another.") from error
    config = uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_DRAIN_S,
    )
    with listener:
        server = _Server(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        await server.listening.wait()
        try:
            yield f"http://{LOOPBACK}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task
