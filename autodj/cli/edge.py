"""The edge as a process: ``python -m autodj.cli.edge``, told by the settings of the CDN."""

from __future__ import annotations

import asyncio
import signal
from urllib.parse import urlsplit

from autodj.cdn.signer import CloudFrontSigner
from autodj.laptop.edge import edge_app
from autodj.laptop.serving import serving
from autodj.logs import set_up
from autodj.runtime import s3_config
from autodj.settings import Settings, from_environment
from autodj.storage.s3 import open_s3


async def run(settings: Settings) -> None:
    """Stand in for the distribution of the settings until SIGTERM."""
    cdn = settings.cdn
    assert cdn.origin is not None
    signer = CloudFrontSigner(cdn.origin, cdn.key_pair_id, cdn.private_key, cdn.hash)
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    async with open_s3(s3_config(settings)) as origin:
        app = edge_app(origin, signer.public_keys())
        async with serving(app, port=urlsplit(cdn.origin).port or 0):
            await stopped.wait()


if __name__ == "__main__":
    told = from_environment()
    set_up(level=told.log_level, fmt=told.log_format)
    asyncio.run(run(told))
