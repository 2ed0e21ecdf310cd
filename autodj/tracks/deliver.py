"""From a row to where a listener gets the bytes. Deciding is pure; nothing here does I/O
but asking S3's client to sign.
"""

from __future__ import annotations

import hashlib
import hmac
import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from autodj.cdn.signer import CloudFrontSigner
from autodj.db import FileSource, PublicState, Visibility
from autodj.db.tracks import Playable
from autodj.errors import LinkRefused, ObjectArchived, SourceUnreadable
from autodj.settings.model import PAUSE_GRACE_S
from autodj.storage.base import Presigner
from autodj.storage.powers import Restorable
from autodj.tracks.renditions import ORIGINAL
from autodj.tracks.steps import FOR_EVER

WINDOW_S = 300
PRESIGN_MAX_S = 7 * 86400
ARCHIVES = frozenset({"GLACIER", "DEEP_ARCHIVE"})


class Way(StrEnum):
    """How the bytes reach a listener.

    HERE and PROXIED are sent by this server, from its disk or from S3; the others by whoever
    the link names. ARCHIVED bytes reach nobody before they are restored.
    """

    HERE = "here"
    PROXIED = "proxied"
    PLAIN = "plain"
    SIGNED = "signed"
    PRESIGNED = "presigned"
    ARCHIVED = "archived"

    @property
    def ours(self) -> bool:
        """Whether this server sends the bytes."""
        return self in {Way.HERE, Way.PROXIED}


@dataclass(frozen=True, slots=True)
class AudioLink:
    """A URL that is good until ``expires_at`` (None: until the track changes), and what it
    leads to.

    Until ``renew_at`` everybody who asks is given this same link; from then on another one.
    None would be for ever: who keeps links asks again at the end of a window even for a plain
    one, because the track may have moved.
    """

    url: str
    source: FileSource
    way: Way
    expires_at: datetime | None
    renew_at: datetime | None
    content_type: str
    size_bytes: int
    etag: str
    duration_s: float
    rendition: str = ORIGINAL
    start_offset_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Links:
    """Who signs: CloudFront, else S3 itself, and this server for local bytes.

    A link lives ``ttl_s`` on top of the track's length, and is the same for ``window_s``.
    ``public_links``: what everybody may read has plain links, once a copy of it lies where
    the CDN asks for no signature. ``customer_key``: S3 gives the bytes to nobody who has not
    our key, so we fetch them ourselves. ``storage_class`` is that of the objects.
    """

    public_url: str
    secret: str
    ttl_s: int
    cdn: CloudFrontSigner | None
    s3: Presigner | None
    window_s: int = WINDOW_S
    public_links: bool = False
    customer_key: bool = False
    storage_class: str = "STANDARD"


@dataclass(frozen=True, slots=True)
class Life:
    """``expires_at`` ends a link, ``renew_at`` the window in which it is handed out."""

    renew_at: datetime
    expires_at: datetime


def etag_of(track: Playable) -> str:
    """A strong validator: the bytes of a track never change."""
    return f'"{track.sha256}"'


def life_of(track: Playable, links: Links, now: datetime) -> Life:
    """The link of the window that ``now`` lies in.

    Whoever is given it, be it in the window's last second, can listen once with a pause: the
    CDN looks at the time at every request, and each seek is one. Every track's windows begin at
    another second, or all links of a busy server would be renewed in the same one.
    """
    window_s = links.window_s
    shift_s = track.id.int % window_s
    begun_s = (math.floor(now.timestamp()) - shift_s) // window_s * window_s + shift_s
    renew_s = begun_s + window_s
    return Life(
        renew_at=datetime.fromtimestamp(renew_s, UTC),
        expires_at=datetime.fromtimestamp(
            renew_s + links.ttl_s + math.ceil(track.duration_s) + PAUSE_GRACE_S, UTC
        ),
    )


def way_of(track: Playable, links: Links, *, restored: bool = False) -> Way:
    """How the track is delivered; SourceUnreadable for one that nobody here can reach.

    ``restored``: there is a readable copy of it, should its class be an archive.
    """
    if _source(track) is FileSource.LOCAL:
        return Way.HERE
    if links.cdn is None and links.s3 is None:
        raise SourceUnreadable("The track is on S3, and no S3 store is configured")
    if links.storage_class in ARCHIVES and not restored:
        return Way.ARCHIVED
    if links.customer_key:
        return Way.PROXIED
    if links.cdn is None:
        return Way.PRESIGNED
    if not links.cdn.signs or _has_public_copy(track, links):
        return Way.PLAIN
    return Way.SIGNED


