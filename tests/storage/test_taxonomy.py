"""What can go wrong with a store: one tree, and each branch says what it is and what to do."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import aiohttp
import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
)
from botocore.parsers import ResponseParserError

from autodj import errors
from autodj.errors import AutodjError, StoreError
from autodj.storage.disk import disk_errors
from autodj.storage.s3.faults import BY_CODE, store_errors

TAXONOMY = {
    "size": errors.TooLarge,
    "type": errors.UnsupportedMedia,
    "connection": errors.StoreUnreachable,
    "timeout": errors.StoreTimeout,
    "permission": errors.StoreDenied,
    "credentials": errors.StoreCredentials,
    "not found": errors.ObjectNotFound,
    "precondition": errors.PreconditionFailed,
    "throttled": errors.StoreThrottled,
    "archived": errors.ObjectArchived,
    "integrity": errors.IntegrityFault,
}


def tree(root: type[AutodjError] = AutodjError) -> Iterator[type[AutodjError]]:
    for each in root.__subclasses__():
        if each.__module__.startswith(f"{errors.__name__}."):
            yield each
            yield from tree(each)


def is_told_well(error: AutodjError) -> bool:
    told = error.problem()
    return (
        told["code"] == error.code != AutodjError.code
        and HTTPStatus(error.status) >= HTTPStatus.BAD_REQUEST
        and len(str(told["title"]).split()) > 2
        and bool(str(told["detail"]))
        and str(told["hint"]).endswith(".")
        and told["hint"] != AutodjError.hint
    )


@pytest.mark.parametrize("kind", [*TAXONOMY.values(), *tree(StoreError)], ids=lambda k: k.__name__)
@pytest.mark.can_fail_on("ourselves")
def test_each_way_to_fail_has_code_text_and_hint(kind: type[AutodjError]) -> None:
    failed: Any = {"tracks/a": errors.StoreDenied("no")}
    of_many = kind in {errors.BatchIncomplete, errors.DeleteIncomplete}

    assert is_told_well(kind(failed) if of_many else kind())


def test_each_of_the_taxonomy_says_what_to_do_in_words_of_its_own() -> None:
    hints = [kind.hint for kind in TAXONOMY.values() if issubclass(kind, StoreError)]

    assert len({*hints, StoreError.hint}) == len(hints) + 1


def test_no_two_ways_to_fail_share_a_code() -> None:
    # One is the other to those who expect a ValueError.
    codes = [each.code for each in tree() if each is not errors.StorageConfigError]

    assert len(codes) == len({*codes}) > 40
    assert len({each.code for each in TAXONOMY.values()}) == len(TAXONOMY)


@pytest.mark.parametrize(("code", "expected"), BY_CODE.items())
async def test_each_word_of_s3_becomes_ours_with_its_own_as_the_cause(
    code: str, expected: type[AutodjError]
) -> None:
    refusal = ClientError({"Error": {"Code": code, "Message": "secret words"}}, "PutObject")

    with pytest.raises(expected) as caught:
        await failing_with(refusal)

    assert type(caught.value) is expected
    assert caught.value.__cause__ is refusal
    assert caught.value.detail == f"put tracks/a: {code}."
    assert is_told_well(caught.value)


def unheard_of(status: int) -> ClientError:
    answer: Any = {"Error": {"Code": "New"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "GetObject")


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (EndpointConnectionError(endpoint_url="http://x"), errors.StoreUnreachable),
        (aiohttp.ServerDisconnectedError(), errors.StoreUnreachable),
        (ConnectionResetError(), errors.StoreUnreachable),
        (ConnectTimeoutError(endpoint_url="http://x"), errors.StoreTimeout),
        (ReadTimeoutError(endpoint_url="http://x"), errors.StoreTimeout),
        (TimeoutError(), errors.StoreTimeout),
        (NoCredentialsError(), errors.StoreCredentials),
        (ProfileNotFound(profile="x"), errors.StoreCredentials),
        (ResponseParserError(), errors.StoreFaulty),
        (ClientError({"Error": {"Code": "KMS.DisabledException"}}, "GetObject"),
         errors.StoreDenied),
        (unheard_of(599), errors.StoreFaulty),
        (unheard_of(418), errors.StoreError),
        (ClientError({"Error": {"Code": "AccessDenied"}}, "AssumeRole"),
         errors.StoreCredentials),
    ],
    ids=lambda each: getattr(each, "__name__", type(each).__name__),
)  # fmt: skip
@pytest.mark.can_fail_on("ourselves")
async def test_each_failure_of_the_client_becomes_ours_with_its_own_as_the_cause(
    raised: Exception, expected: type[AutodjError]
) -> None:
    with pytest.raises(expected) as caught:
        await failing_with(raised)

    assert type(caught.value) is expected
    assert caught.value.__cause__ is raised
    assert is_told_well(caught.value)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.ENOSPC, errors.DiskFull),
        (errno.EDQUOT, errors.DiskFull),
        (errno.EACCES, errors.StoreDenied),
        (errno.EROFS, errors.StoreDenied),
        (errno.ENOENT, errors.ObjectNotFound),
        (errno.ELOOP, errors.ObjectNotFound),
        (errno.EMFILE, errors.Unavailable),
        (errno.EIO, errors.StoreError),
    ],
)
@pytest.mark.can_fail_on("ourselves")
def test_each_failure_of_the_disk_becomes_ours_with_its_own_as_the_cause(
    number: int, expected: type[AutodjError]
) -> None:
    with pytest.raises(expected) as caught, disk_errors("tracks/a"):
        raise OSError(number, "as it was")

    assert type(caught.value) is expected
    assert isinstance(caught.value.__cause__, OSError)
    assert is_told_well(caught.value)


async def failing_with(error: Exception) -> None:
    async with store_errors("put tracks/a", 60):
        raise error
