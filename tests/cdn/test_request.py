"""Requests under custom policies and cookies: let through, or refused by the right name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autodj.cdn.policy import Grant, check_request
from autodj.cdn.signer import CloudFrontSigner, Terms
from autodj.cdn.statement import matches
from autodj.errors import LinkRefused
from tests.cdn.conftest import DOMAIN, KEY_PAIR_ID

FOLDER = "tracks/0b0e7a52-1111-4222-8333-444455556666"
KEY = f"{FOLDER}/1-aa.mp3"
URL = f"https://{DOMAIN}/p/{KEY}"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
END = NOW + timedelta(hours=1)
BEGIN = NOW - timedelta(minutes=5)
HOME = IPv4Network("192.0.2.0/24")
TERMS = Terms(END, BEGIN, HOME)
REFUSALS = {"link_tampered", "link_missing", "link_unknown_key"}

unhurried = settings(max_examples=50, deadline=None)


def check(
    signer: CloudFrontSigner,
    url: str,
    cookies: Mapping[str, str] | None = None,
    *,
    now: datetime = NOW,
    client_ip: str = "192.0.2.9",
) -> Grant:
    return check_request(
        url,
        cookies=cookies or {},
        client_ip=client_ip,
        now=now,
        public_keys=signer.public_keys(),
    )


def refusal(
    signer: CloudFrontSigner,
    url: str,
    cookies: Mapping[str, str] | None = None,
    *,
    now: datetime = NOW,
    client_ip: str = "192.0.2.9",
) -> str:
    with pytest.raises(LinkRefused) as caught:
        check(signer, url, cookies, now=now, client_ip=client_ip)
    assert caught.value.status == 403
    return caught.value.code


@pytest.fixture(scope="session")
def wide(signer: CloudFrontSigner) -> str:
    return signer.custom_link(KEY, TERMS, covering=f"{FOLDER}/*.mp?")


@pytest.fixture(scope="session")
def cookies(signer: CloudFrontSigner) -> Mapping[str, str]:
    return signer.cookies(f"{FOLDER}/*", TERMS).values


def test_a_custom_link_tells_what_it_granted(signer: CloudFrontSigner, wide: str) -> None:
    assert check(signer, wide) == Grant(URL, END, KEY_PAIR_ID, by_cookie=False)


@pytest.mark.parametrize(
    ("now", "client_ip", "code"),
    [
        (END, "192.0.2.9", "link_expired"),
        (BEGIN, "192.0.2.9", "link_not_yet"),
        (BEGIN - timedelta(days=1), "192.0.2.9", "link_not_yet"),
        (NOW, "192.0.3.9", "link_wrong_address"),
        (NOW, "2001:db8::1", "link_wrong_address"),
    ],
)
def test_each_condition_is_refused_by_its_name(
    signer: CloudFrontSigner,
    wide: str,
    cookies: Mapping[str, str],
    now: datetime,
    client_ip: str,
    code: str,
) -> None:
    assert refusal(signer, wide, now=now, client_ip=client_ip) == code
    assert refusal(signer, URL, cookies, now=now, client_ip=client_ip) == code


def test_conditions_hold_up_to_the_second(signer: CloudFrontSigner, wide: str) -> None:
    just_begun = BEGIN + timedelta(milliseconds=1)
    assert check(signer, wide, now=just_begun).expires_at == END
    assert check(signer, wide, now=END - timedelta(milliseconds=1)).expires_at == END
    assert check(signer, wide, client_ip="::ffff:192.0.2.1").expires_at == END


@pytest.mark.parametrize(
    ("key", "covered"),
    [
        (f"{FOLDER}/2-bb.mp3", True),
        (f"{FOLDER}/.mp4", True),
        (f"{FOLDER}/deeper/1-aa.mp3", True),
        (f"{FOLDER}/1-aa.flac", False),
        (f"{FOLDER}0/1-aa.mp3", False),
        ("tracks/1-aa.mp3", False),
    ],
)
def test_a_pattern_opens_what_it_matches_and_nothing_else(
    signer: CloudFrontSigner, wide: str, key: str, covered: bool
) -> None:
    other = wide.replace(KEY, key)
    if covered:
        assert check(signer, other).url == f"https://{DOMAIN}/p/{key}"
    else:
        assert refusal(signer, other) == "link_tampered"


patterns = st.from_regex(r"[a-z0-9/._*?-]{1,20}", fullmatch=True)
ends = st.integers(1_000, 4_000_000_000)


@given(patterns, ends, st.none() | st.integers(1, 900), st.none() | st.just(HOME), st.booleans())
@unhurried
def test_what_we_sign_is_honoured(
    signer: CloudFrontSigner,
    pattern: str,
    end_s: int,
    begin_s: int | None,
    addresses: IPv4Network | None,
    by_cookie: bool,
) -> None:
    begin = None if begin_s is None else datetime.fromtimestamp(begin_s, UTC)
    terms = Terms(datetime.fromtimestamp(end_s, UTC), begin, addresses)
    url = f"https://{DOMAIN}/p/{pattern.replace('*', 'any/thing').replace('?', 'x')}"
    now = terms.expires_at - timedelta(seconds=1)
    if by_cookie:
        grant = check(signer, url, signer.cookies(pattern, terms).values, now=now)
    else:
        grant = check(signer, f"{url}?{signer.custom_query(pattern, terms)}", now=now)
    assert grant == Grant(url, terms.expires_at, KEY_PAIR_ID, by_cookie=by_cookie)


@given(st.data())
@unhurried
def test_one_changed_byte_is_refused_unless_the_pattern_covers_the_changed_path(
    signer: CloudFrontSigner, wide: str, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(wide) - 1))
    other = data.draw(st.characters(max_codepoint=255).filter(lambda c: c != wide[place]))
    changed = wide[:place] + other + wide[place + 1 :]
    path = changed.partition("?")[0]
    covered = matches(f"https://{DOMAIN}/p/{FOLDER}/*.mp?", path)
    still_plain = all(33 <= ord(c) < 127 and c not in '"\\' for c in path)
    if place < wide.index("?") and other != "?" and covered and still_plain:
        assert check(signer, changed).expires_at == END
    else:
        assert refusal(signer, changed) in REFUSALS


@given(st.data())
@unhurried
def test_one_changed_byte_of_a_cookie_is_refused(
    signer: CloudFrontSigner, cookies: Mapping[str, str], data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(cookies)))
    value = cookies[name]
    place = data.draw(st.integers(0, len(value) - 1))
    other = data.draw(st.characters(max_codepoint=255).filter(lambda c: c != value[place]))
    changed = {**cookies, name: value[:place] + other + value[place + 1 :]}
    assert refusal(signer, URL, changed) in REFUSALS


def test_cookies_open_many_objects_and_a_query_of_the_callers_own(
    signer: CloudFrontSigner, cookies: Mapping[str, str]
) -> None:
    for url in (URL, f"https://{DOMAIN}/p/{FOLDER}/2-bb.flac?v=1"):
        assert check(signer, url, cookies) == Grant(url, END, KEY_PAIR_ID, by_cookie=True)
    assert refusal(signer, f"https://{DOMAIN}/p/covers/a.jpg", cookies) == "link_tampered"


def test_cookies_for_one_object_are_canned(signer: CloudFrontSigner) -> None:
    canned = signer.cookies(KEY, Terms(END)).values
    assert "CloudFront-Expires" in canned
    assert "CloudFront-Policy" not in canned
    assert check(signer, URL, canned, client_ip="::1").expires_at == END
    assert refusal(signer, URL.replace("1-aa", "2-aa"), canned) == "link_tampered"


@pytest.mark.parametrize("missing", ["Policy", "Signature", "Key-Pair-Id"])
def test_without_one_of_its_parts_neither_link_nor_cookie_is_signed(
    signer: CloudFrontSigner, wide: str, cookies: Mapping[str, str], missing: str
) -> None:
    url, _, query = wide.partition("?")
    rest = "&".join(part for part in query.split("&") if not part.startswith(missing))
    fewer = {name: value for name, value in cookies.items() if not name.endswith(missing)}
    assert refusal(signer, f"{url}?{rest}") == "link_missing"
    assert refusal(signer, URL, fewer) == "link_missing"
    assert refusal(signer, URL) == "link_missing"


def test_a_signature_in_the_url_leaves_good_cookies_unread(
    signer: CloudFrontSigner, wide: str, cookies: Mapping[str, str]
) -> None:
    assert check(signer, wide, cookies).by_cookie is False
    expired = signer.link(KEY, expires_at=NOW)
    assert refusal(signer, expired, cookies) == "link_expired"
    # An unsigned URL of the caller's own may not use CloudFront's names.
    for name in ("Expires", "Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm"):
        assert refusal(signer, f"{URL}?{name}=1", cookies) == "link_missing"
    assert check(signer, f"{URL}?expires=1", cookies).by_cookie is True


def test_a_second_policy_is_refused_wherever_it_comes_from(
    signer: CloudFrontSigner, wide: str, cookies: Mapping[str, str]
) -> None:
    narrow = signer.custom_query("covers/*", Terms(END)).split("&")[0]
    for changed in (
        wide.replace("?", f"?{narrow}&"),
        f"{wide}&{narrow}",
        f"{wide}&Expires=1798761600",
        signer.link(KEY, expires_at=END) + f"&{narrow}",
    ):
        assert refusal(signer, changed) == "link_tampered"
    assert refusal(signer, URL, {**cookies, "CloudFront-Expires": "1798761600"}) == "link_tampered"


def test_a_policy_of_another_signature_does_not_fit(signer: CloudFrontSigner, wide: str) -> None:
    other = signer.custom_link(KEY, Terms(END + timedelta(days=1)))
    policy = other.partition("Policy=")[2].partition("&")[0]
    mine = wide.partition("Policy=")[2].partition("&")[0]
    assert refusal(signer, wide.replace(mine, policy)) == "link_tampered"


def test_a_signed_text_that_is_no_policy_opens_nothing(signer: CloudFrontSigner) -> None:
    # A canned signature is one of a policy text too, and means no more as a custom one.
    canned = signer.link(KEY, expires_at=END)
    epoch = int(END.timestamp())
    assert check(signer, canned).expires_at == END
    as_custom = canned.replace(f"Expires={epoch}", "Policy=bnVsbA__")
    assert refusal(signer, as_custom) == "link_tampered"


def test_parameters_of_the_callers_own_are_told_without_ours(
    signer: CloudFrontSigner, wide: str
) -> None:
    covered = signer.custom_query(f"{FOLDER}/*", Terms(END))
    grant = check(signer, f"{URL}?v=1&{covered}&w=2")
    assert grant.url == f"{URL}?v=1&w=2"
    assert refusal(signer, wide.replace("?", "?v=1&")) == "link_tampered"


def test_keys_are_told_apart_by_their_id(rsa_pem: str, ec_pem: str) -> None:
    both = CloudFrontSigner(DOMAIN, "KNEW0000", ec_pem, prefix="p", also={"KOLD0000": rsa_pem})
    old = CloudFrontSigner(DOMAIN, "KOLD0000", rsa_pem, prefix="p")
    gone = CloudFrontSigner(DOMAIN, "KNEW0000", ec_pem, prefix="p")
    terms = Terms(END)
    for signer, key_pair_id in ((both, "KNEW0000"), (old, "KOLD0000")):
        url = signer.custom_link(KEY, terms)
        assert check(both, url).key_pair_id == key_pair_id
        cookies = signer.cookies(f"{FOLDER}/*", terms).values
        assert check(both, URL, cookies).key_pair_id == key_pair_id
    assert refusal(gone, old.custom_link(KEY, terms)) == "link_unknown_key"
    assert refusal(gone, URL, old.cookies(KEY, terms).values) == "link_unknown_key"
