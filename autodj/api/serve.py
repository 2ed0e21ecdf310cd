"""The web process under uvicorn: guarded, with room for its connections, and an end in order."""

from __future__ import annotations

import asyncio
import signal
import socket
from functools import partial
from types import FrameType
from typing import Final

import uvicorn

from autodj.guard import Guard, GuardedProtocol
from autodj.guard.protocol import STATE_KEY

APP: Final = "autodj.api.app:create_app"
# Longer than the usual clients keep an idle connection (15 s, 5 s): else one sends a request just
# as we close it, and cannot know whether it was heard.
IDLE_S: Final = 20


class Server(uvicorn.Server):
    """Tells the balancer before it stops listening.

    At SIGTERM ``/readyz`` answers 503 for ``notice_s`` seconds while everything is still served;
    then nothing new is accepted, and answers under way have uvicorn's grace to end. A second
    signal, and Ctrl-C, leave the notice out.
    """

    def __init__(self, config: uvicorn.Config, *, notice_s: float) -> None:
        super().__init__(config)
        self._notice_s = notice_s
        self._loop: asyncio.AbstractEventLoop | None = None
        self._noticed = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        stop = partial(super().handle_exit, sig, frame)
        guard: Guard | None = self.lifespan.state.get(STATE_KEY) if self.started else None
        if guard is None or self._noticed or sig != signal.SIGTERM or not self._notice_s:
            stop()
            return
        assert self._loop is not None
        self._noticed = guard.draining = True
        # A signal may come between any two steps of the loop.
        self._loop.call_soon_threadsafe(self._loop.call_later, self._notice_s, stop)


def serve(host: str, port: int, *, notice_s: float, grace_s: int) -> None:
    """Serve until a signal; answers under way then have ``grace_s`` to end. SettingsError when
    the settings, or the limit of open files, do not allow it.
    """
    config = uvicorn.Config(
        APP,
        factory=True,
        host=host,
        port=port,
        http=GuardedProtocol,
        ws="none",
        access_log=False,
        server_header=False,
        timeout_keep_alive=IDLE_S,
        timeout_graceful_shutdown=grace_s,
    )
    Server(config, notice_s=notice_s).run()
