"""Files that are there whole or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from uuid import uuid4


@asynccontextmanager
async def in_place_of(target: Path) -> AsyncGenerator[Path]:
    """A new file beside ``target`` that takes its place at the end, and is gone on any failure.
    What the system refuses is told of ``target``.
    """
    part = target.with_name(f".{uuid4()}.part")
    try:
        yield part
        await asyncio.to_thread(part.replace, target)
    except OSError as error:
        if error.filename == str(part):
            error.filename = str(target)
        raise
    finally:
        with suppress(OSError):  # what went wrong before says more
            await asyncio.to_thread(part.unlink, missing_ok=True)


async def write_text(target: Path, text: str) -> None:
    """The text in place of a file, whole or not at all; into whatever else is there as it comes."""
    target = await asyncio.to_thread(target.resolve)
    if await asyncio.to_thread(_is_no_file, target):
        await asyncio.to_thread(target.write_text, text, encoding="utf-8")
        return
    async with in_place_of(target) as part:
        await asyncio.to_thread(part.write_text, text, encoding="utf-8")


def _is_no_file(path: Path) -> bool:
    return path.exists() and not path.is_file()
