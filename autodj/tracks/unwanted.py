"""What was just put on S3 goes again when its row no longer leads there."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from autodj.db import Database, Session
from autodj.errors import Conflict, StoreError
from autodj.storage.base import Storage


@asynccontextmanager
async def deleted_if_unwanted(
    db: Database, s3: Storage, key: str, is_wanted: Callable[[Session], Awaitable[bool]]
) -> AsyncGenerator[None]:
    """Around the move that sends readers to the object ``key``: on Conflict it is deleted, unless
    the row still counts on it. Who deleted or gave up the row meanwhile did so before there was an
    object. One that the store keeps is left to the sweep.
    """
    try:
        yield
    except Conflict:
        async with db.read_session() as session:
            wanted = await is_wanted(session)
        if not wanted:
            with suppress(StoreError):
                await s3.delete(key)
        raise
