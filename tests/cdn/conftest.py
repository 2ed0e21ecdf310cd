"""Key pairs of each kind that CloudFront takes, made once."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from autodj.cdn.keys import PrivateKey
from autodj.cdn.signer import CloudFrontSigner

KEY_PAIR_ID = "K2JCJMDEHXQW5F"
DOMAIN = "d111111abcdef8.cloudfront.net"


def pem_of(key: PrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.fixture(scope="session")
def rsa_pem() -> str:
    return pem_of(rsa.generate_private_key(public_exponent=65537, key_size=2048))


@pytest.fixture(scope="session")
def ec_pem() -> str:
    return pem_of(ec.generate_private_key(ec.SECP256R1()))


@pytest.fixture(
    scope="session",
    params=[("rsa_pem", "SHA1"), ("rsa_pem", "SHA256"), ("ec_pem", "SHA1"), ("ec_pem", "SHA256")],
    ids=["rsa-sha1", "rsa-sha256", "ec-sha1", "ec-sha256"],
)
def signer(request: pytest.FixtureRequest) -> CloudFrontSigner:
    pem, hash_algorithm = request.param
    return CloudFrontSigner(
        DOMAIN, KEY_PAIR_ID, request.getfixturevalue(pem), hash_algorithm, prefix="p"
    )
