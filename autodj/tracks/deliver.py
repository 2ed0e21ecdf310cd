"""From a row to where a listener gets the bytes. Deciding is pure; nothing here does I/O
but asking S3's client to sign.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from uuid import UUID

from autodj.db import FileSource, PublicState, Visibility
from autodj.db.playables import Playable
from autodj.errors import ObjectArchived, SourceUnreadable
from autodj.settings.model import PAUSE_GRACE_S
from autodj.storage.powers import Restorable
from autodj.tracks.links import AudioLink, Life, Links, Way
from autodj.tracks.local_links import local_url
from autodj.tracks.policy import FOR_EVER

PRESIGN_MAX_S = 7 * 86400
ARCHIVES = frozenset({"GLACIER", "DEEP_ARCHIVE"})


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
        until = await readable_until(links.s3, _object_key(track))
        way = way_of(track, links, restored=True)
        life = Life(min(life.renew_at, until), min(life.expires_at, until))
    expires_at: datetime | None = life.expires_at
    match way:
        case Way.HERE | Way.PROXIED:
            url = local_url(links, track.id, life.expires_at, track.rendition)
        case Way.PRESIGNED:
            url, life = await _presigned(track, links, life, now)
            expires_at = life.expires_at
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


async def readable_until(store: object, key: str) -> datetime:
    """When the restored copy of an archived object goes; ObjectArchived without one."""
    if not isinstance(store, Restorable):
        raise ObjectArchived
    state = await store.archive_state(key)
    if not state.archived:
        return FOR_EVER
    if state.readable_until is None:
        raise ObjectArchived("It is being restored." if state.restoring else "")
    return state.readable_until


async def _presigned(track: Playable, links: Links, life: Life, now: datetime) -> tuple[str, Life]:
    """The link, and how long it really lives: S3 writes the second of signing into its links, so
    only their end can be the same, and that of the keys that sign may come before it.
    """
    assert links.s3 is not None
    keys_end_at = await links.s3.signs_until() or FOR_EVER
    ends_at = min(life.expires_at, keys_end_at, now + timedelta(seconds=PRESIGN_MAX_S))
    ttl_s = max(1, math.ceil((ends_at - now).total_seconds()))
    url = await links.s3.presign(_object_key(track), ttl_s=ttl_s)
    return url, Life(min(life.renew_at, ends_at), ends_at)


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


def may_read(track: Playable, user_id: UUID | None) -> bool:
    """Owners read theirs, everybody reads what is public."""
    return track.visibility is Visibility.PUBLIC or track.owner_id == user_id
