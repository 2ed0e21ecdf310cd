"""What a server sends, as files here: each is there whole or not at all."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import aiohttp

from autodj.cli.client import BLOCK_BYTES, PATIENCE, Client
from autodj.cli.part_file import in_place_of
from autodj.cli.refusals import reason_of, refusal_of
from autodj.errors import CommandError


async def save(client: Client, path: str, target: Path) -> None:
    """What the API has under ``path``, in place of ``target``."""
    async with in_place_of(target) as part:
        with await asyncio.to_thread(part.open, "xb") as file:
            await client.save(path, {}, file)


async def fetch(client: Client, track_id: str, sha256: str, target: Path) -> None:
    """A track's original, as the file ``target``."""
    link = await client.read(f"/tracks/{track_id}/audio/url", {"rendition": "original"})
    async with in_place_of(target) as part:
        if await _download(link["url"], part) != sha256:
            raise CommandError("The file arrived damaged", hint="Try again.")


async def _download(url: str, part: Path) -> str:
    """The SHA-256 of what came. The link is all the permission there is: no token is sent."""
    digest = hashlib.sha256()
    try:
        async with aiohttp.ClientSession(timeout=PATIENCE) as http, http.get(url) as response:
            if response.status != 200:
                raise await refusal_of(response, hint="`autodj doctor` tries such links.")
            with await asyncio.to_thread(part.open, "xb") as file:
                async for block in response.content.iter_chunked(BLOCK_BYTES):
                    digest.update(block)
                    await asyncio.to_thread(file.write, block)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise CommandError(f"The bytes do not arrive ({reason_of(error)})") from error
    return digest.hexdigest()
