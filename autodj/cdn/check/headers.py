"""Whether browsers may use what comes: the headers that playback needs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from autodj.cdn.check.evidence import Evidence, Reply
from autodj.cdn.check.wrong import POLICY, Wrong, names_in
from autodj.cdn.headers import EXPOSED

MIN_MAX_AGE_S: Final = 86400

_MAX_AGE: Final = re.compile(r"\bmax-age=([0-9]{1,10})", re.IGNORECASE)
_NEVER: Final = re.compile(r"\b(no-store|no-cache|private)\b", re.IGNORECASE)


def cors(seen: Evidence) -> str:
    lacking = [
        status
        for status, reply in _cross_origin_replies(seen)
        if reply.headers.get("Access-Control-Allow-Origin") != "*"
    ]
    if lacking:
        raise Wrong(
            f"no Access-Control-Allow-Origin: * on {_listed(lacking)}",
            "Players cannot read what is refused, and Web Audio stays silent: " + POLICY + ".",
        )
    return f"on {_listed(status for status, _ in _cross_origin_replies(seen))}"


def exposed(seen: Evidence) -> str:
    replies = [seen.whole, *([seen.part] if seen.part else [])]
    missing = {
        name
        for reply in replies
        for name in EXPOSED
        if name.lower() not in names_in(reply.headers.get("Access-Control-Expose-Headers", ""))
    }
    if missing:
        raise Wrong(
            f"scripts cannot see {', '.join(sorted(missing))}",
            f"Expose them: {POLICY}.",
        )
    return ", ".join(EXPOSED)


def corp(seen: Evidence) -> str:
    told = seen.whole.headers.get("Cross-Origin-Resource-Policy")
    if told != "cross-origin":
        raise Wrong(
            f"Cross-Origin-Resource-Policy is {told or 'missing'}",
            f"Pages with COEP cannot play it: {POLICY}.",
        )
    return told


def preflight(seen: Evidence) -> str | None:
    reply = seen.preflight
    if reply is None:
        return None
    allowed = names_in(reply.headers.get("Access-Control-Allow-Headers", ""))
    granted = reply.headers.get("Access-Control-Allow-Origin") == "*"
    if not 200 <= reply.status < 300 or not granted or not allowed & {"*", "range"}:
        raise Wrong(
            f"OPTIONS for Range and If-Range is answered {reply.status}",
            "Allow OPTIONS in the behaviour, and give the bucket the CORS rules of "
            "`autodj cdn template`: S3 answers it.",
        )
    return f"{reply.status}, Range may be sent"


def etag(seen: Evidence) -> str:
    tags = {reply.headers.get("ETag", "") for reply in (seen.whole, seen.part) if reply}
    if not all(re.fullmatch(r'"[^"]+"', tag) for tag in tags) or len(tags) != 1:
        raise Wrong(
            f"ETag is {' and '.join(sorted(tags)) or 'missing'}",
            "A broken download goes on only with one strong ETag: turn compression off.",
        )
    return tags.pop()


def content_type(seen: Evidence) -> str:
    told, wanted = seen.whole.headers.get("Content-Type"), seen.setup.sample.content_type
    if told != wanted:
        raise Wrong(
            f"Content-Type is {told or 'missing'} instead of {wanted}",
            "Browsers refuse audio by another name: no header policy may set Content-Type.",
        )
    return told


def cache_control(seen: Evidence) -> str:
    told = seen.whole.headers.get("Cache-Control", "")
    age = _MAX_AGE.search(told)
    if _NEVER.search(told) or age is None or int(age[1]) < MIN_MAX_AGE_S:
        raise Wrong(
            f"Cache-Control is {told or 'missing'}",
            "Objects never change under their key: pass S3's Cache-Control on as it is.",
        )
    return told


def _cross_origin_replies(seen: Evidence) -> Iterator[tuple[str, Reply]]:
    for reply in (seen.whole, seen.part, seen.unchanged, seen.unsigned, seen.missing, seen.beyond):
        if reply is not None:
            yield str(reply.status), reply


def _listed(statuses: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(statuses))
