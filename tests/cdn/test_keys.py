"""Signatures, against published vectors and against the openssl command."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from ipaddress import IPv4Network
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from autodj.cdn.keys import hash_named, load_private_key, public_pem, signature
from autodj.cdn.policy import check_request, split_signature
from autodj.cdn.signer import CloudFrontSigner, Terms
from autodj.cdn.statement import Statement, from_url, to_url

DOMAIN = "d111111abcdef8.cloudfront.net"
URL = f"https://{DOMAIN}/tracks/x/1-a.mp3"
NOW = datetime(2026, 3, 1, tzinfo=UTC)
END = datetime(2027, 1, 1, tzinfo=UTC)
KINDS = pytest.mark.parametrize(
    ("pem_name", "hash_name"),
    [("rsa_pem", "SHA1"), ("rsa_pem", "SHA256"), ("ec_pem", "SHA1"), ("ec_pem", "SHA256")],
)
RFC6979_KEY = 0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721


@pytest.mark.parametrize(
    ("hash_name", "message", "r", "s"),
    [
        (
            "SHA1", b"sample",
            0x61340C88C3AAEBEB4F6D667F672CA9759A6CCAA9FA8811313039EE4A35471D32,
            0x6D7F147DAC089441BB2E2FE8F7A3FA264B9C475098FDCF6E00D7C996E1B8B7EB,
        ),
        (
            "SHA256", b"sample",
            0xEFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716,
            0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8,
        ),
        (
            "SHA1", b"test",
            0x0CBCC86FD6ABD1D99E703E1EC50069EE5C0B4BA4B9AC60E409E8EC5910D81A89,
            0x01B9D7B73DFAA60D5651EC4591A0136F87653E0FD780C3B1BC872FFDEAE479B1,
        ),
        (
            "SHA256", b"test",
            0xF1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367,
            0x019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083,
        ),
    ],
)  # fmt: skip
def test_ecdsa_signatures_are_those_that_rfc_6979_publishes_for_p_256(
    hash_name: str, message: bytes, r: int, s: int
) -> None:
    key = ec.derive_private_key(RFC6979_KEY, ec.SECP256R1())
    assert decode_dss_signature(signature(key, message, hash_named(hash_name))) == (r, s)


@KINDS
def test_the_same_text_has_the_same_signature_in_every_process(
    request: pytest.FixtureRequest, pem_name: str, hash_name: str
) -> None:
    pem = request.getfixturevalue(pem_name)
    made = {signature(load_private_key(pem), b"text", hash_named(hash_name)) for _ in range(3)}
    assert len(made) == 1


def openssl(*arguments: str | Path, given: bytes = b"") -> bytes:
    return subprocess.run(
        ["openssl", *map(str, arguments)],
        input=given,
        capture_output=True,
        check=True,
    ).stdout


def canned(signer: CloudFrontSigner) -> str:
    return signer.link("tracks/x/1-a.mp3", expires_at=END)


def custom(signer: CloudFrontSigner) -> str:
    terms = Terms(END, NOW, IPv4Network("192.0.2.0/24"))
    return signer.custom_link("tracks/x/1-a.mp3", terms, covering="tracks/*")


@KINDS
@pytest.mark.parametrize("link_of", [canned, custom])
def test_openssl_accepts_what_we_sign(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    pem_name: str,
    hash_name: str,
    link_of: Callable[[CloudFrontSigner], str],
) -> None:
    pem = request.getfixturevalue(pem_name)
    signer = CloudFrontSigner(DOMAIN, "K2JCJMDEHXQW5F", pem, hash_name)
    url, given = split_signature(link_of(signer))
    policy = (
        from_url(given["Policy"])
        if "Policy" in given
        else Statement(url, int(given["Expires"])).text()
    )
    (key,) = signer.public_keys().values()
    (tmp_path / "key.pem").write_text(public_pem(key))
    (tmp_path / "signature").write_bytes(from_url(given["Signature"]))
    digest = f"-{hash_name.lower()}"
    verify = ("dgst", digest, "-verify", tmp_path / "key.pem", "-signature", tmp_path / "signature")
    assert openssl(*verify, given=policy) == b"Verified OK\n"
    with pytest.raises(subprocess.CalledProcessError):
        openssl(*verify, given=policy + b" ")


@KINDS
def test_we_accept_what_openssl_signs(
    request: pytest.FixtureRequest, tmp_path: Path, pem_name: str, hash_name: str
) -> None:
    pem = request.getfixturevalue(pem_name)
    (tmp_path / "key.pem").write_text(pem)
    # As the guide has it signed on a command line: with blanks, in an order of its own.
    policy = (
        b'{ "Statement": [{ "Resource": "https://d111111abcdef8.cloudfront.net/tracks/*",\n'
        b'  "Condition": { "IpAddress": {"AWS:SourceIp": "192.0.2.0/24"},'
        b' "DateLessThan": {"AWS:EpochTime": 1798761600} } }] }\n'
    )
    made = openssl("dgst", f"-{hash_name.lower()}", "-sign", tmp_path / "key.pem", given=policy)
    url = (
        f"{URL}?Policy={to_url(policy)}&Signature={to_url(made)}&Key-Pair-Id=K2JCJMDEHXQW5F"
        f"&Hash-Algorithm={hash_name}"
    )
    keys = {"K2JCJMDEHXQW5F": load_private_key(pem).public_key()}
    grant = check_request(url, cookies={}, client_ip="192.0.2.1", now=NOW, public_keys=keys)
    assert (grant.url, grant.expires_at) == (URL, END)
