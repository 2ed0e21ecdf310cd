"""Why CloudFront could not be asked: wrong keys and slow lines are not told as other faults."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiobotocore.session import AioSession
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)

from autodj.cdn.invalidation import CloudFrontCaches
from autodj.errors import StoreCredentials, StoreError, StoreTimeout, StoreUnreachable

URL = "https://cloudfront.example"


def refused(code: str) -> ClientError:
    answer: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": 403}}
    return ClientError(answer, "CreateInvalidation")


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (refused("ExpiredToken"), StoreCredentials),
        (refused("InvalidClientTokenId"), StoreCredentials),
        (refused("SignatureDoesNotMatch"), StoreCredentials),
        (NoCredentialsError(), StoreCredentials),
        (CredentialRetrievalError(provider="role", error_msg="none"), StoreCredentials),
        (ReadTimeoutError(endpoint_url=URL), StoreTimeout),
        (ConnectTimeoutError(endpoint_url=URL), StoreTimeout),
        (EndpointConnectionError(endpoint_url=URL), StoreUnreachable),
    ],
    ids=lambda each: getattr(each, "__name__", None) or str(each)[:40],
)
async def test_each_fault_has_its_error(
    fault: Exception, kind: type[StoreError], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Client:
        async def create_invalidation(self, **_: object) -> None:
            raise fault

    @asynccontextmanager
    async def opened(*_: object, **__: object) -> Any:
        yield Client()

    session = AioSession()
    monkeypatch.setattr(session, "create_client", opened)
    with pytest.raises(StoreError) as caught:
        await CloudFrontCaches(session, "E2QWRUHAPOMQZL").invalidate("public/x/a.mp3")
    assert type(caught.value) is kind
    assert caught.value.__cause__ is fault
