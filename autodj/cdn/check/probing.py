"""Asking a distribution everything that its answers are judged by: the requests, no judgement."""

from __future__ import annotations

import ssl
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

import aiohttp
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from yarl import URL

from autodj.cdn.signer import CloudFrontSigner, Terms
from autodj.errors import CommandError

# CloudFront's machines at one place do not share a cache at once.
TRIES: Final = 4
PAGE: Final = "https://page.example"

_HOUR: Final = timedelta(hours=1)
_STRANGE_ID: Final = "KAUTODJPROBE00"


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


PART: Final = (1000, 1999)
SUFFIX: Final = 500


async def gather(setup: Setup, *, ca: ssl.SSLContext | None = None, now: datetime) -> Evidence:
    """Ask everything; CommandError when the distribution does not answer at all.

    ``ca`` vouches for a certificate that the public authorities do not.
    """
    async with _open(ca) as visitor:
        whole = await visitor.get(setup.signer.link(setup.sample.key, expires_at=now + _HOUR))
        evidence = Evidence(
            setup,
            whole,
            direct=await visitor.if_any(setup.direct_url),
            plain_http=await visitor.over_http(setup),
        )
        if setup.public is not None:
            public = await visitor.get(setup.signer.plain_link(setup.public.key))
            evidence = replace(evidence, public=public)
        if setup.signer.signs:
            evidence = await _refusals(visitor, evidence, now)
        # Nothing more can be learned from a distribution that gives nothing.
        return await _playback(visitor, evidence, now) if whole.status == 200 else evidence


async def _refusals(visitor: _Visitor, evidence: Evidence, now: datetime) -> Evidence:
    signer, key = evidence.setup.signer, evidence.setup.sample.key
    link = signer.link(key, expires_at=now + _HOUR)
    expires = int((now + _HOUR).timestamp())
    strange = _stranger(evidence.setup, _STRANGE_ID)
    _, *second_ids = signer.public_keys()
    same_id = _stranger(evidence.setup, next(iter(signer.public_keys())))
    return replace(
        evidence,
        unsigned=await visitor.get(signer.plain_link(key)),
        tampered={
            "a later end": await visitor.get(
                link.replace(f"Expires={expires}", f"Expires={expires + 1}")
            ),
            "another object": await visitor.get(
                link.replace(signer.plain_link(key), signer.plain_link(f"{key}.other"))
            ),
            "another private key": await visitor.get(same_id.link(key, expires_at=now + _HOUR)),
        },
        expired=await visitor.get(signer.link(key, expires_at=now - _HOUR)),
        unknown_key=await visitor.get(strange.link(key, expires_at=now + _HOUR)),
        second_keys={
            each: await visitor.get(signer.signing_with(each).link(key, expires_at=now + _HOUR))
            for each in second_ids
        },
    )


async def _playback(visitor: _Visitor, evidence: Evidence, now: datetime) -> Evidence:
    signer, sample = evidence.setup.signer, evidence.setup.sample
    link = signer.link(sample.key, expires_at=now + _HOUR)
    etag = evidence.whole.headers.get("ETag")
    asks = {
        "Origin": PAGE,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "if-range,range",
    }
    found = replace(
        evidence,
        again=[await visitor.get(link) for _ in range(TRIES - 1)],
        part=await visitor.get(link, {"Range": f"bytes={PART[0]}-{PART[1]}"}),
        suffix=await visitor.get(link, {"Range": f"bytes=-{SUFFIX}"}),
        beyond=await visitor.get(link, {"Range": f"bytes={len(sample.body)}-"}),
        unchanged=await visitor.get(link, {"If-None-Match": etag}) if etag else None,
        preflight=await visitor.ask("OPTIONS", link, asks),
        missing=await visitor.get(signer.link(f"{sample.key}.gone", expires_at=now + _HOUR)),
    )
    if not signer.signs:
        return found
    # Each once: a second request with the same signature would be a hit in any case.
    others = [
        signer.link(sample.key, expires_at=now + _HOUR + timedelta(seconds=more))
        for more in range(1, TRIES)
    ]
    cookies = signer.cookies(sample.key, Terms(now + _HOUR)).values
    header = "; ".join(f"{name}={value}" for name, value in cookies.items())
    return replace(
        found,
        other_signatures=[await visitor.get(each) for each in others],
        cookies=await visitor.get(signer.plain_link(sample.key), {"Cookie": header}),
    )


class _Visitor:
    """A page's player, as far as a server can tell."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._http = http

    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> Reply:
        return await self.ask("GET", url, {"Origin": PAGE, **(headers or {})})

    async def ask(self, method: str, url: str, headers: Mapping[str, str]) -> Reply:
        """The answer; CommandError when there is none."""
        began_s, began_at = time.monotonic(), datetime.now(UTC)
        try:
            async with self._http.request(
                method, URL(url, encoded=True), headers=headers, allow_redirects=False
            ) as answer:
                first_byte_s = time.monotonic() - began_s
                return Reply(
                    status=answer.status,
                    headers=answer.headers,
                    body=await answer.read(),
                    first_byte_s=first_byte_s,
                    asked_at=began_at + timedelta(seconds=first_byte_s / 2),
                )
        except (aiohttp.ClientError, TimeoutError) as error:
            place = URL(url).origin()
            raise CommandError(
                f"{place} does not answer ({error or type(error).__name__})",
                hint="Check CLOUDFRONT_DOMAIN, its DNS record, and that its certificate fits.",
            ) from error

    async def if_any(self, url: str | None) -> Reply | None:
        """The answer, where there is an address and somebody who answers there."""
        if url is None:
            return None
        try:
            return await self.get(url)
        except CommandError:
            return None

    async def over_http(self, setup: Setup) -> Reply | None:
        """The answer without TLS to a plain link."""
        if setup.http_origin is None:
            return None
        link = URL(setup.signer.plain_link(setup.sample.key))
        return await self.if_any(f"{setup.http_origin}{link.raw_path}")


@asynccontextmanager
async def _open(ca: ssl.SSLContext | None) -> AsyncGenerator[_Visitor]:
    timeout = aiohttp.ClientTimeout(total=60, sock_connect=10, sock_read=30)
    connector = aiohttp.TCPConnector(ssl=ca or True)
    async with aiohttp.ClientSession(
        connector=connector, timeout=timeout, auto_decompress=False
    ) as http:
        yield _Visitor(http)


def _stranger(setup: Setup, key_pair_id: str) -> CloudFrontSigner:
    """Somebody who signs for the same distribution with a key that is not in its key group."""
    private = ec.generate_private_key(ec.SECP256R1())
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    place = URL(setup.signer.plain_link(setup.sample.key).removesuffix(setup.sample.key))
    return CloudFrontSigner(str(place.origin()), key_pair_id, pem, prefix=place.path)
