"""One typed function for each job, to send it to the workers.

The database row is the queue; a message here is a hint that saves waiting for the next
reconcile. So sending never fails a request: when the broker is away, the row is found later.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from uuid import UUID

import structlog
from arq import create_pool
from arq.connections import ArqRedis, RedisSettings
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)

MESSAGE_LIFE_MS = 7 * 86400 * 1000


def redis_settings(url: str) -> RedisSettings:
    """Connection settings that give up soon: the queue is a hint, not a dependency."""
    settings = RedisSettings.from_dsn(url)
    settings.conn_timeout = 2
    settings.conn_retries = 1
    settings.conn_retry_delay = 0
    return settings


def encode(message: dict[str, object]) -> bytes:
    """JSON instead of arq's pickle: reaching the broker must not mean running code."""
    return json.dumps(message, default=str).encode()


def decode(raw: bytes) -> dict[str, object]:
    message: dict[str, object] = json.loads(raw)
    return message


class Jobs:
    """The way to the workers; connects when first used and again after a failure."""

    def __init__(self, url: str, queue_name: str) -> None:
        self._settings = redis_settings(url)
        self._queue_name = queue_name
        self._pool: ArqRedis | None = None

    async def analyze(self, track_id: UUID, generation: int) -> None:
        await self._send("analyze_track", track_id, generation)

    async def publish(self, track_id: UUID, generation: int) -> None:
        await self._send("publish_track", track_id, generation)

    async def clean(self, track_id: UUID, generation: int) -> None:
        await self._send("clean_track", track_id, generation)

    async def delete(self, track_id: UUID, generation: int) -> None:
        await self._send("delete_track", track_id, generation)

    async def fetch(self, job_id: UUID) -> None:
        await self._send("fetch_url", job_id, 0)

    async def probe(self) -> None:
        """Raise RedisError or OSError when the broker does not answer."""
        await (await self._connected()).ping()

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.aclose()

    async def _connected(self) -> ArqRedis:
        if self._pool is None:
            self._pool = await create_pool(
                self._settings,
                job_serializer=encode,
                job_deserializer=decode,
                default_queue_name=self._queue_name,
            )
        return self._pool

    async def _send(self, name: str, subject: UUID, generation: int) -> None:
        try:
            pool = await self._connected()
            await pool.enqueue_job(
                name,
                str(subject),
                _job_id=f"{name}:{subject}:{generation}",
                _expires=MESSAGE_LIFE_MS,
            )
        except (RedisError, OSError) as error:
            log.warning("enqueue_failed", job=name, subject=str(subject), error=repr(error))


@asynccontextmanager
async def open_jobs(url: str, queue_name: str) -> AsyncGenerator[Jobs]:
    """The sender for a process; closed on leaving."""
    jobs = Jobs(url, queue_name)
    try:
        yield jobs
    finally:
        await jobs.close()
