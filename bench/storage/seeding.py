"""Many tiny objects, made as fast as the server takes them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, Final

from obstore.store import S3Store

from autodj.laptop.s3server import S3Server

AT_ONCE: Final = 32


async def seed_keys(server: S3Server, bucket: str, prefix: str, count: int) -> None:
    """``count`` empty objects; none of what the store promises of objects is needed here."""
    store: Any = S3Store(
        bucket,
        prefix=prefix,
        endpoint=server.endpoint_url,
        region=server.region,
        access_key_id=server.access_key,
        secret_access_key=server.secret_key,
        virtual_hosted_style_request=False,
        client_options={"allow_http": True},
    )

    async def work(waiting: Iterator[int]) -> None:
        for number in waiting:
            await store.put_async(f"{number:07}", b"", use_multipart=False)

    waiting = iter(range(count))
    await asyncio.gather(*(work(waiting) for _ in range(AT_ONCE)))
