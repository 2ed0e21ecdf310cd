"""The way to a kept answer ahead of the router.

Most requests of a busy day are for the same few links. For those no route has to be found, no
request and no response to be built: the row is fresh, the caller known, the answer kept. Where
any of this is in doubt the router answers, so nothing is refused here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.requests import cookie_parser
from starlette.types import Scope

from autodj.api.audio import AUDIO
from autodj.api.auth import SESSION_COOKIE
from autodj.api.paths import BASE
from autodj.api.ready import Asked, Ready
from autodj.db.playables import Playable
from autodj.errors import LinkRefused
from autodj.tracks.deliver import may_read
from autodj.tracks.local_links import check_local_link
from autodj.tracks.places import Place, Places
from autodj.tracks.renditions import ORIGINAL
from autodj.users.callers import Callers
from autodj.users.tokens import Audience

MAX_SEEN = 4096
MAX_WORDS_BYTES = 2048
_BEFORE_ID = f"{BASE}/tracks/"
_ID_BEGIN = len(_BEFORE_ID)
_ID_END = _ID_BEGIN + 36
_URL = f"{AUDIO}/url"
_ROUTES = {"/audio/url": _URL, "/audio/stream": f"{AUDIO}/stream", "/audio": AUDIO}
_SESSION = SESSION_COOKIE.encode()
_RENDITION = re.compile(rb"rendition=([a-z0-9_-]{1,32})")
_LINK = re.compile(rb"expires=([0-9]{1,11})&signature=([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Seen:
    """What was once found for the very same words, until something ends (Unix seconds)."""

    place: Place[Ready]
    ready: Ready
    good_until_s: float


class Ahead:
    """Finds kept answers; remembers for which words of which caller it has found them."""

    def __init__(
        self,
        places: Places[Ready],
        callers: Callers,
        *,
        secret: str,
        clock: Callable[[], float],
        max_seen: int = MAX_SEEN,
    ) -> None:
        self._places = places
        self._callers = callers
        self._secret = secret
        self._clock = clock
        self._max_seen = max_seen
        self._seen: dict[tuple[str | bytes | None, ...], Seen] = {}

    def find(self, scope: Scope, headers: Mapping[bytes, bytes]) -> Ready | None:
        """The whole answer to the request, or None: the router has to find one.

        ``headers`` are the request's, by name in lower case.
        """
        path: str = scope["path"]
        if not path.startswith(_BEFORE_ID) or not _is_plain(scope, headers):
            return None
        words = (
            path,
            scope["query_string"],
            headers.get(b"authorization"),
            headers.get(b"cookie"),
            headers.get(b"accept"),
        )
        seen = self._seen.get(words)
        if (
            seen is not None
            and self._clock() < seen.good_until_s
            and self._places.is_fresh(seen.place)
        ):
            return seen.ready
        seen = self._look(*words)
        if seen is None:
            return None
        if sum(len(each or b"") for each in words) <= MAX_WORDS_BYTES:
            if len(self._seen) >= self._max_seen:
                del self._seen[next(iter(self._seen))]  # the oldest; it is looked up anew
            self._seen[words] = seen
        return seen.ready

    def _look(
        self,
        path: str,
        query: bytes,
        authorization: bytes | None,
        cookies: bytes | None,
        accept: bytes | None,
    ) -> Seen | None:
        route = _ROUTES.get(path[_ID_END:])
        place = self._places.fresh(path[_ID_BEGIN:_ID_END])
        if route is None or place is None:
            return None
        rendition: str | None = None
        if (link := _LINK.fullmatch(query)) and route != _URL:
            rendition = ORIGINAL
            allowed_until_s = self._link_ends_s(place.track, *link.groups())
        else:
            wanted = _RENDITION.fullmatch(query)
            if query and not wanted:
                return None
            rendition = wanted and wanted[1].decode()
            allowed_until_s = self._reading_ends_s(place.track, authorization, cookies)
        ready = self._places.answer(place, Asked(route, rendition, accept or None))
        if ready is None or not allowed_until_s:
            return None
        return Seen(place, ready, min(allowed_until_s, ready.good_until_s))

    def _reading_ends_s(
        self, track: Playable, authorization: bytes | None, cookies: bytes | None
    ) -> float:
        """Until when the caller is known to be allowed; 0: he is not."""
        if authorization is not None:
            token = authorization[7:] if authorization[:7] == b"Bearer " else b""
            bearer = self._callers.known(token.decode("latin-1"), Audience.API)
        elif _SESSION in (cookies or b""):
            given = cookie_parser((cookies or b"").decode("latin-1"))
            bearer = self._callers.known(given.get(SESSION_COOKIE, ""), Audience.PAGE)
        else:
            return math.inf if may_read(track, None) else 0.0
        return bearer.ends_at_s if bearer and may_read(track, bearer.user_id) else 0.0

    def _link_ends_s(self, track: Playable, expires: bytes, signature: bytes) -> float:
        """Until when our own link opens the track; 0: it does not."""
        try:
            check_local_link(
                self._secret,
                track.id,
                expires=expires.decode(),
                signature=signature.decode(),
                now=datetime.fromtimestamp(self._clock(), UTC),
            )
        except LinkRefused:
            return 0.0
        return float(expires)


def kept_answer(scope: Scope, headers: Mapping[bytes, bytes]) -> Ready | None:
    """What ``Ahead.find`` of the process finds; nothing before the process is ready."""
    ahead: Ahead | None = scope.get("state", {}).get("ahead")
    return None if ahead is None else ahead.find(scope, headers)


def _is_plain(scope: Scope, headers: Mapping[bytes, bytes]) -> bool:
    """Whether the request only reads, and nothing is said twice or sent along."""
    return (
        scope["method"] in {"GET", "HEAD"}
        and len(headers) == len(scope["headers"])
        and b"transfer-encoding" not in headers
        and headers.get(b"content-length", b"0") == b"0"
    )
