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
from autodj.db import FileSource, PublicState, Visibility
from autodj.db.playables import Playable
from autodj.errors import LinkRefused, ObjectArchived, SourceUnreadable
from autodj.settings import load
from autodj.settings.model import PAUSE_GRACE_S
from autodj.storage.powers import ArchiveState, Tier
from autodj.tracks.deliver import (
    life_of,
    link_for,
    may_read,
    way_of,
)
from autodj.tracks.links import Links, Way
from autodj.tracks.local_links import check_local_link, local_url

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

    def __init__(self, keys_end_at: datetime | None = None) -> None:
        self._keys_end_at = keys_end_at

    async def signs_until(self) -> datetime | None:
        return self._keys_end_at

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
    assert (link.way, link.way.ours) == (Way.HERE, True)


async def test_an_s3_track_gets_a_plain_cdn_link_without_an_end() -> None:
    link = await link_for(ON_S3, links(CloudFrontSigner("d1.cloudfront.net")), NOW)
    assert link.url == "https://d1.cloudfront.net/tracks/x/1-a.mp3"
    assert (link.way, link.expires_at) == (Way.PLAIN, None)
    assert link.renew_at is not None


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
    life = life_of(ON_S3, links(s3=FakeS3()), NOW)
    ttl_s = int((life.expires_at - NOW).total_seconds())
    assert link.url == f"https://bucket.example/tracks/x/1-a.mp3?ttl={ttl_s}"
    assert (link.way, link.expires_at, link.renew_at) == (
        Way.PRESIGNED, life.expires_at, life.renew_at,
    )  # fmt: skip
    long = replace(links(s3=FakeS3()), ttl_s=7 * 86400)
    capped = await link_for(ON_S3, long, NOW)
    assert capped.url.endswith(f"ttl={7 * 86400}")
    assert capped.expires_at == NOW + timedelta(days=7)


@pytest.mark.parametrize("left_s", [1200, 100])
async def test_a_link_promises_no_more_than_the_keys_that_signed_it(left_s: int) -> None:
    """Those of a role end within the hour, and every link that they signed with them."""
    keys_end_at = NOW + timedelta(seconds=left_s)
    link = await link_for(ON_S3, links(s3=FakeS3(keys_end_at)), NOW)
    assert link.url.endswith(f"ttl={left_s}")
    assert link.expires_at == keys_end_at
    assert link.renew_at is not None
    assert link.renew_at <= link.expires_at


def in_public(key: str) -> Playable:
    return replace(
        ON_S3,
        visibility=Visibility.PUBLIC,
        public_state=PublicState.OPEN,
        public_object_key=key,
    )


PUBLIC_KEY = f"public/{TRACK_ID}/{'c' * 32}-{LOCAL.sha256}.mp3"
OPEN = in_public(PUBLIC_KEY)
SIGNING = CloudFrontSigner("d1.cloudfront.net", "K2JCJMDEHXQW5F", PEM)
PUBLISHING = replace(links(SIGNING), public_links=True)


async def test_a_public_copy_has_a_plain_link_that_does_not_end_but_is_asked_for_again() -> None:
    link = await link_for(OPEN, PUBLISHING, NOW)
    assert link.url == f"https://d1.cloudfront.net/{PUBLIC_KEY}"
    assert (link.expires_at, link.renew_at) == (None, life_of(OPEN, PUBLISHING, NOW).renew_at)


@pytest.mark.parametrize(
    ("track", "given"),
    [
        (replace(OPEN, visibility=Visibility.PRIVATE), PUBLISHING),
        (replace(OPEN, public_state=None, public_object_key=None), PUBLISHING),
        (replace(OPEN, public_state=PublicState.MAKING), PUBLISHING),
        (replace(OPEN, public_state=PublicState.CLOSING), PUBLISHING),
        (replace(OPEN, sha256="cd" * 32), PUBLISHING),
        (OPEN, replace(PUBLISHING, public_links=False)),
    ],
    ids=["private", "not copied", "copying", "taken back", "a rendition", "switched off"],
)
async def test_until_a_public_copy_is_open_and_once_it_is_not_links_are_signed(
    track: Playable, given: Links
) -> None:
    link = await link_for(track, given, NOW)
    assert link.url.startswith("https://d1.cloudfront.net/tracks/x/1-a.mp3?Expires=")
    assert check_link(link.url, now=NOW, public_keys=SIGNING.public_keys()) == link.expires_at


@pytest.mark.parametrize(
    ("track", "given", "way"),
    [
        (LOCAL, replace(PUBLISHING, customer_key=True, storage_class="GLACIER"), Way.HERE),
        (replace(OPEN, file_source=FileSource.LOCAL), PUBLISHING, Way.HERE),
        (OPEN, PUBLISHING, Way.PLAIN),
        (ON_S3, PUBLISHING, Way.SIGNED),
        (ON_S3, links(CloudFrontSigner("d1.cloudfront.net")), Way.PLAIN),
        (ON_S3, links(SIGNING, FakeS3()), Way.SIGNED),
        (ON_S3, links(s3=FakeS3()), Way.PRESIGNED),
        (ON_S3, replace(links(s3=FakeS3()), customer_key=True), Way.PROXIED),
        (OPEN, replace(PUBLISHING, customer_key=True), Way.PROXIED),
        (ON_S3, replace(links(s3=FakeS3()), storage_class="GLACIER_IR"), Way.PRESIGNED),
        (ON_S3, replace(PUBLISHING, storage_class="GLACIER"), Way.ARCHIVED),
        (ON_S3, replace(PUBLISHING, storage_class="DEEP_ARCHIVE", customer_key=True), Way.ARCHIVED),
    ],
)
def test_the_row_and_the_store_decide_the_way(track: Playable, given: Links, way: Way) -> None:
    assert way_of(track, given) is way


