"""How the one client of a process is set up."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autodj.storage.s3.connection import moment

TIMES = st.datetimes(
    min_value=datetime(1000, 1, 1),  # noqa: DTZ001 - the strategy takes the zone apart
    timezones=st.just(UTC),
).map(lambda time: time.replace(microsecond=0))


@given(TIMES)
def test_a_time_means_the_same_in_a_header_and_in_a_document(time: datetime) -> None:
    assert moment(format_datetime(time, usegmt=True)) == time
    assert moment(time.isoformat()) == time
    assert moment(format_datetime(time, usegmt=True)).tzinfo is not None


def test_a_time_in_an_unusual_form_is_read_as_the_client_does() -> None:
    assert moment("2026-11-21T12:00:00 GMT") == datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize("told", ["", "soon", "soon GMT"])
def test_what_is_no_time_is_refused(told: str) -> None:
    with pytest.raises(ValueError, match="timestamp"):
        moment(told)
