"""What is sent is a hint: a broker that says nothing keeps nobody waiting for good."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from uuid import uuid4

import pytest

from autodj import jobs as jobs_module
from autodj.errors import BrokerUnavailable
from autodj.jobs import Jobs, open_jobs


@pytest.fixture
async def silent(monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Jobs]:
    """The way to a broker that takes connections, and never says a word."""
    monkeypatch.setattr(jobs_module, "PATIENCE_S", 0.05)
    over = asyncio.Event()

    async def listen(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.close()

    async with await asyncio.start_server(listen, "127.0.0.1") as server:
        host, port = server.sockets[0].getsockname()
        async with open_jobs(f"redis://{host}:{port}/0", "tests") as jobs:
            yield jobs
        over.set()


async def test_a_message_to_a_silent_broker_is_given_up(silent: Jobs) -> None:
    async with asyncio.timeout(30):
        await silent.analyze(uuid4(), 0)
        await silent.reclaiming().fetch(uuid4())
        assert await silent.room() == 0


async def test_a_silent_broker_is_told_of(silent: Jobs) -> None:
    async with asyncio.timeout(30):
        with pytest.raises(BrokerUnavailable):
            await silent.probe()
        with pytest.raises(BrokerUnavailable):
            await silent.worker_lives()
