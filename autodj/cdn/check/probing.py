"""Asking a distribution everything that its answers are judged by: the requests, no judgement."""

from __future__ import annotations

import ssl
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from yarl import URL

from autodj.cdn.check.evidence import PART, SUFFIX, Evidence, Setup
from autodj.cdn.check.visitor import PAGE, Visitor, open_visitor
from autodj.cdn.signer import CloudFrontSigner, Terms

# CloudFront's machines at one place do not share a cache at once.
TRIES: Final = 4

_HOUR: Final = timedelta(hours=1)
_STRANGE_ID: Final = "KAUTODJPROBE00"


async def gather(setup: Setup, *, ca: ssl.SSLContext | None = None, now: datetime) -> Evidence:
    """Ask everything; CommandError when the distribution does not answer at all.

    ``ca`` vouches for a certificate that the public authorities do not.
    """
    async with open_visitor(ca) as visitor:
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


async def _refusals(visitor: Visitor, evidence: Evidence, now: datetime) -> Evidence:
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


async def _playback(visitor: Visitor, evidence: Evidence, now: datetime) -> Evidence:
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


def _stranger(setup: Setup, key_pair_id: str) -> CloudFrontSigner:
    """Somebody who signs for the same distribution with a key that is not in its key group."""
    private = ec.generate_private_key(ec.SECP256R1())
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    place = URL(setup.signer.plain_link(setup.sample.key).removesuffix(setup.sample.key))
    return CloudFrontSigner(str(place.origin()), key_pair_id, pem, prefix=place.path)
