"""Signed statements of who somebody is: bearer tokens for programs, sessions for the page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import jwt

from autodj.errors import Unauthenticated

ALGORITHM = "HS256"
ISSUER = "autodj"
LEEWAY_S = 60
MAX_TOKEN_BYTES = 4096


class Audience(StrEnum):
    """What a token is for; one kind is never accepted as the other."""

    API = "autodj-api"
    PAGE = "autodj-page"


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who a good token speaks for, where, and until when (Unix seconds)."""

    user_id: UUID
    audience: Audience
    ends_at_s: float


def issue(secret: str, user_id: UUID, audience: Audience, *, now: datetime, ttl_s: int) -> str:
    """A token for ``user_id`` that is good for ``ttl_s`` seconds."""
    claims = {
        "iss": ISSUER,
        "aud": audience.value,
        "sub": str(user_id),
        "iat": now,
        "nbf": now,
        "exp": now + timedelta(seconds=ttl_s),
    }
    return jwt.encode(claims, secret, algorithm=ALGORITHM)


def verify(secret: str, token: str, audience: Audience) -> Bearer:
    """Whose token it is. Unauthenticated for anything but our own, whole and in time."""
    if len(token) > MAX_TOKEN_BYTES:
        raise Unauthenticated
    try:
        claims = jwt.decode(
            token,
            secret,
            algorithms=[ALGORITHM],
            audience=audience.value,
            issuer=ISSUER,
            leeway=LEEWAY_S,
            options={
                "require": ["iss", "aud", "sub", "iat", "nbf", "exp"],
                "enforce_minimum_key_length": True,
            },
        )
        return Bearer(UUID(claims["sub"]), audience, float(claims["exp"]) + LEEWAY_S)
    # PyJWT lets a few builtin errors of odd claims through (NaN, lists, huge numbers).
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError, AttributeError) as error:
        raise Unauthenticated from error
