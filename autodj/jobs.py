"""One typed function for each job, to send it to the workers.

The database row is the queue; a message here is a hint that saves waiting for the next
reconcile. So sending never fails a request: when the broker is away, the row is found later.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from importlib import import_module
from typing import TYPE_CHECKING
from uuid import UUID

import structlog

from autodj.errors import BrokerUnavailable

if TYPE_CHECKING:
    # Imported where it is used: a process that starts should not wait for it.
    from arq.connections import ArqRedis, RedisSettings

log = structlog.get_logger(__name__)

MESSAGE_LIFE_MS = 7 * 86400 * 1000
# One that takes connections and says nothing would keep a request waiting for ever.
PATIENCE_S = 3.0
# More than all workers take in a moment, and less than they take in the life of a lease.
QUEUED_AT_MOST = 1000


def redis_settings(url: str) -> RedisSettings:
    """Connection settings that give up soon: the queue is a hint, not a dependency."""
    from arq.connections import RedisSettings  # noqa: PLC0415 - see above

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
        self._url = url
        self._queue_name = queue_name
        self._pool: ArqRedis | None = None
        self._connecting = asyncio.Lock()

    async def prepare(self) -> None:
        """Load the client beside the event loop, so that the first job need not wait for it."""
        await asyncio.to_thread(import_module, "arq")

    async def analyze(self, track_id: UUID, generation: int) -> None:
        await self._send("analyze_track", track_id, generation)

    async def publish(self, track_id: UUID, generation: int) -> None:
        await self._send("publish_track", track_id, generation)

    async def clean(self, track_id: UUID, generation: int) -> None:
        await self._send("clean_track", track_id, generation)

    async def share(self, track_id: UUID, version: int) -> None:
        await self._send("share_track", track_id, version)

    async def delete(self, track_id: UUID, generation: int) -> None:
        await self._send("delete_track", track_id, generation)

    async def render(self, rendition_id: UUID, generation: int) -> None:
        await self._send("render", rendition_id, generation)

    async def fetch(self, job_id: UUID) -> None:
        await self._send("fetch_url", job_id, 0)

    async def reanalyze(self, job_id: UUID, turn: int) -> None:
        await self._send("reanalyze", job_id, turn)

    async def reconcile(self, turn: int) -> None:
        """Look for due rows when all that waits now is taken. A job must not wait for itself, so
        ``turn`` is 0 and 1 by turns, and no more than two can ever wait.
        """
        await self._send("reconcile_rows", turn, 0)

    async def room(self) -> int:
        """For how many more messages there is use; for none while the broker is away."""
        with suppress(BrokerUnavailable):
            async with _broker_errors():
                queued: int = await (await self._connected()).zcard(self._queue_name)
                return max(0, QUEUED_AT_MOST - queued)
        return 0

    def reclaiming(self) -> Jobs:
        """The same way, for work whose worker has let its lease run out: it is taken from it."""
        return _Reclaiming(self)

    async def release(self, name: str, subject: UUID | int, generation: int) -> None:
        """Undo a worker's hold on a job. arq keeps it for as long as the slowest of all jobs may
        take, even where the worker has died.
        """
        from arq.constants import in_progress_key_prefix  # noqa: PLC0415 - see above

        with suppress(BrokerUnavailable):
            async with _broker_errors():
                pool = await self._connected()
                await pool.delete(in_progress_key_prefix + _job_id(name, subject, generation))

    async def probe(self) -> None:
        """Raise BrokerUnavailable when the broker does not answer."""
        async with _broker_errors():
            await (await self._connected()).ping()

    async def worker_lives(self) -> bool:
        """Whether a worker has given a sign of life lately; BrokerUnavailable as ``probe``."""
        from arq.constants import health_check_key_suffix  # noqa: PLC0415 - see above

        async with _broker_errors():
            pool = await self._connected()
            return bool(await pool.exists(self._queue_name + health_check_key_suffix))

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.aclose()

    async def _connected(self) -> ArqRedis:
        from arq import create_pool  # noqa: PLC0415 - see above

        async with self._connecting:
            if self._pool is None:
                self._pool = await create_pool(
                    redis_settings(self._url),
                    job_serializer=encode,
                    job_deserializer=decode,
                    default_queue_name=self._queue_name,
                )
            return self._pool

    async def _send(self, name: str, subject: UUID | int, generation: int) -> None:
        try:
            async with _broker_errors():
                pool = await self._connected()
                await pool.enqueue_job(
                    name,
                    str(subject),
                    _job_id=_job_id(name, subject, generation),
                    _expires=MESSAGE_LIFE_MS,
                )
        except BrokerUnavailable as error:
            cause = repr(error.__cause__)
            log.warning("enqueue_failed", job=name, subject=str(subject), error=cause)


class _Reclaiming(Jobs):
    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    async def _send(self, name: str, subject: UUID | int, generation: int) -> None:
        await self._jobs.release(name, subject, generation)
        await self._jobs._send(name, subject, generation)  # noqa: SLF001 - of the same class


def _job_id(name: str, subject: UUID | int, generation: int) -> str:
    return f"{name}:{subject}:{generation}"


@asynccontextmanager
async def _broker_errors() -> AsyncGenerator[None]:
    from redis.exceptions import RedisError  # noqa: PLC0415 - see above

    try:
        async with asyncio.timeout(PATIENCE_S):
            yield
    except (RedisError, OSError) as error:  # a timeout is an OSError
        raise BrokerUnavailable from error


@asynccontextmanager
async def open_jobs(url: str, queue_name: str) -> AsyncGenerator[Jobs]:
    """The sender for a process; closed on leaving."""
    jobs = Jobs(url, queue_name)
    try:
        yield jobs
    finally:
        await jobs.close()
