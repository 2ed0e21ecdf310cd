"""Empty, migrated databases of either kind, one for each run."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from autodj.db.schema import upgrade

Fresh = Callable[[Path], str]
"""Makes a database for the run in that directory; its URL."""


def sqlite_databases(root: Path) -> Fresh:
    """Copies of one file that is migrated now."""
    migrated = root / "migrated.db"
    asyncio.run(upgrade(_sqlite(migrated)))

    def fresh(directory: Path) -> str:
        file = directory / "autodj.db"
        shutil.copy(migrated, file)
        return _sqlite(file)

    return fresh


@contextmanager
def postgres_databases() -> Iterator[Fresh]:
    """Copies of one database on a server that lives as long as the block."""
    from tests.servers import create_database, postgres_server  # noqa: PLC0415 - a test's server

    with postgres_server() as server:
        migrated = asyncio.run(create_database(server))
        asyncio.run(upgrade(migrated))
        template = migrated.rpartition("/")[2]
        yield lambda _: asyncio.run(create_database(server, template))


def _sqlite(file: Path) -> str:
    return f"sqlite+aiosqlite:///{file}"
