"""Opening the one S3 client of a process."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from aiobotocore.config import AioConfig
from botocore.utils import parse_timestamp

from autodj.storage.health import Health
from autodj.storage.s3.config import S3Config
from autodj.storage.s3.credentials import new_session
from autodj.storage.s3.faults import store_errors
from autodj.storage.s3.retrying import Retries, RetryBudget, RetryPolicy
from autodj.storage.s3.session import LeanSession
from autodj.storage.s3.store import S3Storage


@asynccontextmanager
async def open_s3(config: S3Config) -> AsyncGenerator[S3Storage, None]:
    """The store, with its connections open until the context ends."""
    async with store_errors("credentials", config.timing.metadata_s):
        session = new_session(config)
        session.get_component("response_parser_factory").set_parser_defaults(
            timestamp_parser=moment
        )
        keys = await session.get_credentials()
        opening = session.create_client(
            "s3",
            region_name=config.region,
            endpoint_url=config.endpoint_url,
            config=client_config(config),
        )
        client = await opening.__aenter__()
    try:
        health = Health()
        retries: Any = Retries(RetryPolicy.of(config.timing), RetryBudget(), health=health)
        client.meta.events.register_last("needs-retry.s3", retries, unique_id="autodj-retries")
        yield S3Storage(client, config, health, keys)
    finally:
        await opening.__aexit__(None, None, None)


def client_config(config: S3Config) -> AioConfig:
    timing = config.timing
    return AioConfig(
        connect_timeout=timing.connect_s,
        read_timeout=timing.read_s,
        # Once: what is tried again, and when, is decided in autodj.storage.s3.retrying.
        retries={"mode": "standard", "total_max_attempts": 1},
        max_pool_connections=config.max_connections,
        # Else the client describes itself anew for every request, which takes a tenth of it.
        user_agent="autodj",
        http_session_cls=LeanSession,
        signature_version="s3v4",
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={
            "addressing_style": "path" if config.path_style else "auto",
            # Every body goes with its SHA-256 or CRC-32 in a signed header that the store checks,
            # so hashing it once more for the signature, on the event loop, would add nothing.
            "payload_signing_enabled": False,
        },
    )


def moment(told: str) -> datetime:
    """A time that S3 tells: in a header quickly, whatever else as the client reads it (ValueError
    for what is none).
    """
    if isinstance(told, str) and told.endswith(" GMT"):
        with suppress(ValueError):
            return parsedate_to_datetime(told)
    found: datetime = parse_timestamp(told)
    return found
