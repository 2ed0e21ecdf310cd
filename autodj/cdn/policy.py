"""Signed CloudFront links as pure text: what is signed, and whether a link may be used.

The form is AWS's canned policy: https://docs.aws.amazon.com/AmazonCloudFront/latest/
DeveloperGuide/private-content-creating-signed-url-canned-policy.html. CloudFront does the
checking in production; ``check_link`` stands in for it where there is no CloudFront.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from autodj.errors import LinkRefused

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

# Names in a query that CloudFront takes for its own; no other query may use them.
RESERVED: Final = frozenset({"Expires", "Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm"})

_TO_URL: Final = bytes.maketrans(b"+=/", b"-_~")
_FROM_URL: Final = bytes.maketrans(b"-_~", b"+=/")
_EPOCH: Final = re.compile(r"[1-9][0-9]{0,10}")
_URL: Final = re.compile(r"[!-~]+")


def canned_policy(url: str, expires: int) -> bytes:
    """The text that is signed: this URL, until that POSIX second. Not a byte may differ."""
    return (
        f'{{"Statement":[{{"Resource":"{url}","Condition":'
        f'{{"DateLessThan":{{"AWS:EpochTime":{expires}}}}}}}]}}'
    ).encode("ascii")


def to_url(raw: bytes) -> str:
    """Base64 with CloudFront's own replacements for the characters that URLs reserve."""
    return base64.b64encode(raw).translate(_TO_URL).decode("ascii")


def from_url(text: str) -> bytes:
    """The inverse of ``to_url``; ValueError for anything that ``to_url`` does not write."""
    try:
        raw = base64.b64decode(text.encode("ascii").translate(_FROM_URL), validate=True)
    except binascii.Error as error:
        raise ValueError("this is not base64") from error
    if to_url(raw) != text:
        raise ValueError("this is not the one spelling of these bytes")
    return raw


def check_link(url: str, *, now: datetime, public_keys: Mapping[str, PublicKey]) -> datetime:
    """Return when the link ends, or raise LinkRefused as CloudFront would answer 403.

    ``url`` is the whole URL as it was requested, scheme and host included; ``public_keys`` is
    the key group, by key pair id. The codes are link_missing, link_tampered, link_unknown_key
    and link_expired.
    """
    asked = _parsed(url)
    key = public_keys.get(asked.key_pair_id)
    if key is None:
        raise LinkRefused("The link names a key that is not in use.", code="link_unknown_key")
    if not _signed_by(key, asked):
        raise LinkRefused("The link does not match its signature.", code="link_tampered")
    expires_at = datetime.fromtimestamp(asked.expires, UTC)
    if now >= expires_at:
        raise LinkRefused("The link has expired.", code="link_expired")
    return expires_at


@dataclass(frozen=True, slots=True)
class _Asked:
    resource: str
    expires: int
    signature: bytes
    key_pair_id: str
    algorithm: hashes.HashAlgorithm


def _parsed(url: str) -> _Asked:
    if not _URL.fullmatch(url):
        raise LinkRefused("The link is not a URL.", code="link_tampered")
    resource, _, query = url.partition("?")
    ours: dict[str, str] = {}
    others = []
    for part in query.split("&") if query else ():
        name, _, value = part.partition("=")
        if name not in RESERVED:
            others.append(part)
        elif name in ours:
            raise LinkRefused(f"The link has {name} twice.", code="link_tampered")
        else:
            ours[name] = value
    if not {"Expires", "Signature", "Key-Pair-Id"} <= ours.keys():
        raise LinkRefused("The link is not signed.", code="link_missing")
    if "Policy" in ours:
        raise LinkRefused("Links with a policy of their own are not used.", code="link_tampered")
    try:
        return _Asked(
            resource="?".join([resource, "&".join(others)]) if others else resource,
            expires=_epoch(ours["Expires"]),
            signature=from_url(ours["Signature"]),
            key_pair_id=ours["Key-Pair-Id"],
            algorithm=hash_named(ours.get("Hash-Algorithm", "SHA1")),
        )
    except ValueError as error:
        raise LinkRefused(f"The link is malformed: {error}.", code="link_tampered") from error


def _epoch(text: str) -> int:
    if not _EPOCH.fullmatch(text):
        raise ValueError("its end is not a time")
    return int(text)


def hash_named(name: str) -> hashes.HashAlgorithm:
    """CloudFront's two hashes; ValueError for any other name."""
    match name:
        case "SHA1":
            return hashes.SHA1()  # noqa: S303 - CloudFront's default, and still its own
        case "SHA256":
            return hashes.SHA256()
    raise ValueError(f"{name} is not SHA1 or SHA256")


def _signed_by(key: PublicKey, asked: _Asked) -> bool:
    signed = canned_policy(asked.resource, asked.expires)
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(asked.signature, signed, padding.PKCS1v15(), asked.algorithm)
        else:
            key.verify(asked.signature, signed, ec.ECDSA(asked.algorithm))
    except InvalidSignature:
        return False
    return True
