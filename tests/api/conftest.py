"""Applications started once for all tests: on SQLite, on Postgres, and with a CDN."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.api.stage import Person, Stage, settings_for, staged
from tests.servers import PostgresServer, create_database, drop_database

CDN_KEY = ec.generate_private_key(ec.SECP256R1())


@pytest.fixture(scope="session")
def sqlite_stage(
    migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("stage")
    shutil.copy(migrated_sqlite, folder / "autodj.db")
    with staged(settings_for(folder, f"sqlite:///{folder}/autodj.db")) as stage:
        yield stage


@pytest.fixture(scope="session")
def postgres_stage(
    postgres: PostgresServer, migrated_postgres: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    url = asyncio.run(create_database(postgres, migrated_postgres))
    plain = url.replace("postgresql+asyncpg", "postgresql")
    with staged(settings_for(tmp_path_factory.mktemp("stage"), plain)) as stage:
        yield stage
    asyncio.run(drop_database(postgres, url))


@pytest.fixture(scope="session")
def cdn_stage(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Tracks on S3 are played from a CDN whose links are signed with ``CDN_KEY``."""
    folder = tmp_path_factory.mktemp("stage")
    shutil.copy(migrated_sqlite, folder / "autodj.db")
    key = CDN_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    settings = settings_for(
        folder,
        f"sqlite:///{folder}/autodj.db",
        CLOUDFRONT_DOMAIN="d111111abcdef8.cloudfront.net",
        CLOUDFRONT_KEY_PAIR_ID="K2JCJMDEHXQW5F",
        CLOUDFRONT_PRIVATE_KEY=key,
        CLOUDFRONT_PUBLIC_LINKS="true",
    )
    with staged(settings) as stage:
        yield stage


@pytest.fixture
def stage(sqlite_stage: Stage) -> Stage:
    """The application as most tests use it. People are new in each test, and nobody is in."""
    sqlite_stage.client.cookies.clear()
    return sqlite_stage


@pytest.fixture(params=["sqlite", "postgres"])
def either_stage(request: pytest.FixtureRequest) -> Stage:
    """The application on each database, where the database decides."""
    found: Stage = request.getfixturevalue(f"{request.param}_stage")
    found.client.cookies.clear()
    return found


@pytest.fixture
def owner(stage: Stage) -> Person:
    return stage.person()
