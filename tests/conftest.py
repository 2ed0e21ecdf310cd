"""What every test may ask for: a database of either kind, migrated and empty."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from autodj.db import Database, open_database
from autodj.db.schema import upgrade


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database file, to be copied: migrating for each test would cost minutes."""
    file = tmp_path_factory.mktemp("sqlite") / "autodj.db"
    asyncio.run(upgrade(f"sqlite+aiosqlite:///{file}"))
    return file


@pytest.fixture(params=["sqlite"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without any table."""
    return f"sqlite+aiosqlite:///{tmp_path / 'empty.db'}"


@pytest.fixture(params=["sqlite"])
def migrated_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    file = tmp_path / "autodj.db"
    shutil.copy(request.getfixturevalue("migrated_sqlite"), file)
    return f"sqlite+aiosqlite:///{file}"


@pytest.fixture
async def db(migrated_url: str) -> AsyncGenerator[Database]:
    """An open database, migrated and empty."""
    async with open_database(migrated_url) as database:
        yield database
