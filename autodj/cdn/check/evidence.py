"""What is asked of a distribution, and everything that it answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from autodj.cdn.signer import CloudFrontSigner

PART: Final = (1000, 1999)
SUFFIX: Final = 500


@dataclass(frozen=True, slots=True)
class Sample:
    """An object behind the distribution: its key, its bytes and the type it was stored with."""

    key: str
    body: bytes = field(repr=False)
    content_type: str


@dataclass(frozen=True, slots=True)
class Setup:
    """What is asked: ``signer`` makes its links, ``direct_url`` is where S3 itself has the
    sample, ``http_origin`` the same distribution without TLS, ``public`` a sample that everybody
    may read. None: that is not looked at.
    """

    signer: CloudFrontSigner
    sample: Sample
    direct_url: str | None = None
    http_origin: str | None = None
    public: Sample | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. Header names in any case; ``first_byte_s`` after the request was sent, and
    ``asked_at`` this machine's time half way.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    first_byte_s: float
    asked_at: datetime

    @property
    def x_cache(self) -> str:
        return self.headers.get("X-Cache", "")


@dataclass(frozen=True, slots=True)
class Evidence:
    """Every answer. What could not be asked, or makes no sense to ask, is None or empty."""

    setup: Setup
    whole: Reply
    again: Sequence[Reply] = ()
    other_signatures: Sequence[Reply] = ()
    part: Reply | None = None
    suffix: Reply | None = None
    beyond: Reply | None = None
    unchanged: Reply | None = None
    preflight: Reply | None = None
    missing: Reply | None = None
    unsigned: Reply | None = None
    tampered: Mapping[str, Reply] = field(default_factory=dict)
    expired: Reply | None = None
    unknown_key: Reply | None = None
    second_keys: Mapping[str, Reply] = field(default_factory=dict)
    cookies: Reply | None = None
    public: Reply | None = None
    direct: Reply | None = None
    plain_http: Reply | None = None
