"""The two kinds of key that CloudFront takes, and what is done with them."""

from __future__ import annotations

from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from autodj.errors import SettingsError

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

RSA_BITS: Final = 2048


def hash_named(name: str) -> hashes.HashAlgorithm:
    """CloudFront's two hashes; ValueError for any other name."""
    match name:
        case "SHA1":
            return hashes.SHA1()  # noqa: S303 - CloudFront's default, and still its own
        case "SHA256":
            return hashes.SHA256()
    raise ValueError(f"{name} is not SHA1 or SHA256")


def signature(key: PrivateKey, signed: bytes, algorithm: hashes.HashAlgorithm) -> bytes:
    """The one signature of these bytes by this key.

    ECDSA's is made by RFC 6979: with the usual random number every process would hand out
    another URL for the same object, and a cache would hold none of them twice.
    """
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(signed, padding.PKCS1v15(), algorithm)
    return key.sign(signed, ec.ECDSA(algorithm, deterministic_signing=True))


def is_signed_by(
    key: PublicKey, signed: bytes, given: bytes, algorithm: hashes.HashAlgorithm
) -> bool:
    """Whether ``given`` is a signature of these bytes by that key."""
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(given, signed, padding.PKCS1v15(), algorithm)
        else:
            key.verify(given, signed, ec.ECDSA(algorithm))
    except InvalidSignature:
        return False
    return True


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
