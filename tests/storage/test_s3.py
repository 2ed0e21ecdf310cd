"""Promises of S3 alone, each on a backend that could break it: the real server, mostly."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import aiohttp
import pytest

from autodj.errors import (
    AutodjError,
    BucketMissing,
    IntegrityFault,
    InvalidRequest,
    ObjectNotFound,
    StoreCredentials,
)
from autodj.settings.encryption import Encryption
from autodj.storage.s3 import S3Config, S3Storage, open_s3
from tests.storage.builders import KEY, keys, put, read
from tests.storage.faults import FaultServer, relaying, served

BODY = b"0123456789" * 5000


async def raw_head(store: S3Storage, key: str) -> dict[str, Any]:
    named = store._bucket.named(key)
    return dict(await store._client.head_object(**named))


async def test_an_object_is_stored_with_the_headers_a_cdn_needs(real_s3: S3Storage) -> None:
    stored = await put(real_s3, KEY, BODY)
    found = await raw_head(real_s3, KEY)

    assert stored.content_type == found["ContentType"] == "audio/mpeg"
    assert found["CacheControl"] == "public, max-age=31536000, immutable"
    assert "ContentDisposition" not in found
    assert stored.sha256 is not None


async def test_the_prefix_is_in_the_bucket_and_nowhere_else(
    real_s3: S3Storage, real_config: S3Config
) -> None:
    await put(real_s3, KEY, BODY)

    async with open_s3(dataclasses.replace(real_config, prefix="")) as whole_bucket:
        assert f"{real_config.prefix}/{KEY}" in await keys(whole_bucket, real_config.prefix)
    assert await keys(real_s3) == [KEY]


@pytest.mark.parametrize("prefix", ["", "a", "a/", "/a/", "a/b"])
def test_a_prefix_ends_with_one_slash_or_is_nothing(prefix: str) -> None:
    config = S3Config("bucket", "us-east-1", prefix=prefix)

    assert config.object_name("k") == "/".join([*prefix.strip("/").split("/"), "k"]).lstrip("/")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"access_key": "AKUNKNOWN"}, StoreCredentials),
        ({"secret_key": "wrong"}, StoreCredentials),
        ({"bucket": "no-such-bucket-here"}, BucketMissing),
    ],
)
@pytest.mark.can_fail_on("real_s3")
async def test_wrong_credentials_or_bucket_open_nothing(
    real_s3: S3Storage,
    real_config: S3Config,
    change: dict[str, Any],
    expected: type[AutodjError],
) -> None:
    await put(real_s3, KEY, BODY)

    async with open_s3(dataclasses.replace(real_config, **change)) as stranger:
        for asking in (
            stranger.stat(KEY),
            read(stranger, KEY),
            put(stranger, KEY + ".x", BODY),
            stranger.delete(KEY),
            keys(stranger),
            stranger.probe(),
        ):
            with pytest.raises(AutodjError) as caught:
                await asking
            assert type(caught.value) is expected

    assert await read(real_s3, KEY) == BODY


@pytest.mark.can_fail_on("real_s3")
async def test_a_body_changed_on_its_way_is_refused_by_the_server(
    real_s3: S3Storage, real_config: S3Config
) -> None:
    # Bodies are not part of the signature; their signed hash is what protects them.
    assert real_config.endpoint_url
    flipping = relaying(real_config.endpoint_url, lambda body: body[:-1] + b"?" if body else body)
    async with served(FaultServer(flipping)) as endpoint:
        config = dataclasses.replace(real_config, endpoint_url=endpoint)
        async with open_s3(config) as store:
            with pytest.raises(IntegrityFault):
                await put(store, KEY, BODY)

    assert await keys(real_s3) == []


async def test_the_relay_without_a_change_is_harmless(
    real_s3: S3Storage, real_config: S3Config
) -> None:
    assert real_config.endpoint_url
    async with (
        served(FaultServer(relaying(real_config.endpoint_url, bytes))) as endpoint,
        open_s3(dataclasses.replace(real_config, endpoint_url=endpoint)) as store,
    ):
        await put(store, KEY, BODY)

    assert await read(real_s3, KEY) == BODY


@pytest.mark.can_fail_on("real_s3")
async def test_a_presigned_link_serves_the_object_and_its_ranges(real_s3: S3Storage) -> None:
    await put(real_s3, KEY, BODY)
    link = await real_s3.presign(KEY, ttl_s=60)

    async with aiohttp.ClientSession() as client:
        async with client.get(link) as whole:
            assert (whole.status, await whole.read()) == (200, BODY)
        async with client.get(link, headers={"Range": "bytes=10-19"}) as part:
            assert (part.status, await part.read()) == (206, BODY[10:20])


@pytest.mark.can_fail_on("real_s3")
async def test_a_presigned_link_changed_or_expired_is_refused(real_s3: S3Storage) -> None:
    await put(real_s3, KEY, BODY)
    await put(real_s3, KEY + ".x", BODY)
    link = await real_s3.presign(KEY, ttl_s=60)
    short = await real_s3.presign(KEY, ttl_s=1)
    changed = [
        link.replace(KEY, KEY + ".x"),
        link.replace("X-Amz-Expires=60", "X-Amz-Expires=600"),
        link[:-1] + ("0" if link[-1] != "0" else "1"),
        link.partition("?")[0],
    ]

    async with aiohttp.ClientSession() as client:
        for url in changed:
            async with client.get(url) as answer:
                assert answer.status == 403, url
        await asyncio.sleep(2.1)  # the shortest life is a second, and clocks are read in seconds
        async with client.get(short) as answer:
            assert answer.status == 403


@pytest.mark.parametrize("ttl_s", [0, -1, 7 * 86400 + 1])
@pytest.mark.can_fail_on("ourselves")
async def test_a_link_that_s3_cannot_sign_is_refused(moto: S3Storage, ttl_s: int) -> None:
    with pytest.raises(InvalidRequest):
        await moto.presign(KEY, ttl_s=ttl_s)


@pytest.mark.can_fail_on("ourselves")
async def test_a_presigned_link_asks_nothing_of_whoever_follows_it(moto_config: S3Config) -> None:
    config = dataclasses.replace(moto_config, expected_bucket_owner="123456789012")
    async with open_s3(config) as store:
        link = await store.presign(KEY, ttl_s=60)

    assert "X-Amz-SignedHeaders=host&" in link
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in link


async def test_more_than_a_page_of_objects_is_listed_once_each(real_s3: S3Storage) -> None:
    wanted = [f"tracks/many/{n:04}" for n in range(1005)]
    gate = asyncio.Semaphore(16)

    async def store_quickly(key: str) -> None:
        async with gate:
            await real_s3._client.put_object(**real_s3._bucket.named(key), Body=b"x")

    await asyncio.gather(*(store_quickly(key) for key in wanted))

    assert await keys(real_s3) == wanted


async def test_names_in_the_bucket_that_are_no_keys_are_passed_over(moto: S3Storage) -> None:
    for name in ("README.TXT", "ok", "a b", "x/", "ä"):
        await moto._client.put_object(**moto._bucket.named(name), Body=b"x")

    assert await keys(moto) == ["ok"]


async def test_ensure_bucket_makes_the_bucket_once(moto_config: S3Config) -> None:
    config = dataclasses.replace(moto_config, bucket="made-on-demand", region="eu-west-1")
    async with open_s3(config) as store:
        with pytest.raises(BucketMissing):
            await store.probe()
        with pytest.raises(BucketMissing):
            await store.stat(KEY)
        await asyncio.gather(store.ensure_bucket(), store.ensure_bucket())
        await store.probe()
        with pytest.raises(ObjectNotFound):
            await store.stat(KEY)


async def test_encryption_is_asked_for_when_configured(moto_config: S3Config) -> None:
    async with open_s3(dataclasses.replace(moto_config, encryption=Encryption("SSE-S3"))) as store:
        await store.ensure_bucket()
        await put(store, KEY, BODY)

        assert (await raw_head(store, KEY))["ServerSideEncryption"] == "AES256"


@pytest.mark.can_fail_on("ourselves")
async def test_keys_in_the_environment_are_not_used(
    moto_config: S3Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKFROMENVIRONMENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    config = dataclasses.replace(moto_config, access_key=None, secret_key=None)
    async with open_s3(config) as store:
        with pytest.raises(StoreCredentials):
            await store.probe()


def test_a_config_shown_hides_its_secrets() -> None:
    shown = repr(
        S3Config("bucket", "r", access_key="AKHIDDEN", secret_key="SKHIDDEN", session_token="STHID")
    )

    assert "HID" not in shown
    assert "bucket" in shown


def test_deadlines_grow_with_the_body() -> None:
    timing = S3Config("bucket", "r").timing

    assert timing.body_deadline_s(0) == 60
    assert timing.body_deadline_s(100 * 256 * 1024) == 160
