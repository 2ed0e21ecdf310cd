"""What the three may do, proven by autodj's own calls: each is judged before it is sent."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.session import Session
from moto import settings as moto_settings
from moto.core.authorization import ActionAuthenticatorMixin
from moto.server import ThreadedMotoServer

from autodj.cdn.template.choices import Choices
from autodj.cdn.template.cloudformation.references import names
from autodj.cdn.template.features import FEATURES, Who
from autodj.cdn.template.grants import bucket_policy, identity_policy
from autodj.errors import DeleteIncomplete, ObjectNotFound, StoreDenied
from autodj.storage.s3 import S3Config, S3Storage, open_s3
from tests.cdn.iam import allows
from tests.cdn.templates import KMS_KEY, STANDARD, resolved

ROOT = Path(__file__).parents[2]
REGION = "us-east-1"
ACCOUNT = "123456789012"  # moto's own
BIG_BYTES = 5 * 1024**2 + 1
BODY = b"a song"
KEY = "tracks/one.mp3"

# The right that each call of S3's API asks for, from AWS's table of actions.
OBJECT_RIGHTS = {
    "PutObject": "s3:PutObject",
    "CreateMultipartUpload": "s3:PutObject",
    "UploadPart": "s3:PutObject",
    "UploadPartCopy": "s3:PutObject",
    "CompleteMultipartUpload": "s3:PutObject",
    "CopyObject": "s3:PutObject",
    "GetObject": "s3:GetObject",
    "HeadObject": "s3:GetObject",
    "DeleteObject": "s3:DeleteObject",
    "AbortMultipartUpload": "s3:AbortMultipartUpload",
    "ListParts": "s3:ListMultipartUploadParts",
    "RestoreObject": "s3:RestoreObject",
}
BUCKET_RIGHTS = {
    "HeadBucket": "s3:ListBucket",
    "ListObjectsV2": "s3:ListBucket",
    "ListObjectVersions": "s3:ListBucketVersions",
    "ListMultipartUploads": "s3:ListBucketMultipartUploads",
}
OF_VERSIONS = {
    "s3:GetObject": "s3:GetObjectVersion",
    "s3:DeleteObject": "s3:DeleteObjectVersion",
}

Needed = Iterator[tuple[str, str, dict[str, str]]]


def needed(operation: str, params: dict[str, Any]) -> Needed:
    """Action, resource and context of everything that one call asks of the caller's policy."""
    bucket = f"arn:aws:s3:::{params['Bucket']}"
    if operation in BUCKET_RIGHTS:
        context = {"s3:prefix": params["Prefix"]} if "Prefix" in params else {}
        yield BUCKET_RIGHTS[operation], bucket, context
        return
    if operation == "DeleteObjects":
        for each in params["Delete"]["Objects"]:
            yield "s3:DeleteObject", f"{bucket}/{each['Key']}", {}
            if "ETag" in each:  # whoever compares, reads
                yield "s3:GetObject", f"{bucket}/{each['Key']}", {}
        return
    action = OBJECT_RIGHTS[operation]
    if "IfMatch" in params:
        yield "s3:GetObject", f"{bucket}/{params['Key']}", {}
    yield OF_VERSIONS[action] if "VersionId" in params else action, f"{bucket}/{params['Key']}", {}
    if source := params.get("CopySource"):
        version = isinstance(source, dict) and "VersionId" in source
        found = (
            f"{source['Bucket']}/{source['Key']}" if isinstance(source, dict) else source
        ).lstrip("/")
        yield "s3:GetObjectVersion" if version else "s3:GetObject", f"arn:aws:s3:::{found}", {}


