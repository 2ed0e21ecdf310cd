"""What is signed is honoured; whatever differs from it by a byte is not."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from autodj.cdn.policy import check_link
from autodj.cdn.signer import CloudFrontSigner
from autodj.cdn.statement import from_url, to_url
from autodj.errors import LinkRefused
from tests.cdn.conftest import KEY_PAIR_ID

KEY = "tracks/0b0e7a52-1111-4222-8333-444455556666/1-aa.mp3"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
END = NOW + timedelta(hours=1)

unhurried = settings(max_examples=60, deadline=None)


@pytest.fixture(scope="session")
def link(signer: CloudFrontSigner) -> str:
    """One link for all examples: an ECDSA signature differs each time, in length as well."""
    return signer.link(KEY, expires_at=END)


def refusal(link: str, signer: CloudFrontSigner, now: datetime = NOW) -> str:
    with pytest.raises(LinkRefused) as caught:
        check_link(link, now=now, public_keys=signer.public_keys())
    assert caught.value.status == 403
    return caught.value.code


@given(st.from_regex(r"[a-z0-9_-]{1,20}(/[a-z0-9._-]{1,20}){0,3}", fullmatch=True),
       st.integers(1, 4_000_000_000))  # fmt: skip
@unhurried
def test_what_is_signed_is_honoured_until_its_end(
    signer: CloudFrontSigner, key: str, end_s: int
) -> None:
    end = datetime.fromtimestamp(end_s, UTC)
    link = signer.link(key, expires_at=end)

    before = end - timedelta(seconds=1)
    assert check_link(link, now=before, public_keys=signer.public_keys()) == end
    assert refusal(link, signer, now=end) == "link_expired"


@given(st.data())
@unhurried
def test_any_changed_byte_is_refused(
    signer: CloudFrontSigner, link: str, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(link) - 1))
    other = data.draw(st.characters(max_codepoint=255).filter(lambda c: c != link[place]))
    changed = link[:place] + other + link[place + 1 :]

    assert refusal(changed, signer) in {"link_tampered", "link_missing", "link_unknown_key"}


@given(st.data())
@unhurried
def test_any_lost_or_doubled_byte_is_refused(
    signer: CloudFrontSigner, link: str, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(link) - 1))
    doubled = data.draw(st.booleans())
    changed = link[:place] + link[place] * 2 * doubled + link[place + 1 :]

    assert refusal(changed, signer) in {"link_tampered", "link_missing", "link_unknown_key"}


def test_a_link_is_good_for_its_own_object_place_and_end_only(signer: CloudFrontSigner) -> None:
    link = signer.link(KEY, expires_at=END)
    epoch = int(END.timestamp())

    for changed in (
        link.replace(KEY, KEY.replace("1-aa", "2-aa")),
        link.replace("https://", "http://"),
        link.replace("cloudfront.net", "cloudfront.example"),
        link.replace(f"={epoch}", f"={epoch + 1}"),
        link.replace(f"={epoch}", f"=0{epoch}"),
        link.replace(f"={epoch}", f"={epoch}.0"),
        link.replace(f"={epoch}", f"=%3{str(epoch)[0]}{str(epoch)[1:]}"),
        link.replace(f"={epoch}", "=" + "9" * 30),
        link.replace("?", "?x=1&"),
        link + "&x=1",
        link + "&",
        link.replace("?", "#?"),
        link + f"&Expires={epoch}",
        link + "&Policy=eyJ9",
        link.replace("Signature=", "Signature=&Signature="),
        link.replace("Hash-Algorithm=SHA256", "Hash-Algorithm=MD5") + "&Hash-Algorithm=MD5",
        " " + link,
        link.replace("tracks", "tr\nacks"),
    ):
        assert refusal(changed, signer) == "link_tampered", changed


@pytest.mark.parametrize("missing", ["Expires", "Signature", "Key-Pair-Id"])
def test_a_link_without_one_of_its_parts_is_not_signed(
    signer: CloudFrontSigner, missing: str
) -> None:
    url, _, query = signer.link(KEY, expires_at=END).partition("?")
    rest = "&".join(part for part in query.split("&") if not part.startswith(missing))

    assert refusal(f"{url}?{rest}", signer) == "link_missing"
    assert refusal(url, signer) == "link_missing"


def test_other_parameters_are_part_of_what_is_signed(signer: CloudFrontSigner) -> None:
    # CloudFront signs the whole URL, its own query included; ours never has one.
    assert refusal(signer.link(KEY, expires_at=END).replace("?", "?v=1&"), signer) == (
        "link_tampered"
    )


def test_an_unknown_key_and_another_key_under_a_known_id_are_told_apart(
    signer: CloudFrontSigner,
) -> None:
    link = signer.link(KEY, expires_at=END)
    stranger = ec.generate_private_key(ec.SECP256R1()).public_key()

    for keys, code in (
        ({}, "link_unknown_key"),
        ({"OTHER": stranger}, "link_unknown_key"),
        ({KEY_PAIR_ID: stranger}, "link_tampered"),
    ):
        with pytest.raises(LinkRefused) as caught:
            check_link(link, now=NOW, public_keys=keys)
        assert caught.value.code == code


def test_while_keys_rotate_links_of_both_are_honoured(rsa_pem: str, ec_pem: str) -> None:
    old = CloudFrontSigner("d1.cloudfront.net", "KOLD", rsa_pem)
    new = CloudFrontSigner("d1.cloudfront.net", "KNEW", ec_pem)
    group = {**old.public_keys(), **new.public_keys()}

    for signer in (old, new):
        assert check_link(signer.link(KEY, expires_at=END), now=NOW, public_keys=group) == END


@given(st.binary(max_size=64))
@settings(deadline=None)
def test_url_base64_has_one_spelling(raw: bytes) -> None:
    text = to_url(raw)

    assert from_url(text) == raw
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~")
    assert text.translate(str.maketrans("-_~", "+=/")) == base64.b64encode(raw).decode()


@pytest.mark.parametrize(
    "text", ["QQ==", "QR__", "QQ", "Q", "QQ__QQ__", "Q Q_", "QQ_=", "ä", "a+/b"]
)
def test_any_other_spelling_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"base64|spelling|ascii"):
        from_url(text)
