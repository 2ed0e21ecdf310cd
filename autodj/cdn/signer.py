"""Links to objects behind CloudFront, plain or signed."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from autodj.cdn.policy import PublicKey, canned_policy, hash_named, to_url
from autodj.errors import SettingsError

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

RSA_BITS: Final = 2048

_ORIGIN: Final = re.compile(r"https?://[a-z0-9.-]+(?::[0-9]{1,5})?")
_PATH: Final = re.compile(r"[a-z0-9/._-]*")


class CloudFrontSigner:
    """Makes the links of one distribution.

    ``origin`` is its domain, or ``scheme://host[:port]`` of something that stands in for it.
    ``prefix`` comes before every key in the path, as it does in the bucket. With a key pair
    the links are signed by canned policy: good for one object until one moment. SettingsError
    for a key that CloudFront would not take: it knows RSA 2048 and ECDSA P-256.
    """

    def __init__(
        self,
        origin: str,
        key_pair_id: str | None = None,
        private_key_pem: str | None = None,
        hash_algorithm: str = "SHA256",
        *,
        prefix: str = "",
    ) -> None:
        faults = []
        if (key_pair_id is None) != (private_key_pem is None):
            faults.append("CloudFront's key pair id and private key go together, or not at all")
        if not _ORIGIN.fullmatch(_with_scheme(origin)):
            faults.append("CloudFront's domain is not a host name")
        if not _PATH.fullmatch(prefix):
            faults.append("CloudFront's path prefix may hold only a-z, 0-9, '/', '.', '_' and '-'")
        if hash_algorithm not in {"SHA1", "SHA256"}:
            faults.append("CloudFront's hash is SHA1 or SHA256")
        if faults:
            raise SettingsError(faults)
        folder = prefix.strip("/")
        self._base = f"{_with_scheme(origin)}/{folder}/" if folder else f"{_with_scheme(origin)}/"
        self._key_pair_id = key_pair_id
        self._key = None if private_key_pem is None else load_private_key(private_key_pem)
        self._hash_algorithm = hash_algorithm

    @property
    def signs(self) -> bool:
        """Whether links end; plain ones do not."""
        return self._key is not None

    def link(self, key: str, *, expires_at: datetime) -> str:
        """The URL of the object, good until ``expires_at`` (aware) when it is signed."""
        if not key or not _PATH.fullmatch(key):
            raise ValueError(f"{key!r} is not an object key")
        if expires_at.tzinfo is None:
            raise ValueError("the end of a link needs a time zone")
        url = f"{self._base}{key}"
        if self._key is None:
            return url
        expires = int(expires_at.timestamp())
        signature = to_url(_signature(self._key, canned_policy(url, expires), self._hash_algorithm))
        named = "&Hash-Algorithm=SHA256" if self._hash_algorithm == "SHA256" else ""
        return (
            f"{url}?Expires={expires}&Signature={signature}&Key-Pair-Id={self._key_pair_id}{named}"
        )

    def public_keys(self) -> dict[str, PublicKey]:
        """What checks these links, by key pair id; empty when they are not signed."""
        if self._key is None or self._key_pair_id is None:
            return {}
        return {self._key_pair_id: self._key.public_key()}


def load_private_key(pem: str) -> PrivateKey:
    """The key of a PEM text; SettingsError for what is unreadable, weak or of another kind."""
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SettingsError(["CloudFront's private key is not a readable, open PEM"]) from error
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size == RSA_BITS:
        return key
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise SettingsError(["CloudFront's private key is neither RSA 2048 nor ECDSA P-256"])


def load_public_key(pem: str) -> PublicKey:
    """The same for a public key."""
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SettingsError(["CloudFront's public key is not a readable PEM"]) from error
    if isinstance(key, rsa.RSAPublicKey) and key.key_size == RSA_BITS:
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise SettingsError(["CloudFront's public key is neither RSA 2048 nor ECDSA P-256"])


def public_pem(key: PublicKey) -> str:
    """The PEM that CloudFront takes when a public key is added to it."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")


def _signature(key: PrivateKey, signed: bytes, hash_algorithm: str) -> bytes:
    algorithm = hash_named(hash_algorithm)
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(signed, padding.PKCS1v15(), algorithm)
    return key.sign(signed, ec.ECDSA(algorithm))


def _with_scheme(origin: str) -> str:
    return origin.lower() if "://" in origin else f"https://{origin.lower()}"