async def test_bytes_that_only_our_key_opens_have_a_link_to_this_server() -> None:
    link = await link_for(ON_S3, replace(links(s3=FakeS3()), customer_key=True), NOW)
    assert link.url.startswith(f"http://127.0.0.1:8000/api/v1/tracks/{TRACK_ID}/audio/stream?")
    assert (link.source, link.way.ours) == (FileSource.S3, True)


class Archive(FakeS3):
    """A bucket whose objects are in an archive, restored or not."""

    def __init__(self, state: ArchiveState) -> None:
        self.state = state

    async def archive_state(self, key: str) -> ArchiveState:
        assert key == "tracks/x/1-a.mp3"
        return self.state

    async def restore(self, key: str, *, days: int, tier: Tier = "Standard") -> ArchiveState:
        raise NotImplementedError


def archived(state: ArchiveState) -> Links:
    return replace(links(SIGNING, Archive(state)), storage_class="GLACIER")


@pytest.mark.parametrize("restoring", [False, True])
async def test_what_is_not_restored_yet_has_no_link(restoring: bool) -> None:
    with pytest.raises(ObjectArchived) as caught:
        await link_for(ON_S3, archived(ArchiveState("GLACIER", True, restoring)), NOW)
    assert ("being restored" in caught.value.detail) is restoring


async def test_a_link_to_a_restored_copy_ends_with_the_copy() -> None:
    for until, end in (
        (NOW + timedelta(minutes=1), NOW + timedelta(minutes=1)),
        (NOW + timedelta(days=2), life_of(ON_S3, links(SIGNING), NOW).expires_at),
    ):
        state = ArchiveState("GLACIER", archived=True, readable_until=until)
        link = await link_for(ON_S3, archived(state), NOW)
        assert (link.way, link.expires_at) == (Way.SIGNED, end)
        assert link.renew_at is not None
        assert link.renew_at <= end


async def test_what_lies_in_the_archive_basket_by_another_class_is_read_as_ever() -> None:
    link = await link_for(ON_S3, archived(ArchiveState("STANDARD", archived=False)), NOW)
    assert link == await link_for(ON_S3, links(SIGNING), NOW)


async def test_archived_bytes_have_no_link_and_say_why() -> None:
    with pytest.raises(ObjectArchived) as caught:
        await link_for(ON_S3, replace(links(s3=FakeS3()), storage_class="GLACIER"), NOW)
    assert (caught.value.status, caught.value.code) == (409, "object_archived")


@pytest.mark.parametrize("track", [ON_S3, replace(LOCAL, file_source=None)])
async def test_a_source_nobody_can_reach_is_an_alarm_and_not_a_404(track: Playable) -> None:
    with pytest.raises(SourceUnreadable):
        await link_for(track, links(), NOW)


moments = st.floats(0, 86400).map(lambda second: NOW + timedelta(seconds=second))
tracks = st.builds(
    lambda track_id, duration_s: replace(ON_S3, id=track_id, duration_s=duration_s),
    st.uuids(),
    st.floats(1, 10800),
)
timings = st.builds(
    lambda ttl_s, window_s: replace(PUBLISHING, ttl_s=ttl_s, window_s=window_s),
    st.integers(60, 86400),
    st.integers(1, 7200),
)


@given(moments, tracks, timings)
def test_every_link_lives_as_long_as_promised_and_no_longer_than_the_grace_counts_on(
    now: datetime, track: Playable, given_links: Links
) -> None:
    life = life_of(track, given_links, now)
    promised_s = given_links.ttl_s + track.duration_s + PAUSE_GRACE_S
    last_handed_out = life.renew_at - timedelta(microseconds=1)
    assert now < life.renew_at <= now + timedelta(seconds=given_links.window_s)
    assert (life.expires_at - last_handed_out).total_seconds() >= promised_s
    settings = load(
        {
            "AUTODJ_SECRET": SECRET,
            "LINK_TTL_S": str(given_links.ttl_s),
            "LINK_WINDOW_S": str(given_links.window_s),
            "MAX_TRACK_DURATION_S": "10800",
        }
    )
    assert (life.expires_at - now).total_seconds() <= settings.longest_link_s


@given(moments, moments, tracks, timings)
def test_the_link_is_one_and_the_same_within_a_window_and_another_in_the_next(
    one: datetime, other: datetime, track: Playable, given_links: Links
) -> None:
    first, second = life_of(track, given_links, one), life_of(track, given_links, other)
    window = timedelta(seconds=given_links.window_s)
    same = first.renew_at - window <= other < first.renew_at
    assert (first == second) is same
    assert life_of(track, given_links, first.renew_at).renew_at == first.renew_at + window


async def test_every_process_hands_out_the_same_url_for_a_whole_window() -> None:
    begin = life_of(ON_S3, PUBLISHING, NOW).renew_at
    here = replace(PUBLISHING, cdn=CloudFrontSigner("d1.cloudfront.net", "K2JCJMDEHXQW5F", PEM))
    asked = (begin, begin + timedelta(seconds=299), begin + timedelta(seconds=150))
    urls = {(await link_for(ON_S3, each, now)).url for now in asked for each in (here, PUBLISHING)}
    assert len(urls) == 1
    assert (await link_for(ON_S3, here, begin + timedelta(seconds=300))).url not in urls
    local = {(await link_for(LOCAL, PUBLISHING, now)).url for now in asked}
    assert len(local) == 1


def test_windows_of_tracks_begin_at_different_seconds() -> None:
    ends = {
        life_of(replace(ON_S3, id=uuid4()), PUBLISHING, NOW).renew_at.timestamp() % 300
        for _ in range(100)
    }
    assert len(ends) > 50


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
