"""An ASGI application served inside this process, for as long as a block lasts."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from autodj.errors import CommandError
from autodj.guard import GuardedProtocol
from autodj.laptop.listening import listen
from autodj.laptop.ports import LOOPBACK

_DRAIN_S = 2


@dataclass(frozen=True, slots=True)
class Certificate:
    """PEM files for HTTPS: the chain and its private key."""

    chain: Path
    key: Path


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
async def serving(
    app: ASGIApp,
    *,
    port: int = 0,
    host: str = LOOPBACK,
    certificate: Certificate | None = None,
    dates: bool = True,
    option: str | None = None,
) -> AsyncGenerator[str]:
    """Serve the app, on a free port for 0; the value is its origin, without a path.

    Over HTTPS with a certificate. ``dates`` False leaves the Date header to the app;
    ``option`` is the one that chooses another port.
    CommandError when the port is taken or the certificate cannot be used. Bodies under way
    have two seconds when the block ends.
    """
    config = uvicorn.Config(
        app,
        lifespan="off",
        http=GuardedProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=dates,
        timeout_graceful_shutdown=_DRAIN_S,
        ssl_certfile=None if certificate is None else certificate.chain,
        ssl_keyfile=None if certificate is None else certificate.key,
    )
    _load(config)
    with listen(host, port, option=option) as listener:
        server = _Server(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        await server.listening.wait()
        try:
            scheme = "http" if certificate is None else "https"
            place = f"[{host}]" if ":" in host else host
            yield f"{scheme}://{place}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


def _load(config: uvicorn.Config) -> None:
    try:
        config.load()
    except (OSError, ssl.SSLError) as error:
        raise CommandError(f"The certificate cannot be used: {error}.") from error
