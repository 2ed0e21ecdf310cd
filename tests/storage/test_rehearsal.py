"""Parts are tried before a track needs them, and each right that is missing is named."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from autodj.cli.probes import parts_round_trip
from autodj.errors import IntegrityFault, StoreDenied, StoreFaulty
from autodj.storage.s3 import S3Storage
from autodj.storage.s3.uploads import unfinished
from tests.storage.builders import keys


def refuse(store: S3Storage, operation: str, code: str = "AccessDenied") -> None:
    def refusing(**_: object) -> None:
        answer: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": 403}}
        raise ClientError(answer, operation)

    store._client.meta.events.register(f"before-call.s3.{operation}", refusing)


async def left(store: S3Storage) -> list[str]:
    began = [each async for each in unfinished(store._bucket, store._config.key_prefix)]
    return [*await keys(store), *(each.name for each in began)]


@pytest.mark.parametrize("store", ["moto", "real_s3", "proxied_s3"], indirect=True)
async def test_parts_are_sent_found_and_given_up_and_nothing_is_left(store: S3Storage) -> None:
    asked: set[str] = set()
    store._client.meta.events.register("after-call.s3", lambda model, **_: asked.add(model.name))

    assert await parts_round_trip(store) == "in parts too"

    assert asked >= {
        "CreateMultipartUpload",
        "UploadPart",
        "CompleteMultipartUpload",
        "ListMultipartUploads",
        "ListParts",
        "AbortMultipartUpload",
    }
    assert await left(store) == []


@pytest.mark.parametrize(
    "operation",
    [
        "CreateMultipartUpload",
        "UploadPart",
        "CompleteMultipartUpload",
        "AbortMultipartUpload",
    ],
)
@pytest.mark.can_fail_on("ourselves")
async def test_what_parts_cannot_do_without_is_a_fault(moto: S3Storage, operation: str) -> None:
    refuse(moto, operation)

    with pytest.raises(StoreDenied, match=f"^{operation} "):
        await parts_round_trip(moto)

    assert await keys(moto) == []


@pytest.mark.parametrize("operation", ["ListMultipartUploads", "ListParts"])
async def test_what_only_helps_after_a_broken_upload_is_told(
    real_s3: S3Storage, operation: str
) -> None:
    refuse(real_s3, operation)

    told = await parts_round_trip(real_s3)

    assert told.startswith("in parts too; what a broken upload leaves is not found again")
    assert f"({operation} " in told
    assert await keys(real_s3) == []


async def test_a_list_that_only_fails_now_is_no_verdict_and_nothing_is_left(
    real_s3: S3Storage,
) -> None:
    refuse(real_s3, "ListParts", "InternalError")

    with pytest.raises(StoreFaulty):
        await parts_round_trip(real_s3)

    assert await left(real_s3) == []


async def test_a_server_without_parts_is_told_and_is_no_fault(real_s3: S3Storage) -> None:
    refuse(real_s3, "CreateMultipartUpload", "NotImplemented")

    assert await parts_round_trip(real_s3) == "all in one piece, for it takes no parts"

    assert await left(real_s3) == []


@pytest.mark.can_fail_on("ourselves")
async def test_parts_that_come_back_as_others_are_a_fault(
    moto: S3Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def others(*_: object, **__: object) -> None:
        raise IntegrityFault

    monkeypatch.setattr(moto, "verify", others)
    with pytest.raises(IntegrityFault):
        await parts_round_trip(moto)
    assert await left(moto) == []
