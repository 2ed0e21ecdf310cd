"""Many objects at once, a few at a time; every fault is told, not only the first."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from autodj.errors import AutodjError, BatchIncomplete
from autodj.storage.base import Described, ObjectStat, Storage
from autodj.storage.disk import disk_errors
from autodj.storage.download import DEFAULT_RANGES, Ranges, download

AT_ONCE: Final = 8

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Upload:
    """One object to put."""

    key: str
    source: Path | bytes
    sha256: str
    content_type: str
    described: Described | None = None


@dataclass(frozen=True, slots=True)
class Download:
    """One object to fetch, and its hash (hex) and size where they are known from elsewhere."""

    key: str
    target: Path
    sha256: str | None = None
    size_bytes: int | None = None


async def put_many(
    store: Storage, uploads: Iterable[Upload], *, at_once: int = AT_ONCE
) -> Mapping[str, ObjectStat]:
    """Put each of them, by key. BatchIncomplete names those that failed; the others are stored."""

    async def put(one: Upload) -> ObjectStat:
        return await store.put(
            one.key,
            one.source,
            sha256=one.sha256,
            content_type=one.content_type,
            described=one.described,
        )

    return await _each([*uploads], put, lambda one: one.key, at_once)


async def download_many(
    store: Storage,
    downloads: Iterable[Download],
    *,
    at_once: int = AT_ONCE,
    ranges: Ranges = DEFAULT_RANGES,
) -> Mapping[str, int]:
    """Fetch each of them into its file: their sizes by key. BatchIncomplete names those that
    failed, of which there is no file.
    """

    async def fetch(one: Download) -> int:
        return await download(
            store,
            one.key,
            one.target,
            sha256=one.sha256,
            size_bytes=one.size_bytes,
            ranges=ranges,
        )

    return await _each([*downloads], fetch, lambda one: one.key, at_once)


async def _each(
    items: Sequence[Item],
    do: Callable[[Item], Awaitable[Result]],
    key_of: Callable[[Item], str],
    at_once: int,
) -> Mapping[str, Result]:
    done: dict[str, Result] = {}
    failed: dict[str, AutodjError] = {}
    waiting = iter(items)

    async def work() -> None:
        for item in waiting:  # shared: each item goes to whoever is free
            try:
                with disk_errors(f"what goes to {key_of(item)}"):
                    done[key_of(item)] = await do(item)
            except AutodjError as error:
                failed[key_of(item)] = error

    async with asyncio.TaskGroup() as group:
        for _ in range(min(at_once, len(items))):
            group.create_task(work())
    if failed:
        raise BatchIncomplete(failed)
    return done
