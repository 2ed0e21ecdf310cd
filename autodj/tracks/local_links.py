"""Links that this server signs itself, for players that can send neither header nor cookie."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime
from uuid import UUID

from autodj.errors import LinkRefused
from autodj.tracks.links import Links
from autodj.tracks.renditions import ORIGINAL


def local_url(links: Links, track_id: UUID, expires_at: datetime, rendition: str = ORIGINAL) -> str:
    """A link to one file of the track.

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


def _sign(secret: str, track_id: UUID, expires: int, rendition: str) -> str:
    message = f"autodj local link\n{track_id}\n{expires}\n{rendition}".encode()
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
