"""Opening the one S3 client of a process."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession

from autodj.storage.s3.config import S3Config
from autodj.storage.s3.store import S3Storage


@asynccontextmanager
async def open_s3(config: S3Config) -> AsyncGenerator[S3Storage, None]:
    """The store, with its connections open until the context ends."""
    session = AioSession()
    if config.access_key is None:
        # Only the settings read the environment; keys that they do not pass on are not used.
        session.get_component("credential_provider").remove("env")
    async with session.create_client(
        "s3",
        region_name=config.region,
        endpoint_url=config.endpoint_url,
        aws_access_key_id=config.access_key,
        aws_secret_access_key=config.secret_key,
        aws_session_token=config.session_token,
        config=client_config(config),
    ) as client:
        yield S3Storage(client, config)


def client_config(config: S3Config) -> AioConfig:
    timing = config.timing
    return AioConfig(
        connect_timeout=timing.connect_s,
        read_timeout=timing.read_s,
        retries={"mode": "standard", "total_max_attempts": timing.attempts},
        max_pool_connections=config.max_connections,
        signature_version="s3v4",
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={
            "addressing_style": "path" if config.path_style else "auto",
            # Every body goes with its SHA-256 in a signed header that the store checks, so
            # hashing it once more for the signature, on the event loop, would add nothing.
            "payload_signing_enabled": False,
        },
    )
