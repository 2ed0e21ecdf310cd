"""The examination of a distribution, with an object of its own behind it."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

from autodj.cdn.check.evidence import Sample, Setup
from autodj.cdn.check.probing import gather
from autodj.cdn.check.verdicts import verdicts
from autodj.cli.findings import Finding
from autodj.cli.where import described
from autodj.errors import CommandError
from autodj.logs import set_up
from autodj.runtime import cdn_signer, s3_config
from autodj.settings import Settings
from autodj.storage.keys import public_key, track_key
from autodj.storage.s3 import S3Storage, open_s3

SAMPLE_BYTES = 65_536
SAMPLE_TYPE = "audio/wav"


async def examine(
    data_dir: Path | None,
    *,
    key: str | None = None,
    http: str | None = None,
    ca: Path | None = None,
) -> list[Finding]:
    """Every finding about the distribution that the folder or the environment describes.

    ``key`` names an object to take instead of a new one. CommandError without a distribution
    or a bucket, and when the distribution does not answer.
    """
    set_up(level="error", fmt="text")
    settings = described(data_dir)
    signer = cdn_signer(settings)
    if signer is None or settings.s3.bucket is None:
        raise CommandError(
            "No CDN is set up",
            hint="Set CLOUDFRONT_DOMAIN and S3_BUCKET_NAME, or start `autodj up --s3`.",
        )
    authority = None if ca is None else await asyncio.to_thread(_trusting, ca)
    async with open_s3(s3_config(settings)) as store, _samples(store, settings, key) as samples:
        sample, public = samples
        setup = Setup(
            signer=signer,
            sample=sample,
            direct_url=(await store.presign(sample.key, ttl_s=60)).partition("?")[0],
            http_origin=http or _without_tls(signer.plain_link(sample.key)),
            public=public,
        )
        evidence = await gather(setup, ca=authority, now=datetime.now(UTC))
    return [Finding(each.name, each.ok, each.detail, each.hint) for each in verdicts(evidence)]


@asynccontextmanager
async def _samples(
    store: S3Storage, settings: Settings, key: str | None
) -> AsyncGenerator[tuple[Sample, Sample | None]]:
    """What to ask for, and what everybody may ask for; gone when the block ends, unless it was
    there before.
    """
    if key is not None:
        stat = await store.stat(key)
        async with store.read(key) as blocks:
            body = b"".join([block async for block in blocks])
        yield Sample(key, body, stat.content_type or "binary/octet-stream"), None
        return
    body = secrets.token_bytes(SAMPLE_BYTES)
    digest = hashlib.sha256(body).hexdigest()
    sample = Sample(track_key(uuid4(), 0, digest, "wav"), body, SAMPLE_TYPE)
    public = None
    if settings.cdn.public_links:
        public_name = public_key(uuid4(), secrets.token_hex(16), digest, "wav")
        public = Sample(public_name, body, SAMPLE_TYPE)
    stored = [each for each in (sample, public) if each is not None]
    try:
        for each in stored:
            await store.put(each.key, body, sha256=digest, content_type=SAMPLE_TYPE)
        yield sample, public
    finally:
        for each in stored:
            await store.delete(each.key)


def _without_tls(link: str) -> str | None:
    """Where plain HTTP would be answered; None for a stand-in that has nothing else."""
    parts = urlsplit(link)
    return f"http://{parts.hostname}" if parts.scheme == "https" else None


def _trusting(ca: Path) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        raise CommandError(f"{ca} holds no certificate of an authority.") from error
