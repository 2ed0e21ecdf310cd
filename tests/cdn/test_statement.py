"""Policies as text: what is written is read back, and nothing else is understood."""

from __future__ import annotations

import json
import re
from ipaddress import IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autodj.cdn.statement import Statement, from_url, matches, parse_statement, to_url

URL = "https://d111111abcdef8.cloudfront.net/tracks/x/1-a.mp3"
# Of the guide's page on signed cookies with a custom policy.
PUBLISHED = (
    "eyJTdGF0ZW1lbnQiOlt7IlJlc291cmNlIjoiaHR0cDovL2QxMTExMTFhYmNkZWY4LmNsb3VkZnJvbnQubmV0L2dhbWVf"
    "ZG93bmxvYWQuemlwIiwiQ29uZGl0aW9uIjp7IklwQWRkcmVzcyI6eyJBV1M6U291cmNlSXAiOiIxOTIuMC4yLjAvMjQi"
    "fSwiRGF0ZUxlc3NUaGFuIjp7IkFXUzpFcG9jaFRpbWUiOjE0MjY1MDAwMDB9fX1dfQ__"
)
seconds = st.integers(1, 4_000_000_000)
networks = st.builds(
    lambda address, bits: IPv4Network((address, bits), strict=False),
    st.integers(0, 2**32 - 1),
    st.integers(0, 32),
)
statements = st.builds(
    Statement,
    st.none() | st.from_regex(r"https://[a-z]{1,9}/[a-z0-9/._*?-]{0,30}", fullmatch=True),
    seconds,
    st.none() | seconds,
    st.none() | networks,
)


def test_the_canned_policy_is_the_text_of_the_documentation() -> None:
    assert Statement("https://d111111abcdef8.cloudfront.net/horizon.jpg", 1357034400).text() == (
        b'{"Statement":[{"Resource":"https://d111111abcdef8.cloudfront.net/horizon.jpg",'
        b'"Condition":{"DateLessThan":{"AWS:EpochTime":1357034400}}}]}'
    )


def test_the_published_custom_policy_is_understood_and_its_text_spelt_the_same() -> None:
    assert parse_statement(from_url(PUBLISHED)) == Statement(
        "http://d111111abcdef8.cloudfront.net/game_download.zip",
        1426500000,
        addresses=IPv4Network("192.0.2.0/24"),
    )
    assert to_url(from_url(PUBLISHED)) == PUBLISHED


@given(statements)
def test_what_is_written_is_read_back_and_is_json_without_a_blank(statement: Statement) -> None:
    text = statement.text()
    assert parse_statement(text) == statement
    assert json.dumps(json.loads(text), separators=(",", ":")).encode() == text


@pytest.mark.parametrize("resource", ['a"b', "a\\b", "a b", "a\n", "ä", ""])
def test_a_resource_that_json_would_escape_is_never_written(resource: str) -> None:
    with pytest.raises(ValueError, match="not a URL"):
        Statement(resource, 1).text()


LESS = '"DateLessThan":{"AWS:EpochTime":1}'


def policy(condition: str, resource: str = '"Resource":"*",') -> str:
    return f'{{"Statement":[{{{resource}"Condition":{{{condition}}}}}]}}'


def test_blanks_and_another_order_are_understood() -> None:
    spaced = policy(f'"IpAddress" : {{"AWS:SourceIp":"10.0.0.9/8"}},\r\n {LESS}')
    assert parse_statement(spaced.encode()) == Statement(
        "*", 1, addresses=IPv4Network("10.0.0.0/8")
    )


