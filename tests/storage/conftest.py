"""The stores under test: a directory, moto, and a real S3 server started once per session."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from autodj.laptop.s3server import REGION, S3Server
from autodj.storage.base import Storage
from autodj.storage.local import LocalStorage
from autodj.storage.s3 import S3Config, S3Storage, open_s3

BUCKET = "autodj-tests"


@pytest.fixture(scope="session")
def moto_endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def s3_config(endpoint_url: str, access_key: str, secret_key: str) -> S3Config:
    """A config whose prefix nobody else uses."""
    return S3Config(
        bucket=BUCKET,
        region=REGION,
        endpoint_url=endpoint_url,
        prefix=f"p{uuid.uuid4().hex}",
        access_key=access_key,
        secret_key=secret_key,
        path_style=True,
    )


@pytest.fixture
def moto_config(moto_endpoint: str) -> S3Config:
    return s3_config(moto_endpoint, "any", "any")


@pytest.fixture
def real_config(s3_server: S3Server) -> S3Config:
    return s3_config(s3_server.endpoint_url, s3_server.access_key, s3_server.secret_key)


@pytest.fixture
def local(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "objects")


@pytest.fixture
async def moto(moto_config: S3Config) -> AsyncIterator[S3Storage]:
    async with open_s3(moto_config) as store:
        await store.ensure_bucket()
        yield store


@pytest.fixture
async def real_s3(real_config: S3Config) -> AsyncIterator[S3Storage]:
    async with open_s3(real_config) as store:
        await store.ensure_bucket()
        yield store


@pytest.fixture(params=["local", "moto", "real_s3"])
def store(request: pytest.FixtureRequest) -> Storage:
    found: Storage = request.getfixturevalue(request.param)
    return found
