"""What every test may ask for: the real servers, and a database of either kind."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import Any

import pytest
import structlog

from autodj.db import Database, open_database
from autodj.db.schema import upgrade
from tests.servers import (
    PostgresServer,
    broker,
    chromium,
    create_database,
    drop_database,
    postgres,
    s3_data_dir,
    s3_server,
)

__all__ = ["broker", "chromium", "postgres", "s3_data_dir", "s3_server"]

ENGINES = ("sqlite", "postgres")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What tests counted (``record_property("counts", ...)``) is told at the end."""
    told = [
        f"{Path(report.fspath).stem}: {value}"
        for reports in terminalreporter.stats.values()
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "call"
        for name, value in report.user_properties
        if name == "counts"
    ]
    if told:
        terminalreporter.section("counts")
        terminalreporter.write("".join(f"{line}\n" for line in sorted(told)))


@pytest.fixture(autouse=True, scope="session")
def loggers_are_asked_for_anew() -> Generator[None]:
    """One that is kept on first use would keep a command's level for the tests after it."""
    configure = structlog.configure

    def forgetful(**words: Any) -> None:
        configure(**words | {"cache_logger_on_first_use": False})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(structlog, "configure", forgetful)
        yield


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database file, to be copied: migrating for each test would cost minutes."""
    file = tmp_path_factory.mktemp("sqlite") / "autodj.db"
    asyncio.run(upgrade(f"sqlite+aiosqlite:///{file}"))
    return file


@pytest.fixture(scope="session")
def migrated_postgres(postgres: PostgresServer) -> str:
    """The name of a migrated database, to be used as a template."""

    async def migrated() -> str:
        url = await create_database(postgres)
        await upgrade(url)
        return url.rpartition("/")[2]

    return asyncio.run(migrated())


@pytest.fixture(params=ENGINES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[str]:
    """A database without any table."""
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path / 'empty.db'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = asyncio.run(create_database(server))
    yield url
    asyncio.run(drop_database(server, url))


@pytest.fixture(params=ENGINES)
def migrated_url(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[str]:
    """A database of its own, migrated and empty."""
    if request.param == "sqlite":
        file = tmp_path / "autodj.db"
        shutil.copy(request.getfixturevalue("migrated_sqlite"), file)
        yield f"sqlite+aiosqlite:///{file}"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    template: str = request.getfixturevalue("migrated_postgres")
    url = asyncio.run(create_database(server, template))
    yield url
    asyncio.run(drop_database(server, url))


@pytest.fixture
async def db(migrated_url: str) -> AsyncGenerator[Database]:
    """An open database, migrated and empty."""
    async with open_database(migrated_url) as database:
        yield database
