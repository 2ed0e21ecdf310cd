"""Baskets opened: the store that each kind of thing lives in."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autodj.settings.baskets import Basket, Baskets, Kind
from autodj.storage.health import Health
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

    def health(self) -> Mapping[str, Health]:
        """Of the baskets in buckets; a directory fails or not each time it is asked."""
        stores = self.by_name.items()
        return {name: each.health for name, each in stores if not isinstance(each, LocalStorage)}


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


@asynccontextmanager
async def _opened_local(basket: Basket) -> AsyncGenerator[LocalStorage]:
    assert basket.root is not None
    yield LocalStorage(
        basket.root,
        versioned=basket.versioning,
        basket=basket.name,
        max_object_bytes=basket.max_object_bytes,
    )


@asynccontextmanager
async def _opened_s3(basket: Basket) -> AsyncGenerator[S3Storage]:
    from autodj.storage.s3 import open_s3  # noqa: PLC0415 - see above
    from autodj.storage.s3.baskets import s3_config_of  # noqa: PLC0415 - see above

    async with open_s3(s3_config_of(basket)) as store:
        yield store
