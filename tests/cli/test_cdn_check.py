"""``autodj cdn check`` against the edge: well when it is, and each fault is its own finding."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from aiobotocore.session import AioSession

from autodj.cdn.check.evidence import Sample, Setup
from autodj.cdn.check.probing import gather
from autodj.cdn.check.verdicts import LOOKS, verdicts
from autodj.cdn.check.wrong import Verdict
from autodj.cdn.signer import CloudFrontSigner
from autodj.cli.environment import EmbeddedS3, laptop_environment
from autodj.laptop.edge.fault import Fault
from autodj.laptop.edge.keygroup import KeyGroup
from autodj.laptop.edge.origin import Bucket
from autodj.laptop.edge.service import Plan, Running, open_edge
from autodj.laptop.keys import LaptopKeys, laptop_keys
from autodj.laptop.ports import free_ports
from autodj.laptop.s3server import S3Server
from autodj.laptop.serving import Certificate
from autodj.storage.keys import public_key, track_key
from bench.storage.encrypted import Papers, papers
from tests.cli.conftest import Here
from tests.laptop.test_s3server import bucket

BODY = bytes(range(256)) * 256
DIGEST = sha256(BODY).hexdigest()
ID = UUID("0b8cf3f1-8a4e-4a57-9d5d-0a6f6d8c2f11")
SAMPLE = Sample(track_key(ID, 0, DIGEST, "wav"), BODY, "audio/wav")
PUBLIC = Sample(public_key(ID, "0" * 32, DIGEST, "wav"), BODY, "audio/wav")

FINDINGS = {
    Fault.REFUSES_SIGNED: "link",
    Fault.WRONG_BYTES: "bytes",
    Fault.ACCEPTS_UNSIGNED: "unsigned",
    Fault.ACCEPTS_TAMPERED: "tampered",
    Fault.EXPIRED_OK: "expired",
    Fault.ACCEPTS_UNKNOWN_KEY: "unknown key",
    Fault.DROPS_COOKIES: "cookies",
    Fault.NO_RANGE: "range",
    Fault.WRONG_RANGE: "range",
    Fault.NO_SUFFIX: "suffix range",
    Fault.NO_416: "past the end",
    Fault.NO_CORS: "CORS",
    Fault.NO_CORS_ON_ERRORS: "CORS",
    Fault.NO_EXPOSE: "exposed",
    Fault.NO_CORP: "CORP",
    Fault.NO_PREFLIGHT: "preflight",
    Fault.NO_ETAG: "ETag",
    Fault.WEAK_ETAG: "ETag",
    Fault.NO_304: "not modified",
    Fault.WRONG_TYPE: "content type",
    Fault.NO_CACHE_CONTROL: "cache control",
    Fault.NEVER_CACHES: "cache",
    Fault.SIGNATURE_IN_KEY: "cache key",
    Fault.MISSING_IS_200: "not there",
    Fault.WRONG_CLOCK: "clock",
    Fault.SLOW: "speed",
    Fault.SERVES_HTTP: "HTTPS",
}
NOT_OF_THE_EDGE = {"public", "direct S3"}


@dataclass(frozen=True)
class Ground:
    """A bucket with the samples, and keys to sign with."""

    server: S3Server
    bucket: Bucket
    keys: LaptopKeys
    group: KeyGroup

    def signer(self, origin: str) -> CloudFrontSigner:
        return CloudFrontSigner(origin, self.keys.cdn_key_pair_id, self.keys.cdn_private_key_pem)

    @property
    def direct_url(self) -> str:
        return self.bucket.url(f"/{SAMPLE.key}")


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    return papers(tmp_path_factory.mktemp("papers"))


@pytest.fixture
def certificate(shown: Papers) -> Certificate:
    return Certificate(shown.certificate, shown.key)


@pytest.fixture
def ca(shown: Papers) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=shown.authority)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ground(
    s3_server: S3Server, s3_data_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Ground:
    name = f"check-{uuid4().hex[:12]}"
    async with bucket(s3_server, name) as store:
        for each in (SAMPLE, PUBLIC):
            await store.put(each.key, BODY, sha256=DIGEST, content_type=each.content_type)
    keys = laptop_keys(s3_data_dir)
    pem = tmp_path_factory.mktemp("keys") / "public.pem"
    pem.write_text(keys.cdn_public_key_pem)
    there = Bucket(
        name,
        s3_server.region,
        s3_server.endpoint_url,
        path_style=True,
        access_key=s3_server.access_key,
        secret_key=s3_server.secret_key,
    )
    return Ground(s3_server, there, keys, KeyGroup({keys.cdn_key_pair_id: pem}))


@asynccontextmanager
async def standing(
    ground: Ground, cache_dir: Path, *faults: Fault, **changes: Any
) -> AsyncGenerator[Running]:
    plan = Plan(ground.bucket, ground.group, cache_dir, faults=frozenset(faults), slow_s=0.05)
    async with open_edge(replace(plan, **changes)) as running:
        yield running


async def checked(
    ground: Ground,
    running: Running,
    *,
    ca: ssl.SSLContext | None = None,
    slow_s: float = 60.0,
) -> list[Verdict]:
    """The verdicts on an edge, as the command gets them."""
    setup = Setup(
        ground.signer(running.url),
        SAMPLE,
        direct_url=ground.direct_url,
        http_origin=running.http_url,
        public=PUBLIC,
    )
    return verdicts(await gather(setup, ca=ca, now=datetime.now(UTC)), slow_s=slow_s)


def wrong(given: list[Verdict]) -> list[str]:
    return [each.name for each in given if not each.ok]


async def test_an_edge_without_a_fault_is_well_in_every_respect(
    ground: Ground, tmp_path: Path, certificate: Certificate, ca: ssl.SSLContext
) -> None:
    async with standing(ground, tmp_path, certificate=certificate, http_port=0) as running:
        given = await checked(ground, running, ca=ca)
    assert wrong(given) == []
    assert [each.name for each in given] == [*(look.name for look in LOOKS), "speed"]


def test_every_fault_and_every_finding_is_in_the_table() -> None:
    assert set(FINDINGS) == set(Fault)
    assert {*FINDINGS.values(), *NOT_OF_THE_EDGE} == {*(look.name for look in LOOKS), "speed"}


@dataclass(frozen=True)
class Switchboard:
    """An edge whose faults can be switched."""

    running: Running
    faults: set[Fault]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def switchboard(
    ground: Ground, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Switchboard]:
    faults: set[Fault] = set()
    cache_dir = tmp_path_factory.mktemp("cache")
    async with standing(ground, cache_dir, faults=faults) as running:
        yield Switchboard(running, faults)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("fault", [each for each in Fault if each is not Fault.SERVES_HTTP])
async def test_each_fault_is_exactly_its_finding(
    ground: Ground, switchboard: Switchboard, fault: Fault
) -> None:
    switchboard.faults.add(fault)
    try:
        slow_s = 0.05 if fault is Fault.SLOW else 60.0
        given = await checked(ground, switchboard.running, slow_s=slow_s)
    finally:
        switchboard.faults.clear()
    assert wrong(given) == [FINDINGS[fault]]
    [found] = [each for each in given if not each.ok]
    assert found.detail
    assert found.hint.endswith(".")


async def test_plain_http_that_is_not_sent_to_https_is_found(
    ground: Ground, tmp_path: Path, certificate: Certificate, ca: ssl.SSLContext
) -> None:
    async with standing(
        ground, tmp_path, Fault.SERVES_HTTP, certificate=certificate, http_port=0
    ) as running:
        given = await checked(ground, running, ca=ca)
    assert wrong(given) == ["HTTPS"]


async def test_a_public_path_that_wants_a_signature_is_found(
    ground: Ground, tmp_path: Path
) -> None:
    async with standing(ground, tmp_path, unsigned=("elsewhere/*",)) as running:
        assert wrong(await checked(ground, running)) == ["public"]


async def test_an_open_bucket_is_found(ground: Ground, tmp_path: Path) -> None:
    server = ground.server
    client = AioSession().create_client(
        "s3",
        region_name=server.region,
        endpoint_url=server.endpoint_url,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
    )
    everybody = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{ground.bucket.name}/*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [everybody]})
    async with client as s3, standing(ground, tmp_path) as running:
        await s3.put_bucket_policy(Bucket=ground.bucket.name, Policy=policy)
        try:
            given = await checked(ground, running)
        finally:
            await s3.delete_bucket_policy(Bucket=ground.bucket.name)
    assert wrong(given) == ["direct S3"]


async def test_a_key_group_without_our_key_is_told_as_such(ground: Ground, tmp_path: Path) -> None:
    stranger = laptop_keys(tmp_path / "other")
    pem = tmp_path / "other.pem"
    pem.write_text(stranger.cdn_public_key_pem)
    group = KeyGroup({stranger.cdn_key_pair_id: pem})
    async with standing(ground, tmp_path / "cache", keys=group) as running:
        [found] = [each for each in await checked(ground, running) if not each.ok]
    assert found.name == "link"
    assert "InvalidKey" in found.detail
    assert "key group" in found.hint


async def test_an_origin_without_the_object_is_told_as_such(ground: Ground, tmp_path: Path) -> None:
    there = replace(ground.bucket, origin_path="/deeper")
    async with standing(ground, tmp_path, bucket=there) as running:
        [link, public] = [each for each in await checked(ground, running) if not each.ok]
    assert (link.name, public.name) == ("link", "public")
    assert "S3_PREFIX" in link.hint


async def test_without_a_key_group_only_playback_is_judged(ground: Ground, tmp_path: Path) -> None:
    async with standing(ground, tmp_path, keys=None) as running:
        setup = Setup(CloudFrontSigner(running.url), SAMPLE)
        given = verdicts(await gather(setup, now=datetime.now(UTC)))
    assert wrong(given) == []
    names = {each.name for each in given}
    assert not names & {"unsigned", "tampered", "expired", "unknown key", "cookies", "cache key"}
    assert {"link", "range", "CORS", "cache"} <= names


def test_the_command_looks_at_the_distribution_of_the_settings(
    here: Here,
    ground: Ground,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    [port] = free_ports(1)
    told = laptop_environment(
        {},
        ground.keys,
        data_dir=tmp_path,
        public_url="http://127.0.0.1:8000",
        broker_url=f"redis://127.0.0.1:{port}/0",
        s3=EmbeddedS3(
            ground.server.endpoint_url,
            ground.server.region,
            f"http://localhost:{port}",
            "http://127.0.0.1:9",
        ),
    )
    told |= {"S3_BUCKET_NAME": ground.bucket.name, "CLOUDFRONT_PUBLIC_LINKS": "true"}
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    gone = here("cdn", "check")
    assert (gone.code, "CLOUDFRONT_DOMAIN" in gone.err) == (1, True)

    async def with_an_edge(*faults: Fault, arguments: tuple[str, ...]) -> tuple[int, str]:
        async with standing(ground, tmp_path / "cache", *faults, port=port):
            ended = await asyncio.to_thread(here, "cdn", "check", *arguments)
        return ended.code, ended.out

    code, said = asyncio.run(with_an_edge(arguments=()))
    assert code == 0, said
    assert "All is well." in said
    code, said = asyncio.run(with_an_edge(Fault.NO_CORP, arguments=("--json", "--key", SAMPLE.key)))
    assert code == 1
    found = {each["name"]: each for each in json.loads(said)}
    assert [name for name, each in found.items() if not each["ok"]] == ["CORP"]
    assert "response headers policy" in found["CORP"]["hint"]
    assert "public" not in found

    async def left() -> list[str]:
        async with bucket(ground.server, ground.bucket.name) as store:
            return [each.key async for each in store.list()]

    assert sorted(asyncio.run(left())) == sorted([SAMPLE.key, PUBLIC.key])


def test_without_a_distribution_there_is_nothing_to_check(
    here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTODJ_SECRET", "s" * 16 + "0123456789abcdef" * 2)
    told = here("cdn", "check", "--data", tmp_path)
    assert told.code == 1
    assert "No CDN is set up" in told.err
    assert "CLOUDFRONT_DOMAIN" in told.err