@pytest.mark.parametrize(
    "text",
    [
        "", "null", "[]", "{}", '{"Statement":{}}', '{"Statement":[]}', '{"Statement":[1]}',
        policy(LESS) + "x", policy(""), policy('"DateGreaterThan":{"AWS:EpochTime":1}'),
        policy(f"{LESS},{LESS}"), policy(f'{LESS},"StringEquals":{{}}'),
        policy(LESS, '"Resource":"*","Resource":"a",'), policy(LESS, '"Resource":["*"],'),
        policy(LESS, '"Resource":"*","Effect":"Allow",'), policy(LESS, '"resource":"*",'),
        policy(LESS).replace("]", ',{"Condition":{}}]'),
        policy(LESS).replace("}]}", '}],"Version":"1"}'),
        policy('"DateLessThan":{"AWS:EpochTime":"1"}'), policy('"DateLessThan":1'),
        policy('"DateLessThan":{"AWS:EpochTime":1.5}'),
        policy('"DateLessThan":{"AWS:EpochTime":true}'),
        policy('"DateLessThan":{"AWS:EpochTime":0}'), policy('"DateLessThan":{}'),
        policy('"DateLessThan":{"AWS:EpochTime":100000000000}'),
        policy('"DateLessThan":{"AWS:EpochTime":1,"x":1}'),
        policy(f'{LESS},"DateGreaterThan":null'),
        policy(f'{LESS},"IpAddress":{{"AWS:SourceIp":"10.0.0.1"}}'),
        policy(f'{LESS},"IpAddress":{{"AWS:SourceIp":"10.0.0.1/33"}}'),
        policy(f'{LESS},"IpAddress":{{"AWS:SourceIp":"::1/128"}}'),
        policy(f'{LESS},"IpAddress":{{"AWS:SourceIp":["10.0.0.1/32"]}}'),
        "[" * 100_000, '"\\ud800"', "\x00",
    ],
)  # fmt: skip
def test_whatever_the_guide_does_not_define_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_statement(text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize(
    "url",
    [
        "http://d111111abcdef8.cloudfront.net/game_download.zip",
        "http://d111111abcdef8.cloudfront.net/example_game_download.zip?license=yes",
        "http://d111111abcdef8.cloudfront.net/test_game_download.zip?license=temp",
    ],
)
def test_the_guides_own_wildcard_covers_what_the_guide_says(url: str) -> None:
    pattern = "http://d111111abcdef8.cloudfront.net/*game_download.zip*"
    assert Statement(pattern, 1).covers(url)
    assert not Statement(pattern, 1).covers(url.replace("game", "gone"))
    assert not Statement(pattern, 1).covers(url.replace("http:", "https:"))


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=10))
def test_wildcards_mean_what_a_regular_expression_would(pattern: str, text: str) -> None:
    shape = "".join({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in pattern)
    assert matches(pattern, text) is (re.fullmatch(shape, text) is not None)


def test_a_pattern_made_to_be_slow_is_answered_all_the_same() -> None:
    assert not matches("*a" * 200 + "b", "a" * 5000)


@pytest.mark.parametrize(
    ("network", "client_ip", "admitted"),
    [
        ("192.0.2.0/24", "192.0.2.255", True),
        ("192.0.2.0/24", "192.0.3.0", False),
        ("192.0.2.7/32", "192.0.2.7", True),
        ("192.0.2.7/32", "::ffff:192.0.2.7", True),
        ("192.0.2.7/32", "::ffff:192.0.2.8", False),
        ("0.0.0.0/0", "2001:db8::1", False),
        ("0.0.0.0/0", "203.0.113.9", True),
        ("0.0.0.0/0", "", False),
        ("0.0.0.0/0", "unknown", False),
        (None, "2001:db8::1", True),
        (None, "", True),
    ],
)
def test_addresses_are_ranges_of_version_4(
    network: str | None, client_ip: str, admitted: bool
) -> None:
    addresses = None if network is None else IPv4Network(network)
    assert Statement(URL, 1, addresses=addresses).admits(client_ip) is admitted


@pytest.mark.parametrize(
    ("statement", "canned"),
    [
        (Statement(URL, 1), True),
        (Statement(URL + "*", 1), False),
        (Statement(URL + "?", 1), False),
        (Statement(None, 1), False),
        (Statement(URL, 1, not_before=1), False),
        (Statement(URL, 1, addresses=IPv4Network("10.0.0.0/8")), False),
    ],
)
def test_only_one_url_and_its_end_make_a_canned_policy(statement: Statement, canned: bool) -> None:
    assert statement.canned is canned
