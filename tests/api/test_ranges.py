from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autodj.api.ranges import (
    Selection,
    etag_matches,
    if_match_holds,
    if_range_matches,
    parse_range,
    select,
    strong_etag,
)
from autodj.errors import PreconditionFailed, RangeNotSatisfiable
from autodj.storage.base import ByteRange

ETAG = strong_etag("ab" * 32)
WHOLE = Selection(200, ByteRange(0, 1000))


@pytest.mark.parametrize(
    ("header", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-", 0, 1000),
        ("bytes=10-19", 10, 20),
        ("bytes=999-", 999, 1000),
        ("bytes=-1", 999, 1000),
        ("bytes=-1000", 0, 1000),
        ("bytes=-5000", 0, 1000),
        ("bytes=0-99999999999999999999", 0, 1000),
        ("bytes=0-999", 0, 1000),
        ("BYTES= 5-6 ", 5, 7),
        ("bytes=007-008", 7, 9),
    ],
)
def test_a_single_range_is_cut_to_the_file(header: str, start: int, stop: int) -> None:
    assert parse_range(header, 1000) == ByteRange(start, stop)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=5-2",
        "bytes=a-b",
        "bytes=\u0660-\u0661",
        "items=0-1",
        "bytes 0-1",
        "bytes=0-1-2",
        "bytes=+1-2",
        "bytes=1 -2",
        "bytes=0x1-2",
        "bytes=0-" + "9" * 5000,
        "bytes=" + "9" * 5000 + "-",
        "bytes=-" + "9" * 5000,
        "bytes=0-1,3-4",
        "bytes=0-0,",
        "bytes=" + ",".join(["0-"] * 10_000),
        "bytes=0-0\n",
    ],
    ids=lambda header: repr(header)[:20],
)
def test_what_is_not_one_range_is_ignored(header: str | None) -> None:
    assert parse_range(header, 1000) is None


@pytest.mark.parametrize("header", ["bytes=-0", "bytes=1000-", "bytes=1000-2000", "bytes=5000-"])
def test_a_range_behind_the_end_is_refused_with_the_size(header: str) -> None:
    with pytest.raises(RangeNotSatisfiable) as refused:
        parse_range(header, 1000)
    assert refused.value.headers == {"Content-Range": "bytes */1000"}


def test_an_empty_file_has_no_ranges() -> None:
    assert parse_range("bytes=-5", 0) is None
    assert parse_range(None, 0) is None
    for header in ("bytes=0-", "bytes=0-0", "bytes=-0"):
        with pytest.raises(RangeNotSatisfiable) as refused:
            parse_range(header, 0)
        assert refused.value.headers == {"Content-Range": "bytes */0"}


@given(
    first=st.none() | st.integers(0, 3000),
    last=st.none() | st.integers(0, 3000),
    size_bytes=st.integers(0, 2000),
)
def test_a_range_selects_what_python_would_slice(
    first: int | None, last: int | None, size_bytes: int
) -> None:
    file = range(size_bytes)
    header = f"bytes={'' if first is None else first}-{'' if last is None else last}"
    if first is None:
        expected = file[-last:] if last else file[:0]
    else:
        expected = file[first:] if last is None else file[first : last + 1]
    try:
        found = parse_range(header, size_bytes)
    except RangeNotSatisfiable:
        assert not expected
        return
    if found is None:
        reversed_ends = first is not None and last is not None and last < first
        assert reversed_ends or size_bytes == 0 or header == "bytes=-"
    else:
        assert file[found.start : found.stop] == expected
        assert 0 <= found.start < found.stop <= size_bytes


@given(st.text(max_size=40) | st.from_regex(r"\A(bytes|items)?=?[0-9,\- ]{0,20}\Z"))
def test_any_header_is_a_range_inside_the_file_or_none(header: str) -> None:
    try:
        found = parse_range(header, 100)
    except RangeNotSatisfiable:
        return
    assert found is None or 0 <= found.start < found.stop <= 100


@pytest.mark.parametrize(
    ("header", "matches"),
    [
        (None, True),
        (ETAG, True),
        (f" {ETAG} ", True),
        ('"other"', False),
        (f"W/{ETAG}", False),
        ("Sat, 21 Nov 2026 10:00:00 GMT", False),
        ("*", False),
        ("", False),
    ],
)
def test_if_range_compares_strongly(header: str | None, matches: bool) -> None:
    assert if_range_matches(header, ETAG) is matches


@pytest.mark.parametrize(
    ("header", "none_match", "match_holds"),
    [
        (None, False, True),
        ("*", True, True),
        (ETAG, True, True),
        (f"W/{ETAG}", True, False),
        (f'"a", {ETAG}', True, True),
        (f'"a,b",{ETAG},W/"c"', True, True),
        ('"a"', False, False),
        ("", False, False),
        ("ab" * 32, False, False),
        ('"' + "a" * 100_000, False, False),
    ],
    ids=lambda value: str(value)[:20],
)
def test_entity_tags_are_compared_as_their_header_demands(
    header: str | None, none_match: bool, match_holds: bool
) -> None:
    assert etag_matches(header, ETAG) is none_match
    assert if_match_holds(header, ETAG) is match_holds


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, WHOLE),
        ({"range": "bytes=1-2"}, Selection(206, ByteRange(1, 3))),
        ({"range": "bytes=1-2", "if-range": ETAG}, Selection(206, ByteRange(1, 3))),
        ({"range": "bytes=1-2", "if-range": '"old"'}, WHOLE),
        ({"range": "bytes=5000-", "if-range": '"old"'}, WHOLE),
        ({"if-none-match": ETAG}, Selection(304, ByteRange(0, 0))),
        ({"if-none-match": ETAG, "range": "bytes=5000-"}, Selection(304, ByteRange(0, 0))),
        ({"if-none-match": '"old"', "range": "bytes=1-2"}, Selection(206, ByteRange(1, 3))),
        ({"if-match": ETAG}, WHOLE),
    ],
    ids=str,
)
def test_preconditions_come_before_ranges(headers: dict[str, str], expected: Selection) -> None:
    assert select(headers, method="GET", etag=ETAG, size_bytes=1000) == expected


def test_head_describes_the_whole_file() -> None:
    ranged = {"range": "bytes=1-2"}
    assert select(ranged, method="HEAD", etag=ETAG, size_bytes=1000) == WHOLE
    beyond = {"range": "bytes=5000-"}
    assert select(beyond, method="HEAD", etag=ETAG, size_bytes=1000) == WHOLE


def test_a_stale_if_match_fails_before_anything_else() -> None:
    headers = {"if-match": '"old"', "if-none-match": ETAG, "range": "bytes=5000-"}
    with pytest.raises(PreconditionFailed):
        select(headers, method="GET", etag=ETAG, size_bytes=1000)
