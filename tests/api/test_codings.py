"""Who is sent packed bytes."""

from __future__ import annotations

import pytest
from starlette.datastructures import Headers

from autodj.api.codings import takes_gzip


@pytest.mark.parametrize(
    ("header", "taken"),
    [
        ("gzip", True),
        ("GZIP", True),
        ("deflate, gzip", True),
        ("gzip;q=0.001", True),
        ("gzip; q=1", True),
        ("*", True),
        ("*;q=0", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("gzip;q=much", False),
        ("deflate, br", False),
        ("xgzip", False),
        ("", False),
    ],
)
def test_gzip_is_sent_to_those_who_take_it(header: str, taken: bool) -> None:
    assert takes_gzip(Headers({"accept-encoding": header})) == taken


@pytest.mark.parametrize(
    ("header", "taken"),
    [
        ("*, gzip;q=0", False),
        ("gzip;q=0, *", False),
        ("*;q=0, gzip", True),
        ("identity, *;q=0, gzip;q=0.5", True),
    ],
)
def test_what_is_said_of_gzip_itself_goes_before_what_is_said_of_all(
    header: str, taken: bool
) -> None:
    assert takes_gzip(Headers({"accept-encoding": header})) == taken


def test_a_header_that_comes_twice_is_one_list() -> None:
    twice = [(b"accept-encoding", b"br"), (b"accept-encoding", b"gzip")]
    assert takes_gzip(Headers(raw=twice))


def test_no_header_at_all_takes_no_gzip() -> None:
    assert not takes_gzip(Headers())
