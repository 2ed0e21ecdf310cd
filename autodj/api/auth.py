"""Who calls: the bearer of a token, the page with its session, or nobody."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlsplit
from uuid import UUID

from starlette.requests import Request

from autodj.api.contract import SAFE_METHODS
from autodj.api.state import web_of
from autodj.db import User, users
from autodj.errors import CrossSite, NotFound, Unauthenticated
from autodj.settings import Settings
from autodj.users.tokens import Audience, issue

SESSION_COOKIE = "autodj_session"
SESSION_TTL_S = 30 * 86400
# The headers of what is told to one caller.
PRIVATE = {"Cache-Control": "private, no-store", "Vary": "Authorization, Cookie"}
_DEFAULT_PORTS = {"http": 80, "https": 443}


def require_caller(request: Request) -> UUID:
    """The caller's user id; Unauthenticated without one."""
    caller = find_caller(request)
    if caller is None:
        raise Unauthenticated
    return caller


def find_caller(request: Request) -> UUID | None:
    """The caller's user id, or None for a stranger.

    A bearer token that is no good is refused even where none is needed: its sender believes
    to be somebody. A session that is over makes a stranger.
    """
    sent = request.headers.getlist("authorization")
    if sent:
        return web_of(request).callers.verify(_bearer(sent), Audience.API)
    return find_page_user(request)


def find_page_user(request: Request) -> UUID | None:
    """Whose session the page's cookie is, or None.

    CrossSite when it comes with a change that our own page did not ask for.
    """
    web = web_of(request)
    session = request.cookies.get(SESSION_COOKIE)
    if session is None:
        return None
    try:
        caller = web.callers.verify(session, Audience.PAGE)
    except Unauthenticated:
        return None
    if request.method not in SAFE_METHODS:
        _require_own_page(request, web.runtime.settings)
    return caller


def login_of(request: Request) -> tuple[str, bool]:
    """The token or the session that a known caller came with; whether it is a session, which
    all windows of a browser share.
    """
    sent = request.headers.getlist("authorization")
    return (_bearer(sent), False) if sent else (request.cookies[SESSION_COOKIE], True)


async def require_user(request: Request) -> User:
    """The caller as a row; Unauthenticated when a good token outlived its user."""
    caller = require_caller(request)
    async with web_of(request).runtime.db.read_session() as session:
        try:
            return await users.get(session, caller)
        except NotFound as error:
            raise Unauthenticated from error


def new_session(settings: Settings, user_id: UUID) -> str:
    """The value of the session cookie for a user who has just logged in."""
    return issue(
        settings.secret, user_id, Audience.PAGE, now=datetime.now(UTC), ttl_s=SESSION_TTL_S
    )


def _require_own_page(request: Request, settings: Settings) -> None:
    """CrossSite unless a page of this very server has sent the request.

    Browsers of today say so in Sec-Fetch-Site, others name the Origin.
    """
    site = request.headers.get("sec-fetch-site")
    if site is None:
        origin = _origin(request.headers.get("origin", ""))
        allowed = origin is not None and origin == _origin(settings.public_url)
    else:
        allowed = site == "same-origin"
    if not allowed:
        raise CrossSite


def _bearer(sent: list[str]) -> str:
    scheme, _, token = sent[0].partition(" ")
    if len(sent) > 1 or scheme.lower() != "bearer":
        raise Unauthenticated
    return token.strip()


def _origin(url: str) -> tuple[str, str, int | None] | None:
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    return (parts.scheme, parts.hostname, port) if parts.hostname else None
