"""What a distribution's dates say of this machine's clock, and dates that say nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from autodj.cdn.check.evidence import Evidence, Reply, Sample, Setup
from autodj.cdn.check.verdicts import verdicts
from autodj.cdn.check.wrong import Verdict
from autodj.cdn.signer import CloudFrontSigner

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def told_by(date: str | None) -> list[Verdict]:
    headers = {} if date is None else {"Date": date}
    reply = Reply(403, headers, b"", first_byte_s=0.01, asked_at=NOON)
    setup = Setup(CloudFrontSigner("d1.cloudfront.net"), Sample("tracks/a", b"x", "audio/wav"))
    return [each for each in verdicts(Evidence(setup, reply)) if each.name == "clock"]


@pytest.mark.parametrize(
    ("date", "ok"),
    [
        ("Fri, 01 May 2026 12:00:59 GMT", True),
        ("Fri, 01 May 2026 14:00:00 +0200", True),
        ("Fri, 01 May 2026 12:01:01 GMT", False),
        ("Fri, 01 May 2026 11:00:00 GMT", False),
    ],
)
def test_a_clock_that_is_a_minute_off_is_told(date: str, ok: bool) -> None:
    [clock] = told_by(date)
    assert clock.ok is ok


@pytest.mark.parametrize("date", [None, "", "yesterday", "Fri, 01 May 2026 12:00:00 -0000"])
def test_a_date_without_a_zone_or_a_time_is_no_verdict(date: str | None) -> None:
    assert told_by(date) == []
