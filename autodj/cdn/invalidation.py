"""Making CloudFront's caches forget an object that was taken back."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    ReadTimeoutError,
)

from autodj.errors import (
    StoreCredentials,
    StoreDenied,
    StoreError,
    StoreFaulty,
    StoreThrottled,
    StoreTimeout,
    StoreUnreachable,
)

# CloudFront is one service for the whole world, and answers there.
REGION: Final = "us-east-1"
DEADLINE_S: Final = 30.0

_BUSY: Final = {"TooManyInvalidationsInProgress", "Throttling", "ThrottlingException"}
_STRANGERS: Final = {
    "ExpiredToken",
    "InvalidClientTokenId",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
_KEYLESS: Final = (CredentialRetrievalError, NoCredentialsError, PartialCredentialsError)
_LATE: Final = (ConnectTimeoutError, ReadTimeoutError, TimeoutError)
_SERVER_FAULT: Final = 500


class CloudFrontCaches:
    """The edges of one distribution, asked with the credentials of the session.

    ``prefix`` comes before every key in the distribution's paths. A client is opened for each
    call: what is taken back is rare, and a client takes long to make.
    """

    def __init__(
        self,
        session: AioSession,
        distribution_id: str,
        *,
        prefix: str = "",
        endpoint_url: str | None = None,
        tries: int = 4,
    ) -> None:
        self._session = session
        self._distribution_id = distribution_id
        folder = prefix.strip("/")
        self._base = f"/{folder}/" if folder else "/"
        self._endpoint_url = endpoint_url
        self._config = AioConfig(
            connect_timeout=3,
            read_timeout=10,
            retries={"mode": "standard", "total_max_attempts": tries},
        )

    async def invalidate(self, key: str) -> None:
        """Have every edge forget the object, within minutes. Asking twice is asking once.

        StoreDenied, StoreThrottled and their like, as a store raises them.
        """
        try:
            async with asyncio.timeout(DEADLINE_S), self._client() as client:
                await client.create_invalidation(
                    DistributionId=self._distribution_id,
                    InvalidationBatch=_batch(self._base + key),
                )
        except ClientError as error:
            raise _known(error) from error
        except _LATE as error:
            raise StoreTimeout("CloudFront did not answer in time") from error
        except _KEYLESS as error:
            raise StoreCredentials("There are no usable credentials for CloudFront") from error
        except BotoCoreError as error:
            raise StoreUnreachable(f"CloudFront cannot be reached: {error}") from error

    def _client(self) -> AbstractAsyncContextManager[Any]:
        client: AbstractAsyncContextManager[Any] = self._session.create_client(
            "cloudfront", region_name=REGION, endpoint_url=self._endpoint_url, config=self._config
        )
        return client


def _batch(path: str) -> dict[str, object]:
    # The same reference is the same request to CloudFront, which is carried out once.
    reference = hashlib.sha256(path.encode()).hexdigest()
    return {"Paths": {"Quantity": 1, "Items": [path]}, "CallerReference": reference}


def _known(error: ClientError) -> StoreError:
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code == "AccessDenied":
        return StoreDenied(
            "CloudFront refused an invalidation: the credentials need "
            "cloudfront:CreateInvalidation on the distribution"
        )
    if code in _STRANGERS:
        return StoreCredentials(f"CloudFront does not take the credentials: {code}")
    if code in _BUSY:
        return StoreThrottled(f"CloudFront is busy: {code}")
    if status >= _SERVER_FAULT:
        return StoreFaulty(f"CloudFront answered {status} {code}")
    return StoreError(f"CloudFront refused an invalidation: {code}")
