"""A real server on a loopback port, and a socket to say anything to it."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import cast

import uvicorn
from starlette.types import ASGIApp

from autodj.guard import Guard, GuardedProtocol


@contextmanager
def serve(app: ASGIApp, guard: Guard | None = None) -> Iterator[int]:
    """Run the app in a thread, under uvicorn as in production; the value is its port."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    config = uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        timeout_graceful_shutdown=5,
        http=cast("type[asyncio.Protocol]", partial(GuardedProtocol, guard=guard or Guard())),
        ws="none",
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(timeout=90)
        assert not thread.is_alive()


@contextmanager
def connection(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=90) as client:
        yield client


def exchange(port: int, request: bytes) -> bytes:
    """Send the bytes and read until the server closes."""
    with connection(port) as client:
        client.sendall(request)
        return read_all(client)


def read_all(client: socket.socket) -> bytes:
    """Everything the server sends until it closes, or breaks, the connection."""
    received = bytearray()
    try:
        while piece := client.recv(65536):
            received += piece
    except ConnectionResetError:
        pass
    return bytes(received)
