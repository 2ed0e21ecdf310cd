"""What can go wrong with S3, in our own words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, Final

import aiohttp
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ReadTimeoutError,
)
from botocore.exceptions import ConnectionError as NoConnectionError

from autodj.errors import (
    AutodjError,
    BucketMissing,
    Conflict,
    IntegrityFault,
    ObjectArchived,
    ObjectNotFound,
    PreconditionFailed,
    RangeNotSatisfiable,
    StoreCredentials,
    StoreDenied,
    StoreError,
    StoreFaulty,
    StoreThrottled,
    StoreTimeout,
    StoreUnreachable,
)

# The answer to a HEAD has no body, so its code is only the status.
BY_CODE: Final[Mapping[str, type[AutodjError]]] = {
    "NoSuchKey": ObjectNotFound,
    "404": ObjectNotFound,
    "NoSuchBucket": BucketMissing,
    "PermanentRedirect": BucketMissing,
    "AuthorizationHeaderMalformed": BucketMissing,
    "IllegalLocationConstraintException": BucketMissing,
    "301": BucketMissing,
    "PreconditionFailed": PreconditionFailed,
    "412": PreconditionFailed,
    "ConditionalRequestConflict": Conflict,
    "OperationAborted": Conflict,
    "InvalidRange": RangeNotSatisfiable,
    "416": RangeNotSatisfiable,
    "InvalidObjectState": ObjectArchived,
    "AccessDenied": StoreDenied,
    "AllAccessDisabled": StoreDenied,
    "AccountProblem": StoreDenied,
    "403": StoreDenied,
    "InvalidAccessKeyId": StoreCredentials,
    "SignatureDoesNotMatch": StoreCredentials,
    "ExpiredToken": StoreCredentials,
    "InvalidToken": StoreCredentials,
    "TokenRefreshRequired": StoreCredentials,
    "RequestTimeTooSkewed": StoreCredentials,
    "BadDigest": IntegrityFault,
    "InvalidDigest": IntegrityFault,
    "IncompleteBody": IntegrityFault,
    "XAmzContentChecksumMismatch": IntegrityFault,
    "XAmzContentSHA256Mismatch": IntegrityFault,
    "RequestTimeout": StoreTimeout,
    "SlowDown": StoreThrottled,
    "ServiceUnavailable": StoreThrottled,
    "ServerBusy": StoreThrottled,
    "Throttling": StoreThrottled,
    "ThrottlingException": StoreThrottled,
    "TooManyRequests": StoreThrottled,
    "RequestLimitExceeded": StoreThrottled,
    "429": StoreThrottled,
    "503": StoreThrottled,
    "InternalError": StoreFaulty,
    "500": StoreFaulty,
    "502": StoreFaulty,
    "504": StoreFaulty,
}


@asynccontextmanager
async def store_errors(doing: str, within_s: float) -> AsyncGenerator[None, None]:
    """Translate what the block raises, and stop it with StoreTimeout when the time is up.

    ``doing`` is the operation and what it is done to, for the detail. Errors that are not the
    store's (a wrong parameter, a bug) pass unchanged.
    """
    try:
        async with asyncio.timeout(within_s):
            yield
    except ClientError as error:
        raise _answered(doing, error) from error
    except (ConnectTimeoutError, ReadTimeoutError, TimeoutError) as error:
        raise StoreTimeout(f"{doing}: no answer in time.") from error
    except (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError) as error:
        raise StoreCredentials(f"{doing}: there are no usable credentials.") from error
    except (NoConnectionError, HTTPClientError, aiohttp.ClientError) as error:
        raise StoreUnreachable(f"{doing}: the connection failed.") from error


def required(answer: Mapping[str, Any], name: str, doing: str) -> Any:  # noqa: ANN401 - as S3 types it
    """What every S3 says; StoreFaulty when something else answers in its place."""
    if answer.get(name) is None:
        raise StoreFaulty(f"{doing}: the answer does not tell {name}.")
    return answer[name]


def _answered(doing: str, error: ClientError) -> AutodjError:
    code = str(error.response.get("Error", {}).get("Code", ""))
    found = BY_CODE.get(code)
    if found is None:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        found = StoreFaulty if status >= HTTPStatus.INTERNAL_SERVER_ERROR else StoreError
    return found(f"{doing}: {code}.")
