"""The parts that the killed processes work with, here in one process that nobody kills."""

from __future__ import annotations

import shutil
import time
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from autodj.db import User
from bench.crash.arena import Arena, Parts, open_parts


@pytest.fixture
def arena(migrated_sqlite: Path, tmp_path: Path) -> Arena:
    (tmp_path / "media" / ".incoming").mkdir(parents=True)
    database = shutil.copy(migrated_sqlite, tmp_path / "autodj.db")
    return Arena(tmp_path, f"sqlite+aiosqlite:///{database}", uuid4(), time.time())


@pytest.fixture
async def parts(arena: Arena) -> AsyncGenerator[Parts]:
    async with open_parts(arena, lambda _: None, None) as opened:
        async with opened.db.transaction() as session:
            session.add(User(id=arena.owner_id, name="crash", created_at=datetime.now(UTC)))
        yield opened
