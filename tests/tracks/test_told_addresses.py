"""What is told again of the address of a fetch."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autodj.tracks.told_addresses import ToldAddress, told_address

SITE = "https://example.org"
WORDS = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=12)


@pytest.mark.parametrize(
    ("written", "url", "is_whole"),
    [
        (f"{SITE}/a b/c%20d.mp3", f"{SITE}/a b/c%20d.mp3", True),
        # A server is never asked for a fragment.
        (f"{SITE}/a.mp3#?part", f"{SITE}/a.mp3", True),
        (f"{SITE}/a.mp3?id=7", f"{SITE}/a.mp3", False),
        (f"{SITE}/a.mp3?", f"{SITE}/a.mp3", False),
        (f"{SITE}?id=7", SITE, False),
        ("https://ada:word@example.org/a@b.mp3", f"{SITE}/a@b.mp3", False),
        ("https://ada@example.org", SITE, False),
        (f"{SITE}/token=abc/a.mp3", f"{SITE}/token=[redacted]", False),
        (f"{SITE}/eyJhbGci.eyJzdWIi.c2ln/a.mp3", f"{SITE}/[redacted]/a.mp3", False),
    ],
)
def test_an_address_is_told_without_what_may_be_secret(
    written: str, url: str, is_whole: bool
) -> None:
    assert told_address(written) == ToldAddress(url, is_whole)


@given(WORDS, WORDS, WORDS, WORDS)
def test_no_word_of_user_query_or_fragment_is_told(
    user: str, password: str, query: str, fragment: str
) -> None:
    told = told_address(f"https://{user}:{password}@example.org/a.mp3?{query}#{fragment}")
    assert told == ToldAddress(f"{SITE}/a.mp3", is_whole=False)
