from __future__ import annotations

import errno
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from autodj.cdn.policy import PublicKey
from autodj.cdn.signer import CloudFrontSigner
from autodj.cli import checkup
from autodj.cli.checkup import examine
from autodj.cli.environment import EmbeddedS3, laptop_environment
from autodj.cli.findings import Finding
from autodj.laptop.edge.keygroup import KeyGroup
from autodj.laptop.edge.origin import Bucket
from autodj.laptop.edge.service import Plan, open_edge
from autodj.laptop.keys import laptop_keys
from autodj.laptop.ports import free_ports
from autodj.laptop.s3server import S3Server
from autodj.runtime import s3_config
from autodj.settings import Settings, load
from autodj.settings.catalogue import SETTINGS
from autodj.storage.s3 import open_s3
from tests.cli.conftest import Here
from tests.cli.starting import Up

ROOT = Path(__file__).parents[2]


def test_a_running_server_is_well(here: Here, up: Up) -> None:
    told = here("doctor", "--data", up.data_dir, "--json")
    assert told.code == 0, told.out
    found = {each["name"]: each for each in json.loads(told.out)}
    assert [*found] == [
        "settings", "database", "broker", "worker", "local store", "clock", "decoder",
    ]  # fmt: skip
    assert found["settings"]["detail"] == up.url
    assert "pcm_s16le" in found["decoder"]["detail"]
    assert "All is well." in here("doctor", "--data", up.data_dir).out


