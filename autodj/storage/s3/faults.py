"""What can go wrong with S3, in our own words."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, Final

import aiohttp
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    HTTPClientError,
    InvalidConfigError,
    MetadataRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
    SSOError,
)
from botocore.exceptions import ConnectionError as NoConnectionError
from botocore.parsers import ResponseParserError

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
    TooLarge,
    UploadGone,
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
    "TemporaryRedirect": BucketMissing,
    "307": BucketMissing,
    "PreconditionFailed": PreconditionFailed,
    "412": PreconditionFailed,
    "ConditionalRequestConflict": Conflict,
    "OperationAborted": Conflict,
    "InvalidRange": RangeNotSatisfiable,
    "416": RangeNotSatisfiable,
    "InvalidObjectState": ObjectArchived,
    "ObjectNotInActiveTierError": ObjectArchived,
    "NoSuchUpload": UploadGone,
    "InvalidPart": UploadGone,
    "EntityTooLarge": TooLarge,
    "NotImplemented": StoreError,
    "501": StoreError,
    "AccessDenied": StoreDenied,
    "AllAccessDisabled": StoreDenied,
    "AccountProblem": StoreDenied,
    "403": StoreDenied,
    "401": StoreCredentials,
    "InvalidAccessKeyId": StoreCredentials,
    "SignatureDoesNotMatch": StoreCredentials,
    "ExpiredToken": StoreCredentials,
    "InvalidToken": StoreCredentials,
    "TokenRefreshRequired": StoreCredentials,
    "RequestTimeTooSkewed": StoreCredentials,
    "BadDigest": IntegrityFault,
    "InvalidDigest": IntegrityFault,
    "IncompleteBody": IntegrityFault,
    "MalformedXML": IntegrityFault,
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


_LATE: Final = (ConnectTimeoutError, ReadTimeoutError, TimeoutError)
_KEYLESS: Final = (
    NoCredentialsError,
    PartialCredentialsError,
    CredentialRetrievalError,
    MetadataRetrievalError,
    InvalidConfigError,
    ProfileNotFound,
    SSOError,
)
_BROKEN: Final = (NoConnectionError, HTTPClientError, aiohttp.ClientError, ConnectionError)
_FOREIGN: Final = (
    BotoCoreError,
    ClientError,
    ResponseParserError,
    aiohttp.ClientError,
    ConnectionError,
    TimeoutError,
)
# What says enough beside a word that only this server has.
_TELLING: Final = {
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE,
}
NOT_IMPLEMENTED: Final = {"NotImplemented", "501"}
LACKING: Final = (
    "The server lacks something that S3 has. docs/storage.md, S3-compatible servers, tells what "
    "is needed, and what to set for which server."
)
_MOST_WORDS: Final = 200
_ASKS_FOR_KEYS: Final = {"AssumeRole", "AssumeRoleWithWebIdentity"}


def fault_of(error: BaseException) -> type[AutodjError] | None:
    """Our word for what the client raised; None when it is not the store's fault."""
    match error:
        case ClientError():
            return _answered(error)
        case ResponseParserError():
            return StoreFaulty
        case _ if isinstance(error, _LATE):
            return StoreTimeout
        case _ if isinstance(error, _KEYLESS):
            return StoreCredentials
        case _ if isinstance(error, _BROKEN):
            return StoreUnreachable
        case _:
            return None


@asynccontextmanager
async def store_errors(doing: str, within_s: float | None) -> AsyncGenerator[None, None]:
    """Translate what the block raises, and stop it with StoreTimeout when the time is up.

    Without ``within_s`` the block looks at the time itself, and raises TimeoutError.
    ``doing`` is the operation and what it is done to, for the detail. Errors that are not the
    store's (a wrong parameter, a bug) pass unchanged.
    """
    try:
        async with asyncio.timeout(within_s):
            yield
    except _FOREIGN as error:
        fault = fault_of(error)
        if fault is None:
            raise
        hint = LACKING if _reason(error) in NOT_IMPLEMENTED else None
        raise fault(f"{doing}: {_reason(error)}.", hint=hint) from error


def required(answer: Mapping[str, Any], name: str, doing: str) -> Any:  # noqa: ANN401 - as S3 types it
    """What every S3 says; StoreFaulty when something else answers in its place."""
    if answer.get(name) is None:
        raise StoreFaulty(f"{doing}: the answer does not tell {name}.")
    return answer[name]


def _answered(error: ClientError) -> type[AutodjError]:
    if error.operation_name in _ASKS_FOR_KEYS:
        return StoreCredentials
    code = _code(error)
    if code.startswith("KMS."):
        return StoreDenied
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    found = BY_CODE.get(code)
    if found is None and status in _TELLING:
        found = BY_CODE.get(str(status))
    if found is None:
        found = StoreFaulty if status >= HTTPStatus.INTERNAL_SERVER_ERROR else StoreError
    return found


def _code(error: ClientError) -> str:
    """S3's word for it; the status where it has none, as with pages of somebody else."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", "")
    return str(error.response.get("Error", {}).get("Code") or status)


def _told(error: ClientError) -> str:
    """The code, and what the server says beside one that has no name of ours: else nobody would
    know which of many things it does not like.
    """
    code = _code(error)
    said = " ".join(str(error.response.get("Error", {}).get("Message") or "").split()).rstrip(".")
    if _answered(error) is not StoreError or code in BY_CODE or said in {"", code}:
        return code
    plain = "".join(each if each.isprintable() else "?" for each in said)
    return f"{code} ({plain[:_MOST_WORDS]})"


def _reason(error: BaseException) -> str:
    if isinstance(error, ClientError):
        asked = error.operation_name
        return f"{asked} {_code(error)}" if asked in _ASKS_FOR_KEYS else _told(error)
    if isinstance(error, _LATE):
        return "no answer in time"
    if isinstance(error, _KEYLESS):
        return "there are no usable credentials"
    if isinstance(error, ResponseParserError):
        return "the answer cannot be read"
    return _why_unreached(error.__cause__)


def _why_unreached(cause: BaseException | None) -> str:
    match cause:
        case ssl.SSLCertVerificationError():
            return f"its certificate is not accepted ({cause.verify_message})"
        case socket.gaierror():
            return "its name is not known"
        case ConnectionRefusedError():
            return "nobody listens there"
        case _:
            return "the connection failed"
