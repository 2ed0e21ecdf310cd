"""Links as CloudFront wants them, byte for byte, and keys that it would not take."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from ipaddress import IPv4Network
from itertools import pairwise

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

from autodj.cdn.keys import (
    PrivateKey,
    load_private_key,
    load_public_key,
    public_pem,
)
from autodj.cdn.policy import check_link
from autodj.cdn.signer import CloudFrontSigner, Terms
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


BEGIN = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "terms",
    [
        Terms(END),
        Terms(END, not_before=BEGIN),
        Terms(END, addresses=IPv4Network("192.0.2.0/24")),
        Terms(END, BEGIN, IPv4Network("192.0.2.7/32")),
    ],
)
def test_a_custom_rsa_sha1_link_is_exactly_what_botocore_makes(rsa_pem: str, terms: Terms) -> None:
    key = load_private_key(rsa_pem)
    assert isinstance(key, rsa.RSAPrivateKey)
    peer = BotocoreSigner(
        KEY_PAIR_ID, lambda message: key.sign(message, padding.PKCS1v15(), hashes.SHA1())
    )
    policy = peer.build_policy(
        f"https://{DOMAIN}/tracks/*",
        terms.expires_at,
        date_greater_than=terms.not_before,
        ip_address=None if terms.addresses is None else str(terms.addresses),
    )

    ours = CloudFrontSigner(DOMAIN, KEY_PAIR_ID, rsa_pem, "SHA1").custom_link(
        KEY, terms, covering="tracks/*"
    )

    assert ours == peer.generate_presigned_url(f"https://{DOMAIN}/{KEY}", policy=policy)


def test_the_query_of_a_pattern_goes_with_every_object_that_it_covers(
    signer: CloudFrontSigner,
) -> None:
    query = signer.custom_query("tracks/*", Terms(END))

    assert signer.custom_link(KEY, Terms(END), covering="tracks/*") == (
        f"https://{DOMAIN}/p/{KEY}?{query}"
    )


def test_a_pattern_has_to_cover_the_object_that_is_linked(signer: CloudFrontSigner) -> None:
    with pytest.raises(ValueError, match="does not cover"):
        signer.custom_link(KEY, Terms(END), covering="covers/*")


@pytest.mark.parametrize("pattern", ["", "a&b", "a#*", "*%", 'a"', "A*", "ä*", "*\n"])
def test_a_pattern_that_would_need_escaping_is_never_signed(
    signer: CloudFrontSigner, pattern: str
) -> None:
    with pytest.raises(ValueError, match="pattern"):
        signer.custom_query(pattern, Terms(END))


def test_a_link_that_would_end_before_it_begins_is_never_made(signer: CloudFrontSigner) -> None:
    for begin in (END, END + timedelta(seconds=1)):
        with pytest.raises(ValueError, match="before it begins"):
            signer.custom_link(KEY, Terms(END, not_before=begin))
    with pytest.raises(ValueError, match="time zone"):
        signer.custom_link(KEY, Terms(END, not_before=BEGIN.replace(tzinfo=None)))


def test_a_signature_is_not_promised_where_there_is_no_key() -> None:
    with pytest.raises(SettingsError, match="CLOUDFRONT_KEY_PAIR_ID"):
        CloudFrontSigner(DOMAIN).custom_link(KEY, Terms(END))
    with pytest.raises(SettingsError, match="CLOUDFRONT_KEY_PAIR_ID"):
        CloudFrontSigner(DOMAIN).cookies("*", Terms(END))


def test_a_plain_link_is_plain_beside_signed_ones(signer: CloudFrontSigner) -> None:
    assert signer.plain_link("public/a.mp3") == f"https://{DOMAIN}/p/public/a.mp3"


def test_the_second_key_is_known_and_signs_nothing(rsa_pem: str, ec_pem: str) -> None:
    both = CloudFrontSigner(DOMAIN, "KNEW0000", ec_pem, also={"KOLD0000": rsa_pem})
    new = CloudFrontSigner(DOMAIN, "KNEW0000", ec_pem)

    assert list(both.public_keys()) == ["KNEW0000", "KOLD0000"]
    assert both.link(KEY, expires_at=END) == new.link(KEY, expires_at=END)


def test_the_second_key_can_be_tried_without_changing_who_signs(rsa_pem: str, ec_pem: str) -> None:
    both = CloudFrontSigner(DOMAIN, "KNEW0000", ec_pem, also={"KOLD0000": rsa_pem})
    old = CloudFrontSigner(DOMAIN, "KOLD0000", rsa_pem)
    before = both.link(KEY, expires_at=END)

    assert both.signing_with("KOLD0000").link(KEY, expires_at=END) == old.link(KEY, expires_at=END)
    assert both.signing_with("KNEW0000").link(KEY, expires_at=END) == before
    assert both.link(KEY, expires_at=END) == before
    with pytest.raises(KeyError):
        both.signing_with("KGONE000")


def test_a_rotation_breaks_no_link_at_any_of_its_steps(rsa_pem: str, ec_pem: str) -> None:
    old = CloudFrontSigner(DOMAIN, "KOLD0000", rsa_pem)
    prepared = CloudFrontSigner(DOMAIN, "KOLD0000", rsa_pem, also={"KNEW0000": ec_pem})
    swapped = CloudFrontSigner(DOMAIN, "KNEW0000", ec_pem, also={"KOLD0000": rsa_pem})
    done = CloudFrontSigner(DOMAIN, "KNEW0000", ec_pem)
    steps = [old, prepared, swapped, done]

    # Deployment is gradual: beside each step the one before it still runs.
    for before, after in pairwise(steps[:3]):
        for signer in (before, after):
            link = signer.link(KEY, expires_at=END)
            assert check_link(link, now=BEGIN, public_keys=prepared.public_keys()) == END
    # The old key goes when its last link is over, so nothing that is left was signed with it.
    assert (
        check_link(swapped.link(KEY, expires_at=END), now=BEGIN, public_keys=done.public_keys())
        == END
    )


@pytest.mark.parametrize(
    ("key_pair_id", "also", "fault"),
    [(None, "KOLD0000", "first one"), ("KOLD0000", "KOLD0000", "same id")],
)
def test_a_second_key_is_another_one_beside_the_first(
    rsa_pem: str, key_pair_id: str | None, also: str, fault: str
) -> None:
    with pytest.raises(SettingsError, match=fault):
        CloudFrontSigner(DOMAIN, key_pair_id, key_pair_id and rsa_pem, also={also: rsa_pem})