@asynccontextmanager
async def acting(config: S3Config, policy: Any) -> AsyncIterator[S3Storage]:
    """A store whose every call is judged by the policy, as S3 would before it answers."""

    def judge(params: dict[str, Any], model: Any, **_: Any) -> None:
        for action, resource, context in needed(model.name, params):
            if not allows(policy, action, resource, context):
                refusal: Any = {
                    "Error": {"Code": "AccessDenied", "Message": f"{action} on {resource}"},
                    "ResponseMetadata": {"HTTPStatusCode": 403},
                }
                raise ClientError(refusal, model.name)

    async with open_s3(config) as store:
        store._client.meta.events.register("before-parameter-build.s3", judge)
        yield store


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(moto: str) -> str:
    name = f"rights-{uuid.uuid4().hex[:12]}"
    client("s3", moto).create_bucket(Bucket=name)
    client("s3", moto).put_bucket_versioning(
        Bucket=name, VersioningConfiguration={"Status": "Enabled"}
    )
    return name


@cache
def client(service: str, endpoint: str, access_key: str = "root", secret_key: str = "root") -> Any:
    return Session().create_client(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
    )


def config(endpoint: str, bucket: str, prefix: str = "", key: str = "root") -> S3Config:
    return S3Config(
        bucket=bucket,
        region=REGION,
        endpoint_url=endpoint,
        prefix=prefix,
        access_key=key,
        secret_key="root",
        path_style=True,
        expected_bucket_owner=ACCOUNT,
    )


def policy(who: Who, choices: Choices) -> Any:
    return resolved(identity_policy(who, choices, names(choices)))


async def put(store: S3Storage, key: str = KEY, body: bytes = BODY) -> None:
    await store.put(key, body, sha256=hashlib.sha256(body).hexdigest(), content_type="audio/mpeg")


async def read(store: S3Storage, key: str = KEY) -> bytes:
    async with store.read(key) as blocks:
        return b"".join([block async for block in blocks])


async def listed(store: S3Storage) -> list[str]:
    return [each.key async for each in store.list()]


async def read_old(store: S3Storage) -> None:
    (version, *_) = await store.versions(KEY)
    async with store.read_version(KEY, version.version_id) as blocks:
        assert [block async for block in blocks]
    await store.restore_version(KEY, version.version_id)


async def erase(store: S3Storage) -> None:
    (version, *_) = await store.versions(KEY)
    await store.delete_version(KEY, version.version_id)


async def replace_what_was_read(store: S3Storage) -> None:
    told = await store.stat(KEY)
    how: Any = {"sha256": hashlib.sha256(b"{}").hexdigest(), "content_type": "application/json"}
    await store.replace(KEY, b"{}", if_match=told.etag, **how)


async def delete_unchanged(store: S3Storage) -> None:
    await store.delete_unchanged([await store.stat(KEY)])


def digest(body: bytes) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(body).hexdigest(), "size_bytes": len(body)}


Act = Callable[[S3Storage], Awaitable[Any]]
READING: dict[str, Act] = {
    "probe": lambda store: store.probe(),
    "stat": lambda store: store.stat(KEY),
    "verify": lambda store: store.verify(KEY, **digest(BODY)),
    "read": read,
    "page": lambda store: store.page(),
}
WRITING: dict[str, Act] = {
    "put": lambda store: put(store, "tracks/two.mp3"),
    "put in parts": lambda store: put(store, "tracks/big.wav", b"x" * BIG_BYTES),
    "copy": lambda store: store.copy(KEY, "public/one.mp3"),
    "set metadata": lambda store: store.set_metadata(KEY, {"title": "A"}),
    "replace what was read": replace_what_was_read,
    "delete many": lambda store: store.delete_many(["tracks/two.mp3"]),
    "delete unchanged": delete_unchanged,
    "delete": lambda store: store.delete(KEY),
    "sweep": lambda store: store.sweep_uploads(before=datetime.now(UTC)),
}
OPTIONAL: dict[str, tuple[set[Any], Act]] = {
    "versions": ({"versions"}, read_old),
    "erase": ({"erase"}, erase),
}


async def refused(act: Act, store: S3Storage) -> bool:
    try:
        await act(store)
    except StoreDenied:
        return True
    except DeleteIncomplete as error:
        return all(isinstance(each, StoreDenied) for each in error.failed.values())
    return False


