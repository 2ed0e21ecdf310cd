"""What every test may ask for: the real servers, and a database of either kind."""

from __future__ import annotations

import asyncio
import gc
import shutil
from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import structlog
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling, Scheduling

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

# One process runs all of these: two houses, a browser and their music stand for each that does.
TOGETHER = "tests/web/"
# A file of tests is never shared between processes, so one that begins late is waited for alone.
LONGEST = (
    TOGETHER,
    "tests/crash/",
    "tests/audio/",
    "tests/workers/",
    "tests/cli/",
    "tests/storage/",
    "tests/tracks/",
)

# A busy machine is not a slow function, and a push is no lottery: the same examples each time.
# `make properties` draws many others.
SUITE = hypothesis.settings(
    max_examples=50,
    deadline=None,
    derandomize=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.register_profile("suite", SUITE)
hypothesis.settings.register_profile(
    "many", SUITE, max_examples=1000, derandomize=False, print_blob=True
)
hypothesis.settings.load_profile("suite")


class ByFile(LoadFileScheduling):  # type: ignore[misc]  # xdist tells no types
    """``--dist loadfile``, but for what belongs together."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return TOGETHER if file.startswith(TOGETHER) else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling | None:
    return ByFile(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What all the tests import stays to the end: no collection of garbage goes through it."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first."""
    items.sort(
        key=lambda item: next(
            (place for place, name in enumerate(LONGEST) if item.nodeid.startswith(name)),
            len(LONGEST),
        )
    )


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
    # What structlog sets by itself shows all variables of a traceback, for a quarter of a second.
    plain = structlog.dev.ConsoleRenderer(
        colors=False, exception_formatter=structlog.dev.plain_traceback
    )
    configure(processors=[*structlog.get_config()["processors"][:-1], plain])

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
