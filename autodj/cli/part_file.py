"""Files that are there whole or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4


@asynccontextmanager
async def in_place_of(target: Path) -> AsyncGenerator[Path]:
    """A new file beside ``target`` that takes its place at the end, and is gone on any failure."""
    part = target.with_name(f".{uuid4()}.part")
    try:
        yield part
        await asyncio.to_thread(part.replace, target)
    finally:
        await asyncio.to_thread(part.unlink, missing_ok=True)
