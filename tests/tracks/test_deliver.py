"""Where a listener is sent, decided from the row, the signers and the time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from autodj.cdn.policy import check_link
from autodj.cdn.signer import CloudFrontSigner
from autodj.db import FileSource, Visibility
from autodj.db.tracks import Playable
from autodj.errors import LinkRefused, SourceUnreadable
from autodj.tracks.deliver import (
    PAUSE_GRACE_S,
    Links,
    check_local_link,
    expiry,
    link_for,
    local_url,
    may_read,
)

NOW = datetime(2026, 3, 1, 12, 0, 20, tzinfo=UTC)
SECRET = "q8Zr3vN0tYx7LmC2sKd9WbE5hUjP1aGf"
TRACK_ID = UUID("5f0e8c1a-0000-4000-8000-000000000001")
LOCAL = Playable(
    id=TRACK_ID,
    owner_id=uuid4(),
    visibility=Visibility.PRIVATE,
    file_source=FileSource.LOCAL,
    file_path="tracks/x/0-a.mp3",
    s3_object_key=None,
    generation=0,
    title="Night Bus",
    extension="mp3",
    content_type="audio/mpeg",
    sha256="ab" * 32,
    size_bytes=7_200_000,
    duration_s=180.0,
)
ON_S3 = replace(LOCAL, file_source=FileSource.S3, file_path=None, s3_object_key="tracks/x/1-a.mp3")
KEY = ec.generate_private_key(ec.SECP256R1())
PEM = KEY.private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.NoEncryption(),
).decode()


class FakeS3:
    """Signs visibly; what S3 itself accepts is proven in the storage tests."""

    async def presign(self, key: str, *, ttl_s: int) -> str:
        return f"https://bucket.example/{key}?ttl={ttl_s}"


def links(cdn: CloudFrontSigner | None = None, s3: FakeS3 | None = None) -> Links:
    return Links(public_url="http://127.0.0.1:8000", secret=SECRET, ttl_s=3600, cdn=cdn, s3=s3)


async def test_a_local_track_gets_a_link_that_this_server_signed_and_takes() -> None:
    link = await link_for(LOCAL, links(), NOW)
    parts = urlsplit(link.url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    assert parts.path == f"/api/v1/tracks/{TRACK_ID}/audio/stream"
    check_local_link(SECRET, TRACK_ID, **query, now=NOW)
    assert (link.source, link.etag) == (FileSource.LOCAL, f'"{"ab" * 32}"')


async def test_an_s3_track_gets_a_plain_cdn_link_without_an_end() -> None:
    link = await link_for(ON_S3, links(CloudFrontSigner("d1.cloudfront.net")), NOW)
    assert link.url == "https://d1.cloudfront.net/tracks/x/1-a.mp3"
    assert link.expires_at is None


async def test_an_s3_track_gets_a_signed_cdn_link_that_outlives_a_listening() -> None:
    signer = CloudFrontSigner("d1.cloudfront.net", "K2JCJMDEHXQW5F", PEM)
    link = await link_for(ON_S3, links(signer), NOW)
    assert link.expires_at is not None
    assert link.expires_at >= NOW + timedelta(seconds=3600 + 180 + PAUSE_GRACE_S)
    check_link(
        link.url, public_keys=signer.public_keys(), now=link.expires_at - timedelta(seconds=1)
    )
    with pytest.raises(LinkRefused):
        check_link(link.url, public_keys=signer.public_keys(), now=link.expires_at)


async def test_without_a_cdn_s3_signs_and_never_for_more_than_a_week() -> None:
    link = await link_for(ON_S3, links(s3=FakeS3()), NOW)
    assert link.url == "https://bucket.example/tracks/x/1-a.mp3?ttl=4120"
    assert link.expires_at == NOW + timedelta(seconds=4120)
    long = replace(links(s3=FakeS3()), ttl_s=7 * 86400)
    assert (await link_for(ON_S3, long, NOW)).url.endswith(f"ttl={7 * 86400}")


@pytest.mark.parametrize("track", [ON_S3, replace(LOCAL, file_source=None)])
async def test_a_source_nobody_can_reach_is_an_alarm_and_not_a_404(track: Playable) -> None:
    with pytest.raises(SourceUnreadable):
        await link_for(track, links(), NOW)


@given(st.integers(0, 59), st.floats(1, 10800), st.integers(60, 86400))
def test_a_link_ends_on_a_whole_minute_after_its_life(
    second: int, duration_s: float, ttl_s: int
) -> None:
    now = NOW.replace(second=second)
    end = expiry(replace(LOCAL, duration_s=duration_s), ttl_s, now)
    life_s = ttl_s + duration_s + PAUSE_GRACE_S
    assert (end.second, end.microsecond) == (0, 0)
    assert life_s <= (end - now).total_seconds() < life_s + 60


@pytest.mark.parametrize(
    ("expires", "signature", "track_id"),
    [
        ("{later}", "{good}", TRACK_ID),
        ("{good_expires}", "0" * 64, TRACK_ID),
        ("{good_expires}", "", TRACK_ID),
        ("{good_expires}", "é", TRACK_ID),
        ("{good_expires}", "{good}", UUID(int=5)),
        ("", "{good}", TRACK_ID),
        ("-1", "{good}", TRACK_ID),
        ("٣", "{good}", TRACK_ID),
        ("9" * 500, "{good}", TRACK_ID),
    ],
)
def test_an_altered_local_link_is_refused(expires: str, signature: str, track_id: UUID) -> None:
    end = NOW + timedelta(hours=1)
    query = parse_qs(urlsplit(local_url(links(), TRACK_ID, end)).query)
    words = {
        "good": query["signature"][0],
        "good_expires": query["expires"][0],
        "later": str(int(query["expires"][0]) + 1),
    }
    with pytest.raises(LinkRefused):
        check_local_link(
            SECRET,
            track_id,
            expires=expires.format(**words),
            signature=signature.format(**words),
            now=NOW,
        )


def test_a_local_link_ends_at_its_second() -> None:
    end = NOW + timedelta(hours=1)
    query = parse_qs(urlsplit(local_url(links(), TRACK_ID, end)).query)
    given_back = {name: values[0] for name, values in query.items()}
    check_local_link(SECRET, TRACK_ID, **given_back, now=end - timedelta(seconds=1))
    with pytest.raises(LinkRefused, match="over"):
        check_local_link(SECRET, TRACK_ID, **given_back, now=end)


def test_owners_read_theirs_and_everybody_reads_what_is_public() -> None:
    public = replace(LOCAL, visibility=Visibility.PUBLIC)
    assert may_read(LOCAL, LOCAL.owner_id)
    assert not may_read(LOCAL, uuid4())
    assert not may_read(LOCAL, None)
    assert may_read(public, None)