async def link_for(track: Playable, links: Links, now: datetime) -> AudioLink:
    """The link a player should use now; ObjectArchived when there can be none."""
    way, life = way_of(track, links), life_of(track, links, now)
    if way is Way.ARCHIVED:
        until = await _readable_until(track, links)
        way = way_of(track, links, restored=True)
        life = Life(min(life.renew_at, until), min(life.expires_at, until))
    expires_at: datetime | None = life.expires_at
    match way:
        case Way.HERE | Way.PROXIED:
            url = local_url(links, track.id, life.expires_at, track.rendition)
        case Way.PRESIGNED:
            url, expires_at = await _presigned(track, links, life, now)
        case Way.PLAIN:
            url, expires_at = _plain(track, links), None
        case Way.SIGNED:
            assert links.cdn is not None
            url = links.cdn.link(_object_key(track), expires_at=life.expires_at)
    return AudioLink(
        url=url,
        source=_source(track),
        way=way,
        expires_at=expires_at,
        renew_at=life.renew_at,
        content_type=track.content_type,
        size_bytes=track.size_bytes,
        etag=etag_of(track),
        duration_s=track.duration_s,
        rendition=track.rendition,
        start_offset_s=track.start_offset_s,
    )


async def _readable_until(track: Playable, links: Links) -> datetime:
    """When the restored copy of an archived object goes; ObjectArchived without one."""
    store: object = links.s3
    if not isinstance(store, Restorable):
        raise ObjectArchived
    state = await store.archive_state(_object_key(track))
    if not state.archived:
        return FOR_EVER
    if state.readable_until is None:
        raise ObjectArchived("It is being restored." if state.restoring else "")
    return state.readable_until


async def _presigned(
    track: Playable, links: Links, life: Life, now: datetime
) -> tuple[str, datetime]:
    """S3 writes the second of signing into its links, so only their end can be the same."""
    assert links.s3 is not None
    ttl_s = min(math.ceil((life.expires_at - now).total_seconds()), PRESIGN_MAX_S)
    return (
        await links.s3.presign(_object_key(track), ttl_s=ttl_s),
        min(life.expires_at, now + timedelta(seconds=ttl_s)),
    )


def _plain(track: Playable, links: Links) -> str:
    assert links.cdn is not None
    if _has_public_copy(track, links):
        assert track.public_object_key is not None
        return links.cdn.plain_link(track.public_object_key)
    return links.cdn.plain_link(_object_key(track))


def _has_public_copy(track: Playable, links: Links) -> bool:
    """The copy is of these very bytes: a rendition of the track has other ones."""
    return (
        links.public_links
        and track.visibility is Visibility.PUBLIC
        and track.public_state is PublicState.OPEN
        and track.public_object_key is not None
        and f"-{track.sha256}." in track.public_object_key
    )


def _object_key(track: Playable) -> str:
    if track.s3_object_key is None:
        raise SourceUnreadable
    return track.s3_object_key


def _source(track: Playable) -> FileSource:
    if track.file_source is None:
        raise SourceUnreadable
    return track.file_source


def local_url(links: Links, track_id: UUID, expires_at: datetime, rendition: str = ORIGINAL) -> str:
    """A link signed by this server, for players that can send neither header nor cookie.

    It leads to one file of the track whatever else is made later: a player that seeks must not
    come into another one.
    """
    expires = int(expires_at.timestamp())
    signature = _sign(links.secret, track_id, expires, rendition)
    path = f"/api/v1/tracks/{track_id}/audio/stream"
    which = "" if rendition == ORIGINAL else f"rendition={rendition}&"
    return f"{links.public_url}{path}?{which}expires={expires}&signature={signature}"


def check_local_link(
    secret: str,
    track_id: UUID,
    *,
    expires: str,
    signature: str,
    now: datetime,
    rendition: str = ORIGINAL,
) -> None:
    """LinkRefused unless this server signed exactly this, and it is not over."""
    if not expires.isascii() or not expires.isdigit() or len(expires) > 11:
        raise LinkRefused("The link is not one of ours.", code="link_tampered")
    wanted = _sign(secret, track_id, int(expires), rendition)
    if not hmac.compare_digest(wanted.encode(), signature.encode()):
        raise LinkRefused("The link's signature does not fit.", code="link_tampered")
    if now.timestamp() >= int(expires):
        raise LinkRefused("The link is over.", code="link_expired")


def may_read(track: Playable, user_id: UUID | None) -> bool:
    """Owners read theirs, everybody reads what is public."""
    return track.visibility is Visibility.PUBLIC or track.owner_id == user_id


def _sign(secret: str, track_id: UUID, expires: int, rendition: str) -> str:
    message = f"autodj local link\n{track_id}\n{expires}\n{rendition}".encode()
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
