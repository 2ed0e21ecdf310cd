"""Baskets opened: the store that each kind of thing lives in."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from autodj.settings.baskets import Basket, Baskets, Kind
from autodj.storage.base import MAX_PAGE_OBJECTS, Storage
from autodj.storage.local import LocalStorage

if TYPE_CHECKING:
    # A third of a second of imports, which only those with a bucket pay.
    from autodj.storage.s3 import S3Storage


@dataclass(frozen=True, slots=True)
class Stores:
    """The open store of every basket."""

    baskets: Baskets
    by_name: Mapping[str, LocalStorage | S3Storage]

    def of(self, kind: Kind) -> LocalStorage | S3Storage:
        return self.by_name[self.baskets.of(kind).name]


@asynccontextmanager
async def open_stores(
    baskets: Baskets, opened: Mapping[str, LocalStorage | S3Storage] | None = None
) -> AsyncGenerator[Stores]:
    """Every basket, those in buckets with their connections open until the context ends.

    ``opened`` are stores that somebody else opened, and closes, by the names of their baskets.
    """
    async with AsyncExitStack() as stack:
        by_name = dict(opened or {})
        for name, basket in baskets.by_name.items():
            if name not in by_name:
                by_name[name] = await stack.enter_async_context(open_basket(basket))
        yield Stores(baskets, by_name)


def open_basket(basket: Basket) -> AbstractAsyncContextManager[LocalStorage | S3Storage]:
    return _opened_local(basket) if basket.s3 is None else _opened_s3(basket)


async def sweep_expired(store: Storage, basket: Basket, now: datetime, prefix: str = "") -> int:
    """Delete what the basket's retention says is over; how many objects there were."""
    if basket.retention_days is None:
        return 0
    count = 0
    over: list[str] = []
    async for found in store.list(prefix):
        if basket.is_over(found.modified_at, now):
            over.append(found.key)
        if len(over) == MAX_PAGE_OBJECTS:
            await store.delete_many(over)
            count += len(over)
            over = []
    await store.delete_many(over)
    return count + len(over)


@asynccontextmanager
async def _opened_local(basket: Basket) -> AsyncGenerator[LocalStorage]:
    assert basket.root is not None
    yield LocalStorage(basket.root, versioned=basket.versioning, basket=basket.name)


@asynccontextmanager
async def _opened_s3(basket: Basket) -> AsyncGenerator[S3Storage]:
    from autodj.storage.s3 import open_s3  # noqa: PLC0415 - see above
    from autodj.storage.s3.baskets import s3_config_of  # noqa: PLC0415 - see above

    async with open_s3(s3_config_of(basket)) as store:
        yield store
