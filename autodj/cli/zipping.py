"""The originals of many tracks from a server, as one ZIP file."""

from __future__ import annotations

import asyncio
import zipfile
from collections.abc import Mapping
from pathlib import Path

from autodj.cli.client import Client
from autodj.cli.export_order import Order, Told
from autodj.cli.part_file import in_place_of
from autodj.errors import CommandError


async def fetch_zip(client: Client, order: Order, query: Mapping[str, str]) -> Told:
    """Download the archive of the tracks that fit: the whole file or none. CommandError when
    the order makes no sense, or what came is no archive.
    """
    order.prepare()
    assert order.to is not None
    async with in_place_of(order.to) as part:
        with await asyncio.to_thread(part.open, "xb") as file:
            await client.save("/tracks/archive", query, file)
        count = await asyncio.to_thread(_members, part)
    return Told(tracks=count)


def _members(path: Path) -> int:
    try:
        with zipfile.ZipFile(path) as archive:
            return len(archive.namelist())
    except zipfile.BadZipFile as error:
        raise CommandError("What arrived is no ZIP file", hint="Try again.") from error
