"""What can be chosen about a set-up, checked as a whole before anything is written."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from autodj.cdn.keys import load_public_key, public_pem
from autodj.errors import SettingsError

PUBLIC_FOLDER: Final = "public/"
LOGS_SUFFIX: Final = "-logs"
MAX_KEYS: Final = 5

# Dots are legal in a bucket's name, but the certificate of S3 does not cover them.
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_PREFIX: Final = re.compile(r"(?:[a-z0-9._-]+/)*")
_DOMAIN: Final = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
_CERTIFICATE: Final = re.compile(r"arn:aws:acm:us-east-1:[0-9]{12}:certificate/[0-9a-f-]{1,64}")
_KMS_KEY: Final = re.compile(r"arn:aws:kms:[a-z0-9-]+:[0-9]{12}:key/[0-9A-Za-z-]{1,64}")
_REGION: Final = re.compile(r"[a-z]{2}(?:-[a-z]+)+-[0-9]")
_PRINCIPAL: Final = re.compile(r"[A-Za-z0-9+=,.@_-]{1,64}")
_WEB_ORIGIN: Final = re.compile(r"https?://[a-z0-9.-]+(?::[0-9]{1,5})?")

PriceClass = Literal["100", "200", "All"]
Extra = Literal["versions", "erase", "restore", "tags", "uploads", "public-links"]


@dataclass(frozen=True, slots=True)
class Held:
    """The roles and users, by name, that get a policy; none: it is created and held by nobody."""

    roles: tuple[str, ...] = ()
    users: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Choices:
    """One bucket, one distribution, and who may do what.

    ``public_keys`` are PEM texts of which the first signs; none leaves the default behaviour
    open to everybody. ``prefix`` ends in a slash or is empty. ``kms_key``: None is SSE-S3,
    ``"new"`` creates a key, else the ARN of one that exists. ``cookie_origins`` are the pages
    that send signed cookies; without any, links are the only way in and every page may read.
    ``error_cache_s`` is how long an edge remembers an error. ``extras`` are what only some
    set-ups do. Raises SettingsError with every fault at once.
    """

    bucket: str
    public_keys: tuple[str, ...] = ()
    prefix: str = ""
    existing_bucket: bool = False
    domain: str | None = None
    certificate_arn: str | None = None
    hash: Literal["SHA256", "SHA1"] = "SHA256"
    logs: bool = True
    log_days: int = 90
    versioning: bool = True
    noncurrent_days: int = 30
    tiering: bool = False
    kms_key: str | None = None
    price_class: PriceClass = "100"
    origin_shield: str | None = None
    error_cache_s: int = 1
    ipv6: bool = True
    metrics: bool = False
    cookie_origins: tuple[str, ...] = ()
    extras: frozenset[Extra] = frozenset()
    web: Held = Held()
    worker: Held = Held()
    operator: Held = Held()

    def __post_init__(self) -> None:
        if faults := tuple(_faults(self)):
            raise SettingsError(faults)

    @property
    def log_bucket(self) -> str:
        return f"{self.bucket}{LOGS_SUFFIX}"

    @property
    def bucket_arn(self) -> str:
        return f"arn:aws:s3:::{self.bucket}"

    @property
    def objects_arn(self) -> str:
        return f"{self.bucket_arn}/{self.prefix}*"

    @property
    def public_pattern(self) -> str:
        """The paths that play without a signature, as CloudFront matches them."""
        return f"/{self.prefix}{PUBLIC_FOLDER}*"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A public key as CloudFront keeps it; ``fingerprint`` tells keys apart in names.

    CloudFront cannot change a key, so another key has to be another resource.
    """

    pem: str
    fingerprint: str


def signing_keys(choices: Choices) -> list[SigningKey]:
    """The keys of the group, the signing one first."""
    return [_signing_key(pem) for pem in choices.public_keys]


def _signing_key(pem: str) -> SigningKey:
    key = load_public_key(pem)
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return SigningKey(public_pem(key), hashlib.sha256(der).hexdigest()[:12])


def _faults(choices: Choices) -> Iterator[str]:
    yield from _name_faults(choices)
    yield from _number_faults(choices)
    yield from _key_faults(choices)
    if (choices.domain is None) != (choices.certificate_arn is None):
        yield "a domain of your own and its certificate go together, or not at all"
    if choices.cookie_origins and not choices.public_keys:
        yield "signed cookies need a public key"
    if "public-links" in choices.extras and not choices.public_keys:
        yield "public links need a public key: without one every link is public"
    if choices.existing_bucket and choices.kms_key == "new":
        yield "a bucket that exists keeps its encryption: name its KMS key, or none"


def _name_faults(choices: Choices) -> Iterator[str]:
    longest = 63 - (len(LOGS_SUFFIX) if choices.logs else 0)
    if not _BUCKET.fullmatch(choices.bucket) or len(choices.bucket) > longest:
        yield f"the bucket needs 3 to {longest} of a-z 0-9 and -, and no dots"
    if not _PREFIX.fullmatch(choices.prefix) or ".." in choices.prefix:
        yield "the prefix needs folders of a-z 0-9 . _ -, each ending in /"
    yield from _reference_faults(choices)
    for origin in choices.cookie_origins:
        if not _WEB_ORIGIN.fullmatch(origin):
            yield f"{origin} is not the origin of a page, such as https://app.example.com"
    for held in (choices.web, choices.worker, choices.operator):
        for name in (*held.roles, *held.users):
            if not _PRINCIPAL.fullmatch(name):
                yield f"{name} is not the name of a role or user"


def _reference_faults(choices: Choices) -> Iterator[str]:
    kms_key = None if choices.kms_key == "new" else choices.kms_key
    for value, shape, sentence in (
        (choices.domain, _DOMAIN, "the domain is not a host name"),
        (choices.certificate_arn, _CERTIFICATE, "the certificate is not an ACM ARN in us-east-1"),
        (choices.origin_shield, _REGION, "the origin shield is not a region"),
        (kms_key, _KMS_KEY, 'the KMS key is neither "new" nor the ARN of a key'),
    ):
        if value is not None and not shape.fullmatch(value):
            yield sentence


def _number_faults(choices: Choices) -> Iterator[str]:
    for value, lowest, highest, name in (
        (choices.log_days, 1, 3650, "the days that logs are kept"),
        (choices.noncurrent_days, 1, 3650, "the days that deleted objects are kept"),
        (choices.error_cache_s, 0, 300, "the seconds that an error is remembered"),
    ):
        if not lowest <= value <= highest:
            yield f"{name} must be {lowest} to {highest}"


def _key_faults(choices: Choices) -> Iterator[str]:
    if len(choices.public_keys) > MAX_KEYS:
        yield f"a key group holds at most {MAX_KEYS} public keys"
    seen = set()
    for pem in choices.public_keys:
        try:
            fingerprint = _signing_key(pem).fingerprint
        except SettingsError as error:
            yield from error.faults
            continue
        if fingerprint in seen:
            yield "a public key is given twice"
        seen.add(fingerprint)
