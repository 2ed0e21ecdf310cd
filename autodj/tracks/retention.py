"""The retention of baskets, where rows have the last word."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from autodj.db import Database
from autodj.db import tracks as track_rows
from autodj.errors import AutodjError
from autodj.storage.base import ObjectStat
from autodj.storage.baskets import Stores
from autodj.storage.retention import Swept, prefixes_swept, sweep_expired
from autodj.tracks.belonging import MARKER, Installation, claim

log = structlog.get_logger(__name__)


def with_retention(stores: Stores) -> Sequence[str]:
    """The names of the baskets that keep things for a time only."""
    return [name for name, each in stores.baskets.by_name.items() if each.retention_days]


async def sweep_basket(
    db: Database,
    stores: Stores,
    name: str,
    *,
    document_prefix: str,
    now: datetime,
    remove: bool = True,
    tell: Callable[[ObjectStat], None] = lambda _: None,
) -> Swept:
    """Delete what the basket has kept long enough, but nothing that a row names, and not the mark
    of whose place it is, however old.
    """

    async def named(keys: Sequence[str]) -> set[str]:
        async with db.read_session() as session:
            return {*await track_rows.known_keys(session, keys), MARKER}

    return await sweep_expired(
        stores.by_name[name],
        stores.baskets.by_name[name],
        now,
        named=named,
        prefixes=prefixes_swept(stores.baskets, name, document_prefix),
        remove=remove,
        tell=tell,
    )


async def sweep_all(
    db: Database, stores: Stores, mine: Installation, *, document_prefix: str
) -> None:
    """Every basket in turn; one that fails, or is somebody else's, is told of, and the others are
    swept.
    """
    now = await db.now()
    for name in with_retention(stores):
        try:
            await claim(stores.by_name[name], mine)
            await sweep_basket(db, stores, name, document_prefix=document_prefix, now=now)
        except AutodjError as error:
            log.warning("retention_failed", basket=name, code=error.code, detail=error.detail)
