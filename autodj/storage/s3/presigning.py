"""Requests that S3 itself checks: signed here, sent by somebody else.

None names the owner of the bucket: it would be one more header that whoever follows the link
had to send.
"""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import quote

from autodj.errors import InvalidRequest
from autodj.storage.base import Described
from autodj.storage.limits import check_size, stricter
from autodj.storage.powers import SignedForm, SignedRequest
from autodj.storage.s3.bucket import IMMUTABLE, S3Bucket
from autodj.storage.s3.vouching import sha256_as_header

MAX_PRESIGN_S: Final = 7 * 86400
MAX_UPLOAD_BYTES: Final = 5 * 1024**3

# How the parameters of a PUT are called in its headers and in the fields of a form.
_HEADERS: Final = {
    "ContentType": "Content-Type",
    "CacheControl": "Cache-Control",
    "StorageClass": "x-amz-storage-class",
    "ServerSideEncryption": "x-amz-server-side-encryption",
    "SSEKMSKeyId": "x-amz-server-side-encryption-aws-kms-key-id",
    "BucketKeyEnabled": "x-amz-server-side-encryption-bucket-key-enabled",
}
_CONTENT_TYPE: Final = re.compile(
    r"[a-z0-9.+-]{1,64}/[a-z0-9.+-]{1,64}(; ?charset=[a-z0-9-]{1,32})?"
)


async def get_link(
    bucket: S3Bucket,
    key: str,
    *,
    ttl_s: int,
    name: str | None = None,
    content_type: str | None = None,
) -> str:
    more: dict[str, str] = {}
    if name is not None:
        more["ResponseContentDisposition"] = attachment(name)
    if content_type is not None:
        more["ResponseContentType"] = _checked_type(content_type)
    if bucket.config.customer_key:
        raise InvalidRequest("Objects under a customer's key are not read by link.")
    return await _signed(bucket, "get_object", key, ttl_s, more)


async def put_link(
    bucket: S3Bucket, key: str, *, ttl_s: int, sha256: str, size_bytes: int, content_type: str
) -> SignedRequest:
    written = _written(bucket, content_type)
    if not 0 <= size_bytes <= MAX_UPLOAD_BYTES:
        raise InvalidRequest(f"One upload holds at most {MAX_UPLOAD_BYTES} bytes.")
    check_size(size_bytes, bucket.config.max_object_bytes)
    checksum = sha256_as_header(sha256)
    more = {
        **written,
        "ChecksumSHA256": checksum,
        "ContentLength": size_bytes,
        "IfNoneMatch": "*",
    }
    url = await _signed(bucket, "put_object", key, ttl_s, more)
    headers = {
        **_named(written),
        "Content-Length": str(size_bytes),
        "If-None-Match": "*",
        "x-amz-checksum-sha256": checksum,
    }
    return SignedRequest("PUT", url, headers)


async def post_form(
    bucket: S3Bucket,
    key: str,
    *,
    ttl_s: int,
    max_bytes: int,
    content_type: str,
    sha256: str | None,
) -> SignedForm:
    if not 1 <= max_bytes <= MAX_UPLOAD_BYTES:
        raise InvalidRequest(f"One upload holds 1 to {MAX_UPLOAD_BYTES} bytes.")
    most_bytes = stricter(max_bytes, bucket.config.max_object_bytes)
    fields = _named(_written(bucket, content_type))
    if sha256 is not None:
        fields |= {
            "x-amz-checksum-algorithm": "SHA256",
            "x-amz-checksum-sha256": sha256_as_header(sha256),
        }
    conditions: list[Any] = [["content-length-range", 1, most_bytes]]
    conditions += [{name: value} for name, value in fields.items()]
    async with bucket.asking(f"presign {key}"):
        made = await bucket.client.generate_presigned_post(
            bucket.config.bucket,
            bucket.config.object_name(key),
            Fields=fields,
            Conditions=conditions,
            ExpiresIn=_checked_ttl(ttl_s),
        )
    return SignedForm(made["url"], made["fields"])


def attachment(name: str) -> str:
    """A Content-Disposition (RFC 6266) that saves under this name, whatever is in it."""
    cleaned = "".join(c for c in name if c.isprintable() and c not in '/\\"').strip(". ")[:150]
    plain = cleaned.encode("ascii", "replace").decode().replace("?", "_") or "download"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(cleaned or plain, safe='')}"


async def _signed(bucket: S3Bucket, method: str, key: str, ttl_s: int, more: dict[str, Any]) -> str:
    params = {"Bucket": bucket.config.bucket, "Key": bucket.config.object_name(key), **more}
    async with bucket.asking(f"presign {key}"):
        return await bucket.client.generate_presigned_url(method, params, _checked_ttl(ttl_s))


def _written(bucket: S3Bucket, content_type: str) -> dict[str, Any]:
    if bucket.config.customer_key:
        raise InvalidRequest("A customer's key is not handed out with a link.")
    return bucket.written(_checked_type(content_type), Described(), cache_control=IMMUTABLE)


def _named(written: dict[str, Any]) -> dict[str, str]:
    return {
        _HEADERS[name]: str(value).lower() if isinstance(value, bool) else value
        for name, value in written.items()
    }


def _checked_type(content_type: str) -> str:
    if not _CONTENT_TYPE.fullmatch(content_type):
        raise InvalidRequest(f"This is no content type: {content_type!r}.")
    return content_type


def _checked_ttl(ttl_s: int) -> int:
    if not 1 <= ttl_s <= MAX_PRESIGN_S:
        raise InvalidRequest(f"S3 signs links for 1 to {MAX_PRESIGN_S} seconds.")
    return ttl_s
