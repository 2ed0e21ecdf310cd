"""What a link to a track's bytes is, and who signs it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from autodj.cdn.signer import CloudFrontSigner
from autodj.db import FileSource
from autodj.storage.base import Presigner
from autodj.tracks.renditions import ORIGINAL

WINDOW_S = 300


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