@pytest.mark.parametrize("prefix", ["", "audio/"])
async def test_a_worker_can_do_its_work(moto: str, bucket: str, prefix: str) -> None:
    rights = policy(Who.WORKER, Choices(bucket=bucket, prefix=prefix))
    async with acting(config(moto, bucket, prefix), rights) as store:
        await put(store)
        for act in (*READING.values(), *WRITING.values()):
            await act(store)


async def test_a_worker_clears_up_what_dead_uploads_left(moto: str, bucket: str) -> None:
    named = {"Bucket": bucket, "Key": "audio/tracks/dead.wav"}
    started = client("s3", moto).create_multipart_upload(**named)
    client("s3", moto).upload_part(
        **named, UploadId=started["UploadId"], PartNumber=1, Body=b"x" * 10
    )
    rights = policy(Who.WORKER, Choices(bucket=bucket, prefix="audio/"))
    async with acting(config(moto, bucket, "audio/"), rights) as store:
        assert await store.sweep_uploads(before=datetime.now(UTC) + timedelta(days=1)) == 1


@pytest.mark.parametrize("prefix", ["", "audio/"])
async def test_the_web_process_reads_and_no_more(moto: str, bucket: str, prefix: str) -> None:
    async with open_s3(config(moto, bucket, prefix)) as store:
        await put(store)
    rights = policy(Who.WEB, Choices(bucket=bucket, prefix=prefix))
    async with acting(config(moto, bucket, prefix), rights) as store:
        for act in READING.values():
            await act(store)
        assert {name: await refused(act, store) for name, act in WRITING.items()} == dict.fromkeys(
            WRITING, True
        )


@pytest.mark.parametrize("who", [Who.WEB, Who.WORKER])
async def test_what_is_missing_is_missing_and_not_forbidden(
    moto: str, bucket: str, who: Who
) -> None:
    rights = policy(who, Choices(bucket=bucket, prefix="audio/"))
    async with acting(config(moto, bucket, "audio/"), rights) as store:
        with pytest.raises(ObjectNotFound):
            await store.stat(KEY)


async def test_nobody_reaches_past_the_prefix(moto: str, bucket: str) -> None:
    async with open_s3(config(moto, bucket, "others")) as store:
        await put(store)
    rights = policy(Who.WORKER, Choices(bucket=bucket, prefix="audio/"))
    async with acting(config(moto, bucket, "others"), rights) as store:
        acts = {**READING, **WRITING}
        reached = [name for name, act in acts.items() if not await refused(act, store)]
    assert reached == ["probe"]


@pytest.mark.parametrize("act", OPTIONAL)
async def test_what_is_rarely_done_needs_to_be_asked_for(moto: str, bucket: str, act: str) -> None:
    extras, call = OPTIONAL[act]
    granted = Choices(bucket=bucket, extras=frozenset(extras))
    async with acting(config(moto, bucket), policy(Who.WORKER, granted)) as store:
        await put(store)
        await call(store)
    for missing in extras:
        without = Choices(bucket=bucket, extras=frozenset(extras - {missing}))
        async with acting(config(moto, bucket), policy(Who.WORKER, without)) as store:
            await put(store)
            with pytest.raises(StoreDenied):
                await call(store)


async def test_the_operator_sees_names_only(moto: str, bucket: str) -> None:
    async with acting(config(moto, bucket), policy(Who.OPERATOR, Choices(bucket=bucket))) as store:
        assert await listed(store) == []
        acts = {**READING, **WRITING}
        assert [name for name, act in acts.items() if not await refused(act, store)] == [
            "probe",
            "page",
        ]


def test_every_call_in_the_code_is_known_to_the_judge() -> None:
    source = "\n".join(
        file.read_text() for file in (ROOT / "autodj" / "storage" / "s3").glob("*.py")
    )
    calls = set(re.findall(r"client\.([a-z_0-9]+)\(", source))
    calls -= {"generate_presigned_url", "generate_presigned_post"}  # they send nothing
    calls -= {"create_bucket"}  # only for the server on this machine
    known = {*OBJECT_RIGHTS, *BUCKET_RIGHTS, "DeleteObjects"}
    named = {"".join(part.title() for part in call.split("_")) for call in calls}
    assert len(calls) > 15
    assert named <= known