def test_each_fault_is_told_with_what_to_do(
    here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTODJ_SECRET", here("secret").out.strip())
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{free_ports(1)[0]}/0")
    told = here("doctor", "--data", tmp_path)
    assert told.code == 1
    assert "✗ database      There is no database" in told.out
    assert "✗ broker        The broker of the workers does not answer" in told.out
    assert "`autodj up` starts a broker and a worker" in told.out
    assert "✓ local store" in told.out
    assert "Faults: 3" in told.out
    assert told.err == ""


def test_a_part_that_fails_in_an_odd_way_hides_no_other(
    here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTODJ_SECRET", here("secret").out.strip())
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{free_ports(1)[0]}/0")
    monkeypatch.setenv("MEDIA_ROOT", "/dev/null/media")

    async def full(_settings: Settings) -> str:
        raise OSError(errno.ENOSPC, "No space left", "/tmp/second.wav")

    async def odd(_settings: Settings) -> str:
        raise LookupError("what nobody thought of")

    monkeypatch.setattr(checkup, "_decoder", full)
    monkeypatch.setattr(checkup, "_worker", odd)
    told = here("doctor", "--data", tmp_path)
    assert told.code == 1
    assert told.err == ""
    assert "✗ decoder       /tmp/second.wav: there is no room left on the disk" in told.out
    assert "✗ worker        LookupError: what nobody thought of" in told.out
    assert "✗ local store   There is no file for the incoming directory." in told.out
    assert "Check MEDIA_ROOT" in told.out
    assert "✓ clock" in told.out
    assert "Faults: 5" in told.out


def test_every_fault_of_the_settings_is_listed_at_once(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("S3_BUCKET_NAME", "your-s3-bucket-name")
    monkeypatch.setenv("LINK_TTL_S", "soon")
    told = here("doctor")
    assert told.code == 1
    for name in ("AUTODJ_SECRET", "S3_BUCKET_NAME", "LINK_TTL_S"):
        assert name in told.out
    ended = here("token")
    assert ended.code == 1
    assert ended.err.count("error: ") == 3


@pytest.fixture
def embedded(
    tmp_path: Path, s3_server: S3Server, s3_data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    """What the environment says: the embedded S3 server, and an edge that is not there yet."""
    s3 = EmbeddedS3(
        s3_server.endpoint_url,
        s3_server.region,
        f"http://localhost:{free_ports(1)[0]}",
        "http://127.0.0.1:9",
    )
    told = laptop_environment(
        {},
        laptop_keys(s3_data_dir),
        data_dir=tmp_path,
        public_url="http://127.0.0.1:8000",
        broker_url=f"redis://127.0.0.1:{free_ports(1)[0]}/0",
        s3=s3,
    ) | {"S3_BUCKET_NAME": f"doctor-{uuid4().hex[:12]}"}
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    return load(told)


@asynccontextmanager
async def edge(settings: Settings, public_keys: Mapping[str, PublicKey]) -> AsyncGenerator[None]:
    """The edge at the address of the settings, for the keys that it is given."""
    assert settings.cdn.origin is not None
    assert settings.s3.bucket is not None
    bucket = Bucket(
        settings.s3.bucket,
        settings.s3.region,
        settings.s3.endpoint_url,
        path_style=True,
        access_key=settings.s3.access_key,
        secret_key=settings.s3.secret_key,
    )
    plan = Plan(
        bucket,
        KeyGroup(given=public_keys),
        settings.data_dir / "edge",
        port=int(settings.cdn.origin.rpartition(":")[2]),
    )
    async with open_edge(plan):
        yield


async def findings(data_dir: Path) -> dict[str, Finding]:
    return {each.name: each for each in await examine(data_dir)}


async def test_the_s3_store_and_the_cdn_are_tried_with_an_object(
    embedded: Settings, tmp_path: Path
) -> None:
    cdn = embedded.cdn
    assert cdn.origin is not None
    signer = CloudFrontSigner(cdn.origin, cdn.key_pair_id, cdn.private_key)
    other = CloudFrontSigner(cdn.origin, cdn.key_pair_id, laptop_keys(tmp_path).cdn_private_key_pem)
    async with open_s3(s3_config(embedded)) as store:
        await store.ensure_bucket()
        async with edge(embedded, signer.public_keys()):
            well = await findings(tmp_path)
        async with edge(embedded, other.public_keys()):
            refused = await findings(tmp_path)
        away = await findings(tmp_path)
        left = [each.key async for each in store.list()]
    assert well["S3 store"].ok, well["S3 store"]
    assert well["CDN"].detail == f"{cdn.origin} delivers what is in the bucket, by signed link"
    assert well["clock"].ok
    assert not refused["CDN"].ok
    assert "answers 403 to a link of ours" in refused["CDN"].detail
    assert "CLOUDFRONT_KEY_PAIR_ID" in refused["CDN"].hint
    assert "does not answer" in away["CDN"].detail
    assert left == []


async def test_wrong_credentials_are_told_as_such(
    embedded: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-the-secret-of-this-server")
    found = await findings(tmp_path)
    assert not found["S3 store"].ok
    assert "credentials" in found["S3 store"].detail
    assert str(embedded.s3.secret_key) not in str(found)


def test_settings_are_listed_without_their_secrets(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_secret = here("secret").out.strip()
    monkeypatch.setenv("AUTODJ_SECRET", own_secret)
    monkeypatch.setenv("AWS_STORAGE_BUCKET_NAME", "my-own-music")
    monkeypatch.setenv("DATABASE_URL", "postgresql://ada:h0rse:p@ss@db/autodj?password=st4ple")
    monkeypatch.setenv("REDIS_URL", "redis://:b4ttery@broker:6379/0")
    told = here("settings").out
    assert "postgresql://ada:…@db/autodj" in told
    assert "redis://:…@broker:6379/0" in told
    for password in ("h0rse", "p@ss", "st4ple", "b4ttery"):
        assert password not in told
    assert "my-own-music" in told
    assert "set, not shown" in told
    assert own_secret not in told
    for setting in SETTINGS:
        assert setting.name in told


def test_the_example_and_the_tables_are_those_of_the_repository(here: Here) -> None:
    assert here("settings", "--env-example").out == (ROOT / "env.example").read_text()
    tables = here("settings", "--markdown").out.strip()
    assert tables in (ROOT / "docs" / "configuration.md").read_text()
