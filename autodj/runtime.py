"""The composition root: everything with a lifetime is opened here, and closed in reverse."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autodj.audio.facts import ANALYSIS_VERSION, DecodeLimits
from autodj.audio.sandbox import Sandbox, open_sandbox
from autodj.cdn.signer import CloudFrontSigner
from autodj.db import Database, open_database
from autodj.jobs import Jobs, open_jobs
from autodj.settings import Settings
from autodj.storage.local import LocalStorage
from autodj.tracks.deliver import Links
from autodj.tracks.fetch_limits import FetchLimits
from autodj.tracks.steps import Policy
from autodj.tracks.work import Workbench

if TYPE_CHECKING:
    # A third of a second of imports, which only those with a bucket pay.
    from autodj.storage.s3 import S3Config, S3Storage


@dataclass(frozen=True, slots=True)
class Runtime:
    """What a process works with. ``s3`` is None where no bucket is configured."""

    settings: Settings
    db: Database
    local: LocalStorage
    s3: S3Storage | None
    sandbox: Sandbox
    jobs: Jobs
    links: Links
    policy: Policy
    decode_limits: DecodeLimits
    fetch_limits: FetchLimits

    def workbench(self) -> Workbench:
        """The part that the steps of a track use."""
        return Workbench(
            db=self.db,
            local=self.local,
            s3=self.s3,
            sandbox=self.sandbox,
            jobs=self.jobs,
            limits=self.decode_limits,
            policy=self.policy,
        )


@asynccontextmanager
async def open_runtime(settings: Settings) -> AsyncGenerator[Runtime]:
    """Open the database, the stores, the queue and the sandbox for one process."""
    async with AsyncExitStack() as stack:
        s3 = await _open_s3(stack, settings)
        yield Runtime(
            settings=settings,
            db=await stack.enter_async_context(open_database(settings.database_url)),
            local=LocalStorage(settings.media_root),
            s3=s3,
            sandbox=await stack.enter_async_context(
                open_sandbox(analysis_timeout_s=settings.worker.analysis_timeout_s)
            ),
            jobs=await stack.enter_async_context(
                open_jobs(settings.redis_url, settings.queue_name)
            ),
            links=Links(
                public_url=settings.public_url,
                secret=settings.secret,
                ttl_s=settings.cdn.link_ttl_s,
                cdn=_cdn(settings),
                s3=s3,
            ),
            policy=Policy.of(settings, ANALYSIS_VERSION),
            decode_limits=DecodeLimits(max_duration_s=settings.limits.max_track_duration_s),
            fetch_limits=fetch_limits(settings),
        )


def s3_config(settings: Settings) -> S3Config:
    """The bucket of the settings."""
    from autodj.storage.s3 import S3Config  # noqa: PLC0415 - see above

    s3 = settings.s3
    assert s3.bucket is not None
    return S3Config(
        bucket=s3.bucket,
        region=s3.region,
        endpoint_url=s3.endpoint_url,
        prefix=s3.prefix,
        access_key=s3.access_key,
        secret_key=s3.secret_key,
        session_token=s3.session_token,
        expected_bucket_owner=s3.expected_bucket_owner,
        path_style=s3.path_style,
        sse="AES256" if s3.sse else None,
        max_connections=s3.max_connections,
    )


def fetch_limits(settings: Settings) -> FetchLimits:
    """What may be fetched from where."""
    private = settings.limits.fetch_allow_private
    return FetchLimits(
        max_bytes=settings.limits.max_track_bytes,
        total_s=settings.limits.fetch_total_s,
        allow_private=private,
        allowed_ports=range(1, 65536) if private else (80, 443),
    )


async def _open_s3(stack: AsyncExitStack, settings: Settings) -> S3Storage | None:
    if settings.s3.bucket is None:
        return None
    from autodj.storage.s3 import open_s3  # noqa: PLC0415 - see above

    return await stack.enter_async_context(open_s3(s3_config(settings)))


def _cdn(settings: Settings) -> CloudFrontSigner | None:
    cdn = settings.cdn
    if cdn.origin is None:
        return None
    return CloudFrontSigner(
        origin=cdn.origin,
        prefix=settings.s3.prefix,
        key_pair_id=cdn.key_pair_id,
        private_key_pem=cdn.private_key,
        hash_algorithm=cdn.hash,
    )