def test_every_right_that_a_call_needs_is_some_features() -> None:
    granted = {right for feature in FEATURES for right in (*feature.objects, *feature.bucket)}
    assert {*OBJECT_RIGHTS.values(), *BUCKET_RIGHTS.values(), *OF_VERSIONS.values()} <= granted


@pytest.mark.parametrize(
    ("who", "rights"),
    [(Who.WEB, ["kms:Decrypt"]), (Who.WORKER, ["kms:Decrypt", "kms:GenerateDataKey"])],
)
def test_a_key_is_used_by_those_who_read_and_write(who: Who, rights: list[str]) -> None:
    document = policy(who, Choices(bucket="music", kms_key=KMS_KEY))
    assert [
        each
        for each in ("kms:Decrypt", "kms:GenerateDataKey")
        if allows(document, each, KMS_KEY, {})
    ] == rights
    assert not allows(document, "kms:Decrypt", f"{KMS_KEY}0", {})
    assert not allows(document, "kms:ScheduleKeyDeletion", KMS_KEY, {})


DISTRIBUTION = "arn:aws:cloudfront::<AWS::AccountId>:distribution/<Distribution>"
GOOD = {"AWS:SourceArn": DISTRIBUTION, "aws:SecureTransport": "true", "s3:TlsVersion": "1.3"}


@pytest.mark.parametrize(
    ("changed", "allowed"),
    [
        ({}, True),
        ({"AWS:SourceArn": f"{DISTRIBUTION}2"}, False),
        ({"AWS:SourceArn": None}, False),
        ({"aws:SecureTransport": "false"}, False),
        ({"s3:TlsVersion": "1.1"}, False),
        ({"s3:TlsVersion": "1.2"}, True),
    ],
)
def test_the_bucket_answers_the_one_distribution_over_tls(
    changed: dict[str, str | None], allowed: bool
) -> None:
    document = resolved(bucket_policy(STANDARD, names(STANDARD)))
    context = {name: value for name, value in {**GOOD, **changed}.items() if value is not None}
    assert allows(document, "s3:GetObject", "arn:aws:s3:::music/tracks/1", context) is allowed
    for action in ("s3:ListBucket", "s3:PutObject", "s3:GetBucketPolicy"):
        assert not allows(document, action, "arn:aws:s3:::music", context)


async def test_an_emulator_that_enforces_policies_agrees(
    moto: str, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    iam = client("iam", moto)
    choices = Choices(bucket=bucket)
    users: dict[Who, S3Config] = {}
    for who in (Who.WEB, Who.WORKER):
        name = f"{bucket}-{who}"
        iam.create_user(UserName=name)
        made = iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(policy(who, choices)))
        iam.attach_user_policy(UserName=name, PolicyArn=made["Policy"]["Arn"])
        keys = iam.create_access_key(UserName=name)["AccessKey"]
        users[who] = dataclasses.replace(
            config(moto, bucket),
            access_key=keys["AccessKeyId"],
            secret_key=keys["SecretAccessKey"],
        )
    monkeypatch.setattr(ActionAuthenticatorMixin, "request_count", 0)
    monkeypatch.setattr(moto_settings, "INITIAL_NO_AUTH_ACTION_COUNT", 0)
    async with open_s3(users[Who.WORKER]) as worker, open_s3(users[Who.WEB]) as web:
        await put(worker)
        assert await read(worker) == await read(web) == BODY
        assert await listed(worker) == [KEY]
        with pytest.raises(StoreDenied):
            await put(web, "tracks/two.mp3")
        with pytest.raises(StoreDenied):
            await web.delete(KEY)
        await worker.delete(KEY)
