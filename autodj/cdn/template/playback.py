"""``DELIVERY_HEADERS`` as CloudFront wants them told.

CloudFront has three drawers and refuses a header in the wrong one: those of CORS, six of
security, and the rest. What S3 says by itself about every object is left to S3.
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/
understanding-response-headers-policies.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from autodj.cdn.headers import DELIVERY_HEADERS, EXPOSED

READ_METHODS: Final = ("GET", "HEAD", "OPTIONS")
PREFLIGHT_S: Final = 86400

# What a player may send: a list, because credentials rule out the star.
REQUEST_HEADERS: Final = (
    "Range",
    "If-Range",
    "If-Match",
    "If-None-Match",
    "If-Modified-Since",
    "If-Unmodified-Since",
)
FROM_S3: Final = frozenset({"Accept-Ranges"})

# It would tell every listener the account and its key.
KEPT_BACK: Final = ("x-amz-server-side-encryption-aws-kms-key-id",)


@dataclass(frozen=True, slots=True)
class Cors:
    """``credentials`` are signed cookies; they need pages by name."""

    origins: tuple[str, ...]
    credentials: bool
    exposed: tuple[str, ...] = EXPOSED
    methods: tuple[str, ...] = READ_METHODS
    headers: tuple[str, ...] = REQUEST_HEADERS
    max_age_s: int = PREFLIGHT_S


def cors(cookie_origins: tuple[str, ...]) -> Cors:
    """Everybody may read what a link opens; what cookies open, only the pages that send them."""
    return Cors(origins=cookie_origins or ("*",), credentials=bool(cookie_origins))


def custom_headers() -> Mapping[str, str]:
    """What belongs in neither of the named drawers, by name.

    A new member of ``DELIVERY_HEADERS`` lands here by itself, and in CORS or security only
    when this module knows it: ValueError otherwise.
    """
    found = {}
    for name, value in DELIVERY_HEADERS.items():
        match name:
            case "Access-Control-Allow-Origin" | "Access-Control-Expose-Headers":
                continue
            case "X-Content-Type-Options":
                continue
            case _ if name in FROM_S3:
                continue
        if name.startswith("Access-Control-") or name in _SECURITY:
            raise ValueError(f"{name} has a place of its own in CloudFront, and none here")
        found[name] = value
    return found


_SECURITY: Final = frozenset(
    {
        "Content-Security-Policy",
        "Referrer-Policy",
        "Strict-Transport-Security",
        "X-Content-Type-Options",
        "X-Frame-Options",
        "X-XSS-Protection",
    }
)
