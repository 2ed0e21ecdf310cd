"""From a row to where a listener gets the bytes. Deciding is pure; nothing here does I/O
but asking S3's client to sign.
"""

from __future__ import annotations

import hashlib
import hmac
import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from autodj.cdn.signer import CloudFrontSigner
from autodj.db import FileSource, Visibility
from autodj.db.tracks import Playable
from autodj.errors import LinkRefused, SourceUnreadable
from autodj.storage.base import Presigner

PAUSE_GRACE_S = 300


@dataclass(frozen=True, slots=True)
class AudioLink:
    """A URL that is good until ``expires_at`` (None: for ever), and what it leads to."""

    url: str
    source: FileSource
    expires_at: datetime | None
    content_type: str
    size_bytes: int
    etag: str
    duration_s: float


@dataclass(frozen=True, slots=True)
class Links:
    """Who signs: CloudFront, else S3 itself, and this server for local bytes."""

    public_url: str
    secret: str
    ttl_s: int
    cdn: CloudFrontSigner | None
    s3: Presigner | None


def etag_of(track: Playable) -> str:
    """A strong validator: the bytes of a track never change."""
    return f'"{track.sha256}"'


def expiry(track: Playable, ttl_s: int, now: datetime) -> datetime:
    """The link outlives one listening with a pause, on a whole minute.

    CloudFront checks the time at every request, and each seek is one.
    """
    life_s = ttl_s + track.duration_s + PAUSE_GRACE_S
    return datetime.fromtimestamp(math.ceil((now.timestamp() + life_s) / 60) * 60, UTC)


async def link_for(track: Playable, links: Links, now: datetime) -> AudioLink:
    """The link a player should use now."""
    url, expires_at = await _url(track, links, now)
    return AudioLink(
        url=url,
        source=_source(track),
        expires_at=expires_at,
        content_type=track.content_type,
        size_bytes=track.size_bytes,
        etag=etag_of(track),
        duration_s=track.duration_s,
    )


async def _url(track: Playable, links: Links, now: datetime) -> tuple[str, datetime | None]:
    expires_at = expiry(track, links.ttl_s, now)
    if _source(track) is FileSource.LOCAL:
        return local_url(links, track.id, expires_at), expires_at
    assert track.s3_object_key is not None
    if links.cdn is not None:
        signed = links.cdn.signs
        return links.cdn.link(track.s3_object_key, expires_at=expires_at), (
            expires_at if signed else None
        )
    if links.s3 is None:
        raise SourceUnreadable("The track is on S3, and no S3 store is configured")
    ttl_s = min(int((expires_at - now).total_seconds()), 7 * 86400)
    return (
        await links.s3.presign(track.s3_object_key, ttl_s=ttl_s),
        now + timedelta(seconds=ttl_s),
    )


def _source(track: Playable) -> FileSource:
    if track.file_source is None:
        raise SourceUnreadable
    return track.file_source


def local_url(links: Links, track_id: UUID, expires_at: datetime) -> str:
    """A link signed by this server, for players that can send neither header nor cookie."""
    expires = int(expires_at.timestamp())
    signature = _sign(links.secret, track_id, expires)
    path = f"/api/v1/tracks/{track_id}/audio/stream"
    return f"{links.public_url}{path}?expires={expires}&signature={signature}"


def check_local_link(
    secret: str, track_id: UUID, *, expires: str, signature: str, now: datetime
) -> None:
    """LinkRefused unless this server signed exactly this, and it is not over."""
    if not expires.isascii() or not expires.isdigit() or len(expires) > 11:
        raise LinkRefused("The link is not one of ours.", code="link_tampered")
    wanted = _sign(secret, track_id, int(expires))
    if not hmac.compare_digest(wanted.encode(), signature.encode()):
        raise LinkRefused("The link's signature does not fit.", code="link_tampered")
    if now.timestamp() >= int(expires):
        raise LinkRefused("The link is over.", code="link_expired")


def may_read(track: Playable, user_id: UUID | None) -> bool:
    """Owners read theirs, everybody reads what is public."""
    return track.visibility is Visibility.PUBLIC or track.owner_id == user_id


def _sign(secret: str, track_id: UUID, expires: int) -> str:
    message = f"autodj local link\n{track_id}\n{expires}".encode()
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
