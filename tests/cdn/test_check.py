"""What is said to do about a link that is not honoured, and other judgements of answers that
no stand-in gives.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from autodj.cdn.check.evidence import Evidence, Reply, Sample, Setup
from autodj.cdn.check.verdicts import verdicts
from autodj.cdn.signer import CloudFrontSigner

NOW = datetime(2026, 5, 1, tzinfo=UTC)
SAMPLE = Sample("tracks/a", b"x" * 5000, "audio/wav")


def reply(status: int, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Reply:
    return Reply(status, headers or {}, body, first_byte_s=0.01, asked_at=NOW)


def evidence(whole: Reply, ec_pem: str) -> Evidence:
    signer = CloudFrontSigner("d1.cloudfront.net", "K2JCJMDEHXQW5F", ec_pem)
    setup = Setup(signer, SAMPLE, http_origin="http://d1.cloudfront.net")
    return Evidence(setup, whole)


@pytest.mark.parametrize(
    ("status", "headers", "body", "hint"),
    [
        (403, {}, b"<Error><Code>InvalidKey</Code></Error>", "into the key group"),
        (403, {}, b"<Error><Code>MissingKey</Code></Error>", "proxy or function"),
        (403, {"Server": "CloudFront"}, b"<Code>AccessDenied</Code>", "CLOUDFRONT_PRIVATE_KEY"),
        (403, {"Server": "AmazonS3"}, b"<Code>AccessDenied</Code>", "bucket policy"),
        (404, {"Server": "AmazonS3"}, b"<Code>NoSuchKey</Code>", "S3_PREFIX"),
        (307, {"Location": "https://elsewhere"}, b"", "the bucket's own region"),
        (502, {}, b"", "origin of the distribution"),
    ],
)
def test_a_refused_link_comes_with_what_to_do_about_this_refusal(
    ec_pem: str, status: int, headers: Mapping[str, str], body: bytes, hint: str
) -> None:
    [link] = [
        each
        for each in verdicts(evidence(reply(status, headers, body), ec_pem))
        if each.name == "link"
    ]
    assert not link.ok
    assert str(status) in link.detail
    assert hint in link.hint


@pytest.mark.parametrize(
    ("answer", "ok"),
    [
        (None, True),
        (reply(301, {"Location": "https://d1.cloudfront.net/tracks/a"}), True),
        (reply(308, {"Location": "https://d1.cloudfront.net/tracks/a"}), True),
        (reply(403, {"Server": "CloudFront"}, b"<html>Bad request</html>"), True),
        (reply(403, {}, b"<Error><Code>MissingKey</Code></Error>"), False),
        (reply(200, {}, SAMPLE.body), False),
        (reply(200, {"Location": "https://d1.cloudfront.net/tracks/a"}, SAMPLE.body), False),
        (reply(301, {"Location": "http://d1.cloudfront.net/"}), False),
    ],
)
def test_plain_http_may_be_closed_refused_or_sent_to_https(
    ec_pem: str, answer: Reply | None, ok: bool
) -> None:
    seen = replace(evidence(reply(403), ec_pem), plain_http=answer)
    [https] = [each for each in verdicts(seen) if each.name == "HTTPS"]
    assert https.ok == ok


@pytest.mark.parametrize(
    ("told", "ok"),
    [
        ("public, max-age=31536000, immutable", True),
        ("max-age=86400", True),
        ("max-age=60", False),
        ("private, max-age=31536000", False),
        ("no-store", False),
        ("", False),
    ],
)
def test_copies_must_be_allowed_to_live_for_a_day_at_least(
    ec_pem: str, told: str, ok: bool
) -> None:
    seen = evidence(reply(200, {"Cache-Control": told}, SAMPLE.body), ec_pem)
    [found] = [each for each in verdicts(seen) if each.name == "cache control"]
    assert found.ok == ok


def test_one_hit_among_several_machines_is_enough(ec_pem: str) -> None:
    miss = reply(200, {"X-Cache": "Miss from cloudfront"}, SAMPLE.body)
    hit = reply(200, {"X-Cache": "Hit from cloudfront"}, SAMPLE.body)
    seen = replace(
        evidence(miss, ec_pem), again=[miss, miss, hit], other_signatures=[miss, hit, miss]
    )
    given = {each.name: each.ok for each in verdicts(seen)}
    assert (given["cache"], given["cache key"]) == (True, True)
