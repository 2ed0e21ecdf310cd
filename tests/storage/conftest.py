"""The stores under test: a directory, moto, and a real S3 server started once per session."""

from __future__ import annotations

import dataclasses
import ssl
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import botocore.loaders
import botocore.session
import pytest
from moto.server import ThreadedMotoServer

from autodj.laptop.s3server import REGION, S3Server
from autodj.storage.base import Storage
from autodj.storage.local import LocalStorage
from autodj.storage.s3 import S3Config, S3Storage, open_s3
from bench.faults.passing import BEFORE, QUICK, spoil
from bench.faults.proxy import FaultProxy, open_proxy
from bench.storage.encrypted import Papers, papers, serving
from tests.storage.clock import Clock
from tests.storage.ways import Way

BUCKET = "autodj-tests"
SPOILT_EVERY = 5


@pytest.fixture(scope="session", autouse=True)
def _one_loader() -> Iterator[None]:
    """The client's description of S3 is read once, not for each of hundreds of stores."""
    loader = botocore.loaders.create_loader()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", lambda *_: loader)
        yield


@pytest.fixture(scope="session")
def moto_endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    """The papers of a server on this machine, and of the authority that gave them."""
    return papers(tmp_path_factory.mktemp("papers"))


@pytest.fixture
def trusted(shown: Papers, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """For a server that stores opened in the test trust."""
    monkeypatch.setenv("AWS_CA_BUNDLE", str(shown.authority))
    return serving(shown)


@pytest.fixture(params=["plain", "encrypted"])
def way(request: pytest.FixtureRequest, shown: Papers) -> Way:
    return Way(shown if request.param == "encrypted" else None)


@pytest.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


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


@asynccontextmanager
async def versioned_s3(config: S3Config) -> AsyncIterator[S3Storage]:
    config = dataclasses.replace(config, bucket=f"{BUCKET}-versions")
    async with open_s3(config) as store:
        await store.ensure_bucket()
        await store._client.put_bucket_versioning(
            Bucket=config.bucket, VersioningConfiguration={"Status": "Enabled"}
        )
        yield store


@pytest.fixture
def versioned_local(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "documents", versioned=True)


@pytest.fixture
async def versioned_moto(moto_config: S3Config) -> AsyncIterator[S3Storage]:
    async with versioned_s3(moto_config) as store:
        yield store


@pytest.fixture
async def versioned_real_s3(real_config: S3Config) -> AsyncIterator[S3Storage]:
    async with versioned_s3(real_config) as store:
        yield store


@pytest.fixture
async def versioned_proxied_s3(
    real_config: S3Config, trusted: ssl.SSLContext
) -> AsyncIterator[S3Storage]:
    """What was done and is asked for again would be a version more: faults come before."""
    async with (
        _behind_proxy(real_config, trusted) as (proxy, config),
        versioned_s3(config) as store,
    ):
        spoil(proxy, every=SPOILT_EVERY, kinds=BEFORE)
        yield store


@pytest.fixture(
    params=["versioned_local", "versioned_moto", "versioned_real_s3", "versioned_proxied_s3"]
)
def versioned(request: pytest.FixtureRequest) -> LocalStorage | S3Storage:
    found: LocalStorage | S3Storage = request.getfixturevalue(request.param)
    return found


@pytest.fixture
async def proxied_s3(real_config: S3Config, trusted: ssl.SSLContext) -> AsyncIterator[S3Storage]:
    """The real server behind a proxy that spoils one request in five, each time in another way
    that passes, and is reached over TLS: every promise holds there too.
    """
    async with _behind_proxy(real_config, trusted) as (proxy, config), open_s3(config) as store:
        await store.ensure_bucket()
        spoil(proxy, every=SPOILT_EVERY)
        yield store


@asynccontextmanager
async def _behind_proxy(
    config: S3Config, tls: ssl.SSLContext
) -> AsyncIterator[tuple[FaultProxy, S3Config]]:
    assert config.endpoint_url
    async with open_proxy(config.endpoint_url, tls) as (proxy, endpoint_url):
        yield proxy, dataclasses.replace(config, endpoint_url=endpoint_url, timing=QUICK)
        assert proxy.spoilt or proxy.count < 2


@pytest.fixture(params=["local", "moto", "real_s3", "proxied_s3"])
def store(request: pytest.FixtureRequest) -> Storage:
    found: Storage = request.getfixturevalue(request.param)
    return found
