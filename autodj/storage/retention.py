"""What has been kept long enough by the word of its basket, and its end."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath
from typing import Final

import structlog

from autodj.errors import ObjectNotFound
from autodj.settings.baskets import Basket, Baskets, Kind
from autodj.storage.base import ObjectStat, Storage
from autodj.storage.powers import Pruning, power

log = structlog.get_logger(__name__)

BATCH: Final = 500
EVERYTHING: Final = ("",)

# Where each kind lies in whatever basket it is in; documents lie below a prefix that is set.
PREFIXES: Final[Mapping[Kind, Sequence[str]]] = {
    Kind.TRACKS: ("tracks/", "public/"),
    Kind.RENDITIONS: ("renditions/",),
    Kind.ANALYSES: ("analysis/",),
    Kind.COVERS: ("covers/",),
    Kind.AVATARS: ("avatars/",),
    Kind.EVENT_MEDIA: ("events/",),
    Kind.MATERIALS: ("materials/",),
}

Named = Callable[[Sequence[str]], Awaitable[Collection[str]]]
"""Those of the keys that something still refers to."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What went, and how many objects stayed although they are over, being named."""

    objects: int = 0
    size_bytes: int = 0
    named: int = 0


async def sweep_expired(
    store: Storage,
    basket: Basket,
    now: datetime,
    *,
    named: Named,
    prefixes: Sequence[str] = EVERYTHING,
    remove: bool = True,
    tell: Callable[[ObjectStat], None] = lambda _: None,
) -> Swept:
    """Delete what is over and not ``named``; with ``remove`` False only ``tell`` of it.

    Every batch is looked at again, asked about and deleted before the next is read: it may be
    cut short at any moment, and run again. An object that was written anew since it was listed
    is young again and stays; so does one that becomes another until the store deletes it.
    """
    pruning = power(store, Pruning)  # type: ignore[type-abstract] # powers are protocols
    objects = size_bytes = kept = 0
    async with aclosing(_over(store, basket, now, prefixes)) as batches:
        async for batch in batches:
            looks = [await _still_over(store, basket, each.key, now) for each in batch]
            still = [each for each in looks if each is not None]
            known = await named([each.key for each in still])
            going = [each for each in still if each.key not in known]
            changed = await pruning.delete_unchanged(going) if remove else ()
            gone = [each for each in going if each.key not in changed]
            for each in gone:
                tell(each)
            objects += len(gone)
            size_bytes += sum(each.size_bytes for each in gone)
            kept += len(still) - len(going)
    swept = Swept(objects, size_bytes, kept)
    if objects and remove:
        log.info("retention_swept", basket=basket.name, count=objects, bytes=size_bytes, named=kept)
    return swept


def prefixes_swept(baskets: Baskets, name: str, document_prefix: str) -> Sequence[str]:
    """Where the retention of a basket holds: in all of it where it lies by itself, else for the
    kinds of things that go into it. What shares a place with others is not its own to judge.
    """
    basket = baskets.by_name[name]
    others = [each for each in baskets.by_name.values() if each.name != name]
    if not any(_overlap(_place(basket), _place(each)) for each in others):
        return EVERYTHING
    known = {**PREFIXES, Kind.DOCUMENTS: (f"{document_prefix.strip('/')}/",)}
    return [each for kind in Kind if baskets.of(kind) is basket for each in known[kind]]


async def _over(
    store: Storage, basket: Basket, now: datetime, prefixes: Sequence[str]
) -> AsyncGenerator[Sequence[ObjectStat]]:
    if basket.retention_days is None:
        return
    batch = []
    for prefix in prefixes:
        async for found in store.list(prefix):
            if basket.is_over(found.modified_at, now):
                batch.append(found)
            if len(batch) == BATCH:
                yield batch
                batch = []
    if batch:
        yield batch


async def _still_over(store: Storage, basket: Basket, key: str, now: datetime) -> ObjectStat | None:
    with suppress(ObjectNotFound):
        found = await store.stat(key)
        return found if basket.is_over(found.modified_at, now) else None
    return None


def _place(basket: Basket) -> Sequence[str]:
    """Where the basket lies, from the outside in."""
    if basket.s3 is None:
        return ["local", *PurePath(basket.root or "/").parts]
    s3 = basket.s3
    return ["s3", s3.endpoint_url or "", s3.bucket or "", *filter(None, s3.prefix.split("/"))]


def _overlap(one: Sequence[str], other: Sequence[str]) -> bool:
    shared = min(len(one), len(other))
    return one[:shared] == other[:shared]
