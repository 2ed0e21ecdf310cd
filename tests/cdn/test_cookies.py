"""Signed cookies as browsers take them."""

from __future__ import annotations

from datetime import UTC, datetime
from http.cookies import SimpleCookie

import pytest

from autodj.cdn.cookies import SignedCookies, shared_domain
from autodj.cdn.signer import CloudFrontSigner, Terms
from tests.cdn.conftest import KEY_PAIR_ID

TERMS = Terms(datetime(2027, 1, 1, tzinfo=UTC))


def test_each_cookie_is_a_header_with_the_same_attributes(signer: CloudFrontSigner) -> None:
    cookies = signer.cookies("tracks/x/*", TERMS, domain="example.org", same_site="Strict")
    headers = cookies.headers()
    names = [header.partition("=")[0] for header in headers]
    wanted = ["CloudFront-Policy", "CloudFront-Signature", "CloudFront-Key-Pair-Id"]
    assert names[:3] == wanted
    assert set(names[3:]) <= {"CloudFront-Hash-Algorithm"}
    for header in headers:
        value, _, attributes = header.partition("; ")
        domain, path, *flags = attributes.split("; ")
        assert (domain, path) == ("Domain=example.org", "Path=/p/tracks/x")
        assert flags == ["Secure", "HttpOnly", "SameSite=Strict"]
        # AWS reads these characters as they are, so none may have been quoted on the way.
        [(name, morsel)] = SimpleCookie(header).items()
        assert f"{name}={morsel.value}" == value


def test_only_sha256_is_named_in_a_cookie(rsa_pem: str) -> None:
    for hash_algorithm, named in (("SHA1", None), ("SHA256", "SHA256")):
        signer = CloudFrontSigner("d1.cloudfront.net", KEY_PAIR_ID, rsa_pem, hash_algorithm)
        values = signer.cookies("tracks/*", TERMS).values
        assert values.get("CloudFront-Hash-Algorithm") == named
        assert values["CloudFront-Key-Pair-Id"] == KEY_PAIR_ID


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("tracks/x/*", "/p/tracks/x"),
        ("tracks/x/1-*.mp3", "/p/tracks/x"),
        ("tracks/x/1-a.mp3", "/p/tracks/x"),
        ("tracks/?/1-a.mp3", "/p/tracks"),
        ("*", "/p"),
    ],
)
def test_a_cookie_is_sent_for_the_folder_that_its_objects_share(
    signer: CloudFrontSigner, pattern: str, path: str
) -> None:
    assert signer.cookies(pattern, TERMS).path == path


def test_without_a_folder_a_cookie_is_sent_everywhere(ec_pem: str) -> None:
    signer = CloudFrontSigner("d1.cloudfront.net", KEY_PAIR_ID, ec_pem)
    assert signer.cookies("*", TERMS).path == "/"
    assert "; Path=/; " in signer.cookies("a*", TERMS).headers()[0]


def test_a_page_on_another_site_needs_partitioned_cookies(signer: CloudFrontSigner) -> None:
    cookies = signer.cookies("*", TERMS, same_site="None", partitioned=True)
    for header in cookies.headers():
        assert header.endswith("; Secure; HttpOnly; SameSite=None; Partitioned")
    with pytest.raises(ValueError, match="SameSite=None"):
        signer.cookies("*", TERMS, partitioned=True)


def test_a_path_that_is_none_is_refused_and_secrets_are_not_shown() -> None:
    with pytest.raises(ValueError, match="slash"):
        SignedCookies({}, path="tracks")
    assert "hidden" not in repr(SignedCookies({"CloudFront-Signature": "hidden"}))


@pytest.mark.parametrize(
    ("page", "cdn", "shared"),
    [
        ("app.example.org", "cdn.example.org", "example.org"),
        ("example.org", "cdn.example.org", "example.org"),
        ("App.Example.org.", "media.eu.example.org", "example.org"),
        ("a.dj.example.org", "b.dj.example.org", "dj.example.org"),
        ("cdn.example.org", "cdn.example.org", "cdn.example.org"),
    ],
)
def test_sibling_hosts_share_their_parent(page: str, cdn: str, shared: str) -> None:
    assert shared_domain(page, cdn) == shared


@pytest.mark.parametrize(
    ("page", "cdn"),
    [
        ("app.example.org", "d1.cloudfront.net"),
        ("d2.cloudfront.net", "d1.cloudfront.net"),
        ("example.org", "example.com"),
        ("a.org", "b.org"),
        ("localhost", "localhost"),
        ("127.0.0.1", "10.0.0.1"),
        ("127.0.0.1", "127.0.0.1"),
    ],
)
def test_others_cannot_set_cookies_for_each_other(page: str, cdn: str) -> None:
    with pytest.raises(ValueError, match="cannot set cookies"):
        shared_domain(page, cdn)
