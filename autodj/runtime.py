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
from autodj.settings.baskets import Basket, Kind
from autodj.settings.storage.base import base_of
from autodj.settings.storage.section import s3_basket
from autodj.storage.baskets import Stores, open_stores
from autodj.storage.local import LocalStorage
from autodj.tracks.fetch_limits import FetchLimits
from autodj.tracks.links import Links
from autodj.tracks.policy import Policy
from autodj.tracks.sharing import Invalidator
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
    stores: Stores
    sandbox: Sandbox
    jobs: Jobs
    caches: Invalidator | None
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
            caches=self.caches,
        )


@asynccontextmanager
async def open_runtime(settings: Settings) -> AsyncGenerator[Runtime]:
    """Open the database, the stores, the queue and the sandbox for one process."""
    async with AsyncExitStack() as stack:
        s3 = await _open_s3(stack, settings)
        local = _open_local(settings)
        yield Runtime(
            settings=settings,
            db=await stack.enter_async_context(open_database(settings.database_url)),
            local=local,
            s3=s3,
            stores=await stack.enter_async_context(
                open_stores(settings.baskets, _open_already(settings, local, s3))
            ),
            sandbox=await stack.enter_async_context(
                open_sandbox(analysis_timeout_s=settings.worker.analysis_timeout_s)
            ),
            jobs=await stack.enter_async_context(
                open_jobs(settings.redis_url, settings.queue_name)
            ),
            caches=_caches(settings),
            links=_links(settings, s3),
            policy=Policy.of(settings, ANALYSIS_VERSION),
            decode_limits=DecodeLimits(max_duration_s=settings.limits.max_track_duration_s),
            fetch_limits=fetch_limits(settings),
        )


def s3_config(settings: Settings) -> S3Config:
    """The bucket of the tracks."""
    from autodj.storage.s3.baskets import s3_config_of  # noqa: PLC0415 - see above

    return s3_config_of(tracks_in_bucket(settings))


def tracks_in_bucket(settings: Settings) -> Basket:
    """The basket of the tracks, or the bucket that they were in before it was local."""
    tracks = settings.baskets.of(Kind.TRACKS)
    if tracks.s3 is not None:
        return tracks
    return s3_basket(base_of(settings))


def fetch_limits(settings: Settings) -> FetchLimits:
    """What may be fetched from where."""
    private = settings.limits.fetch_allow_private
    return FetchLimits(
        max_bytes=settings.limits.max_track_bytes,
        total_s=settings.limits.fetch_total_s,
        allow_private=private,
        allowed_ports=range(1, 65536) if private else (80, 443),
    )


def _open_local(settings: Settings) -> LocalStorage:
    tracks = settings.baskets.of(Kind.TRACKS)
    max_bytes = tracks.max_object_bytes if tracks.s3 is None else None
    return LocalStorage(settings.media_root, basket="tracks", max_object_bytes=max_bytes)


async def _open_s3(stack: AsyncExitStack, settings: Settings) -> S3Storage | None:
    if settings.s3.bucket is None:
        return None
    from autodj.storage.s3 import open_s3  # noqa: PLC0415 - see above

    return await stack.enter_async_context(open_s3(s3_config(settings)))


def _open_already(
    settings: Settings, local: LocalStorage, s3: S3Storage | None
) -> dict[str, LocalStorage | S3Storage]:
    """The store of the tracks, under the name of its basket."""
    tracks = settings.baskets.of(Kind.TRACKS)
    if tracks.s3 is None:
        return {} if tracks.versioning else {tracks.name: local}
    return {} if s3 is None else {tracks.name: s3}


def _links(settings: Settings, s3: S3Storage | None) -> Links:
    bucket = None if s3 is None else s3_config(settings)
    return Links(
        public_url=settings.public_url,
        secret=settings.secret,
        ttl_s=settings.cdn.link_ttl_s,
        window_s=settings.cdn.link_window_s,
        public_links=settings.cdn.public_links,
        cdn=cdn_signer(settings),
        s3=s3,
        customer_key=bucket is not None and bucket.encryption.type == "SSE-C",
        storage_class="STANDARD" if bucket is None else bucket.storage_class,
    )


def _caches(settings: Settings) -> Invalidator | None:
    distribution_id = settings.cdn.distribution_id
    if distribution_id is None or settings.s3.bucket is None:
        return None
    from autodj.cdn.invalidation import CloudFrontCaches  # noqa: PLC0415 - see above
    from autodj.storage.s3.credentials import new_session  # noqa: PLC0415 - see above

    session = new_session(s3_config(settings))
    return CloudFrontCaches(
        session,
        distribution_id,
        prefix=settings.s3.prefix,
        endpoint_url=settings.cdn.api_url,
    )


def cdn_signer(settings: Settings) -> CloudFrontSigner | None:
    """What signs links to the distribution of the tracks, if there is one."""
    cdn = settings.cdn
    if cdn.origin is None:
        return None
    return CloudFrontSigner(
        origin=cdn.origin,
        prefix=settings.s3.prefix,
        key_pair_id=cdn.key_pair_id,
        private_key_pem=cdn.private_key,
        hash_algorithm=cdn.hash,
        also=cdn.second_keys,
    )
