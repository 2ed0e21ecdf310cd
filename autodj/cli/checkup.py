"""The examination of an installation, part by part."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import aiohttp

from autodj.audio.facts import DecodeLimits
from autodj.audio.identify import WAV
from autodj.audio.sandbox import open_sandbox
from autodj.cli import words
from autodj.cli.console import from_os_error
from autodj.cli.findings import Finding, fault
from autodj.cli.options import Group
from autodj.cli.probes import (
    parts_round_trip,
    put_document,
    put_probe,
    round_trip,
    second_of_silence,
)
from autodj.cli.signing import credentials
from autodj.cli.where import described
from autodj.db import open_database
from autodj.db.schema import require_current, require_database
from autodj.errors import (
    AutodjError,
    BrokerUnavailable,
    CommandError,
    IntegrityFault,
    NotFound,
    SettingsError,
)
from autodj.jobs import open_jobs
from autodj.logs import set_up
from autodj.runtime import cdn_signer, s3_config
from autodj.settings import Settings
from autodj.storage.base import ObjectStat
from autodj.storage.local import LocalStorage
from autodj.storage.s3 import open_s3

PART_S = 20.0
MAX_SKEW = timedelta(seconds=60)
NO_BROKER = "Check REDIS_URL; on one machine `autodj up` starts a broker and a worker."
NO_FOLDER = "Check MEDIA_ROOT: it must be a folder, or one that can be made."

GROUPS: Final = {Group.STORAGE: ("local store", "clock", "credentials", "S3 store")}


async def examine(data_dir: Path | None, only: Group | None = None) -> list[Finding]:
    """Every part of the installation that the folder or the environment describes, or those of
    one group.
    """
    set_up(level="error", fmt="text")
    try:
        settings = described(data_dir)
    except SettingsError as error:
        return [Finding("settings", ok=False, detail=each) for each in error.faults]
    where = settings.public_url if not settings.production else f"production, {settings.public_url}"
    findings = [Finding("settings", ok=True, detail=where)]
    parts: dict[str, Callable[[Settings], Awaitable[str]]] = {
        "database": _database,
        "broker": _broker,
        "worker": _worker,
        "local store": _local_store,
        "clock": _clock,
        "decoder": _decoder,
    }
    if settings.s3.bucket is not None:
        parts |= {"credentials": credentials, "S3 store": _s3_store}
    if cdn_signer(settings) is not None:
        parts |= {"CDN": _cdn}
    wanted = GROUPS[only] if only is not None else parts
    looks = (_finding(name, look(settings)) for name, look in parts.items() if name in wanted)
    return [*findings, *await asyncio.gather(*looks)]


async def _finding(name: str, look: Awaitable[str]) -> Finding:
    try:
        async with asyncio.timeout(PART_S):
            return Finding(name, ok=True, detail=await look)
    except AutodjError as error:
        return fault(name, error)
    except TimeoutError:
        return Finding(name, ok=False, detail=f"no answer within {PART_S:g} s")
    except OSError as error:
        return fault(name, from_os_error(error))
    except Exception as error:  # noqa: BLE001 - one part must not hide what the others found
        return Finding(name, ok=False, detail=f"{type(error).__name__}: {error}")


async def _database(settings: Settings) -> str:
    require_database(settings.database_url)
    async with open_database(settings.database_url) as db:
        revision = await require_current(db)
        return f"{db.engine.dialect.name}, at revision {revision}"


async def _broker(settings: Settings) -> str:
    async with open_jobs(settings.redis_url, settings.queue_name) as jobs:
        try:
            await jobs.probe()
        except BrokerUnavailable as error:
            raise CommandError(error.detail, hint=NO_BROKER) from error
    return f"answers; the queue is {settings.queue_name}"


async def _worker(settings: Settings) -> str:
    async with open_jobs(settings.redis_url, settings.queue_name) as jobs:
        if not await jobs.worker_lives():
            raise CommandError(
                "none has given a sign of life",
                hint="Start one: `arq workers.settings.WorkerSettings`, or `autodj up`.",
            )
    return "at least one is alive"


async def _local_store(settings: Settings) -> str:
    try:
        await round_trip(LocalStorage(settings.media_root))
    except NotFound as error:
        raise CommandError(error.detail, hint=NO_FOLDER) from error
    free = shutil.disk_usage(settings.media_root).free
    return f"{settings.media_root}, {words.size(free)} free"


async def _s3_store(settings: Settings) -> str:
    config = s3_config(settings)
    async with open_s3(config) as store:
        await round_trip(store)
        how = await parts_round_trip(store)
    place = config.endpoint_url or f"AWS, {config.region}"
    return f"put, read and deleted an object in {config.bucket} ({place}), {how}"


async def _clock(settings: Settings) -> str:
    """The machine's clock beside those of the database and the S3 store, as far as they have
    their own: signatures and tokens are refused when it is off.
    """
    apart = timedelta()
    if not settings.database_url.startswith("sqlite"):
        async with open_database(settings.database_url) as db:
            apart = max(apart, abs(await db.now() - datetime.now(UTC)))
    if settings.s3.bucket is not None:
        async with open_s3(s3_config(settings)) as store:
            before = datetime.now(UTC)
            stat = await put_probe(store)
            after = datetime.now(UTC)
            await store.delete(stat.key)
            # It tells whole seconds, so up to one of them is no difference.
            early, late = before - timedelta(seconds=1) - stat.modified_at, stat.modified_at - after
            apart = max(apart, early, late)
    if apart > MAX_SKEW:
        raise CommandError(
            f"{apart.total_seconds():.0f} s apart from the other parts",
            hint="Set this machine's clock, best by NTP; signed requests are refused otherwise.",
        )
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC, agrees"


async def _cdn(settings: Settings) -> str:
    """Through the CDN with a link of our own: key, signature, origin and bucket must all fit."""
    signer = cdn_signer(settings)
    assert signer is not None
    async with open_s3(s3_config(settings)) as store:
        for put in (put_probe, put_document):
            stat = await put(store)
            try:
                link = signer.link(stat.key, expires_at=datetime.now(UTC) + timedelta(minutes=5))
                await _fetch(signer.origin, link, stat)
            finally:
                await store.delete(stat.key)
    kind = "signed" if signer.signs else "plain"
    return f"{signer.origin} delivers what is in the bucket, by {kind} link"


async def _fetch(origin: str, link: str, stat: ObjectStat) -> None:
    """The bytes as they were stored, coded as they were, and open to a page from elsewhere."""
    asked = {"Origin": "https://autodj.invalid", "Accept-Encoding": "gzip"}
    try:
        async with (
            aiohttp.ClientSession(auto_decompress=False, headers=asked) as http,
            http.get(link) as response,
        ):
            body = await response.read()
            if response.status != 200:
                raise CommandError(
                    f"{origin} answers {response.status} to a link of ours",
                    hint="Compare CLOUDFRONT_KEY_PAIR_ID with the distribution's key group, and "
                    "its origin and path with S3_BUCKET_NAME and S3_PREFIX.",
                )
    except aiohttp.ClientError as error:
        raise CommandError(
            f"{origin} does not answer ({error})", hint="Check CLOUDFRONT_DOMAIN."
        ) from error
    if len(body) != stat.size_bytes or hashlib.sha256(body).hexdigest() not in stat.key:
        raise IntegrityFault(f"{origin} delivers other bytes than were stored")
    if response.headers.get("Content-Encoding") != stat.described.content_encoding:
        raise IntegrityFault(f"{origin} does not say how the bytes are coded")
    if "Access-Control-Allow-Origin" not in response.headers:
        raise CommandError(
            f"{origin} lets no page read what it delivers",
            hint="Give its response headers policy CORS, as `autodj cdn template` does.",
        )


async def _decoder(settings: Settings) -> str:
    del settings  # it needs none: an odd machine is what would break it
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "second.wav")
        await asyncio.to_thread(path.write_bytes, second_of_silence())
        async with open_sandbox(analysis_timeout_s=PART_S) as sandbox:
            probe = await sandbox.probe(path, WAV, DecodeLimits())
    return f"reads audio in its sandbox ({probe.codec}, {probe.duration_s:g} s)"
