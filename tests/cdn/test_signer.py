"""Links as CloudFront wants them, byte for byte, and keys that it would not take."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from botocore.signers import CloudFrontSigner as BotocoreSigner
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from autodj.cdn.signer import (
    CloudFrontSigner,
    PrivateKey,
    load_private_key,
    load_public_key,
    public_pem,
)
from autodj.errors import SettingsError
from tests.cdn.conftest import DOMAIN, KEY_PAIR_ID, pem_of

KEY = "tracks/0b0e7a52-1111-4222-8333-444455556666/1-aa.mp3"
END = datetime(2027, 1, 1, tzinfo=UTC)


def test_a_plain_link_is_the_https_url_of_the_key() -> None:
    signer = CloudFrontSigner(DOMAIN)

    assert signer.link(KEY, expires_at=END) == f"https://{DOMAIN}/{KEY}"
    assert not signer.signs
    assert signer.public_keys() == {}


@pytest.mark.parametrize(
    ("origin", "prefix", "expected"),
    [
        (DOMAIN, "", f"https://{DOMAIN}/a"),
        (DOMAIN.upper(), "", f"https://{DOMAIN}/a"),
        (f"https://{DOMAIN}", "", f"https://{DOMAIN}/a"),
        ("http://127.0.0.1:8123", "", "http://127.0.0.1:8123/a"),
        (DOMAIN, "p", f"https://{DOMAIN}/p/a"),
        (DOMAIN, "p/q/", f"https://{DOMAIN}/p/q/a"),
        (DOMAIN, "/p/", f"https://{DOMAIN}/p/a"),
    ],
)
def test_origin_and_prefix_come_before_the_key(origin: str, prefix: str, expected: str) -> None:
    assert CloudFrontSigner(origin, prefix=prefix).link("a", expires_at=END) == expected


def test_an_rsa_sha1_link_is_exactly_what_botocore_makes(rsa_pem: str) -> None:
    key = load_private_key(rsa_pem)
    assert isinstance(key, rsa.RSAPrivateKey)
    peer = BotocoreSigner(
        KEY_PAIR_ID, lambda message: key.sign(message, padding.PKCS1v15(), hashes.SHA1())
    )

    ours = CloudFrontSigner(DOMAIN, KEY_PAIR_ID, rsa_pem, "SHA1").link(KEY, expires_at=END)

    assert ours == peer.generate_presigned_url(f"https://{DOMAIN}/{KEY}", date_less_than=END)


def test_only_sha256_is_named_in_the_link(signer: CloudFrontSigner) -> None:
    link = signer.link(KEY, expires_at=END)
    names = [part.partition("=")[0] for part in link.partition("?")[2].split("&")]

    assert names[:3] == ["Expires", "Signature", "Key-Pair-Id"]
    assert names[3:] == (["Hash-Algorithm"] if link.endswith("Hash-Algorithm=SHA256") else [])
    assert "Expires=1798761600&" in link
    assert not set(link.partition("Signature=")[2].partition("&")[0]) & set("+/=")
    assert signer.signs


def test_the_end_is_one_moment_in_any_time_zone_and_needs_one(rsa_pem: str) -> None:
    signer = CloudFrontSigner(DOMAIN, KEY_PAIR_ID, rsa_pem)
    elsewhere = END.astimezone(timezone(timedelta(hours=9)))

    assert signer.link(KEY, expires_at=elsewhere) == signer.link(KEY, expires_at=END)
    with pytest.raises(ValueError, match="time zone"):
        signer.link(KEY, expires_at=END.replace(tzinfo=None))


@pytest.mark.parametrize(
    "key", ["", "a?b", "a#b", "a*", "a b", "a%2fb", 'a"b', "a&Expires=1", "A", "ä", "a\n"]
)
def test_what_could_change_the_meaning_of_a_url_is_never_signed(key: str, rsa_pem: str) -> None:
    for signer in (CloudFrontSigner(DOMAIN), CloudFrontSigner(DOMAIN, KEY_PAIR_ID, rsa_pem)):
        with pytest.raises(ValueError, match="object key"):
            signer.link(key, expires_at=END)


@pytest.mark.parametrize(
    "origin", ["", "ftp://a", "https://", "a/b", "https://a/", "a?b", "u@h", "a b", "https://a:x"]
)
def test_an_origin_that_is_no_host_is_refused(origin: str) -> None:
    with pytest.raises(SettingsError, match="host name"):
        CloudFrontSigner(origin)


def test_all_faults_are_told_at_once(rsa_pem: str) -> None:
    with pytest.raises(SettingsError) as caught:
        CloudFrontSigner("a b", KEY_PAIR_ID, None, "MD5", prefix="?")
    assert len(caught.value.faults) == 4

    with pytest.raises(SettingsError, match="go together"):
        CloudFrontSigner(DOMAIN, None, rsa_pem)


def weak_keys() -> list[str]:
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    big = rsa.generate_private_key(public_exponent=65537, key_size=3072)
    other = ec.generate_private_key(ec.SECP384R1())
    kind = ed25519.Ed25519PrivateKey.generate()
    return [
        *(pem_of(key) for key in (weak, big, other)),
        kind.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
    ]


@pytest.mark.parametrize("pem", weak_keys(), ids=["rsa-1024", "rsa-3072", "p-384", "ed25519"])
def test_a_key_that_cloudfront_does_not_take_is_refused(pem: str) -> None:
    with pytest.raises(SettingsError, match="RSA 2048"):
        CloudFrontSigner(DOMAIN, KEY_PAIR_ID, pem)


@pytest.mark.parametrize(
    "pem", ["", "none", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_an_unreadable_key_is_refused_and_not_shown(pem: str) -> None:
    with pytest.raises(SettingsError, match="readable") as caught:
        CloudFrontSigner(DOMAIN, KEY_PAIR_ID, pem)

    assert "AAAA" not in str(caught.value)
    with pytest.raises(SettingsError):
        load_public_key(pem)


def test_a_key_behind_a_password_is_refused() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    locked = key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password")
    )

    with pytest.raises(SettingsError, match="readable"):
        load_private_key(locked.decode())


@pytest.mark.parametrize("pem_name", ["rsa_pem", "ec_pem"])
def test_a_public_key_travels_as_pem(request: pytest.FixtureRequest, pem_name: str) -> None:
    signer = CloudFrontSigner(DOMAIN, KEY_PAIR_ID, request.getfixturevalue(pem_name))
    (key,) = signer.public_keys().values()

    assert public_pem(load_public_key(public_pem(key))) == public_pem(key)


@pytest.mark.parametrize("key", [ec.generate_private_key(ec.SECP384R1())])
def test_a_public_key_that_cloudfront_does_not_take_is_refused(key: PrivateKey) -> None:
    with pytest.raises(SettingsError, match="RSA 2048"):
        load_public_key(public_pem(key.public_key()))
