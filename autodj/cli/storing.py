"""Files into baskets, and out of them when their time is over."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from rich.text import Text

from autodj.audio.sandbox import open_sandbox
from autodj.cli.console import console, sentence_of
from autodj.cli.words import plural, printable, size
from autodj.db import open_database
from autodj.db.schema import require_current, require_database
from autodj.errors import AutodjError, CommandError
from autodj.logs import set_up
from autodj.settings import Settings
from autodj.storage.base import ObjectStat
from autodj.storage.baskets import open_basket, open_stores
from autodj.storage.keys import check_key
from autodj.storage.kinds import slug
from autodj.storage.photos import save_file
from autodj.storage.retention import Swept
from autodj.tracks.belonging import claim, installation_of
from autodj.tracks.retention import sweep_basket, with_retention


@dataclass(frozen=True, slots=True)
class Going:
    """An object whose time is over."""

    key: str
    size_bytes: int
    modified_at: datetime


@dataclass(slots=True)
class BasketSwept:
    """What became of one basket; ``named`` objects stayed because a row names them."""

    basket: str
    retention_days: int
    objects: list[Going] = field(default_factory=list)
    named: int = 0
    fault: str | None = None

    def add(self, found: ObjectStat) -> None:
        self.objects.append(Going(found.key, found.size_bytes, found.modified_at))


async def put_file(settings: Settings, file: Path, name: str, key: str | None) -> ObjectStat:
    """Store the file in the basket of that name; CommandError when one of them is not there."""
    set_up(level="error", fmt="text")
    if not await asyncio.to_thread(file.is_file):
        hint = "Check the name; folders are not stored."
        raise CommandError(f"There is no file {file}", hint=hint)
    basket = settings.baskets.by_name.get(name)
    if basket is None:
        known = ", ".join(settings.baskets.by_name)
        raise CommandError(f"There is no basket {name}", hint=f"There are: {known}.")
    key = check_key(key or f"{slug(file.stem)}{file.suffix.lower()}")
    async with AsyncExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="autodj-")))
        store = await stack.enter_async_context(open_basket(basket))
        sandbox = await stack.enter_async_context(open_sandbox())
        return await save_file(
            store,
            basket,
            sandbox,
            file,
            key,
            scratch=scratch,
            max_photo_bytes=settings.limits.max_file_bytes,
        )


async def sweep_baskets(settings: Settings, *, remove: bool) -> Sequence[BasketSwept]:
    """Each basket with a retention in turn; what cannot be swept is told, and the next one is."""
    set_up(level="error", fmt="text")
    require_database(settings.database_url)
    async with open_database(settings.database_url) as db, open_stores(settings.baskets) as stores:
        await require_current(db)
        now = await db.now()
        told = []
        for name in with_retention(stores):
            kept_days = stores.baskets.by_name[name].retention_days
            this = BasketSwept(name, kept_days or 0)
            told.append(this)
            try:
                if remove:
                    await claim(stores.by_name[name], await installation_of(db))
                swept: Swept = await sweep_basket(
                    db,
                    stores,
                    name,
                    document_prefix=settings.limits.document_prefix,
                    now=now,
                    remove=remove,
                    tell=this.add,
                )
            except AutodjError as error:
                this.fault = sentence_of(error)
            else:
                this.named = swept.named
    return told


def print_swept(told: Sequence[BasketSwept], *, dry_run: bool) -> None:
    out = console()
    for each in told:
        for found in each.objects:
            line = Text.assemble((f"{found.modified_at:%Y-%m-%d}  ", "dim"), printable(found.key))
            line.append(f"  {size(found.size_bytes)}", "dim")
            out.print(line, soft_wrap=True)
        out.print(_summary(each, dry_run=dry_run), soft_wrap=True)
    if not told:
        out.print("No basket has retention_days: everything is kept.")


def _summary(each: BasketSwept, *, dry_run: bool) -> Text:
    if each.fault is not None:
        return Text(printable(f"{each.basket}: {each.fault}"), "bold red")
    freed = size(sum(found.size_bytes for found in each.objects))
    verb = "would go" if dry_run else "went"
    line = f"{each.basket}: {plural(len(each.objects), 'object')} {verb} ({freed}), "
    line += f"older than {plural(each.retention_days, 'day')}"
    if each.named:
        line += f"; {each.named} as old {'stay' if dry_run else 'stayed'}, being named by rows"
    return Text(line)
