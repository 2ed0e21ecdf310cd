"""Whether what comes is what was asked for, and when."""

from __future__ import annotations

from typing import Final

from autodj.cdn.check.evidence import PART, SUFFIX, Evidence
from autodj.cdn.check.wrong import Wrong, is_hit

SLOW_S: Final = 2.0


def body(seen: Evidence) -> str:
    came, wanted = seen.whole.body, seen.setup.sample.body
    if came != wanted:
        raise Wrong(
            f"{len(came)} bytes came that are not the {len(wanted)} of the bucket",
            "Nothing on the way may change bodies: remove functions that do, and compression.",
        )
    return f"{len(came)} bytes, as stored"


def part(seen: Evidence) -> str | None:
    reply = seen.part
    if reply is None:
        return None
    first, last = PART
    told = f"bytes {first}-{last}/{len(seen.whole.body)}"
    if reply.status != 206:
        raise Wrong(
            f"a range is answered {reply.status}",
            "Without ranges nobody can seek: no function and no proxy may drop the Range header.",
        )
    if (
        reply.headers.get("Content-Range") != told
        or reply.body != seen.whole.body[first : last + 1]
    ):
        raise Wrong(
            f"bytes={first}-{last} brings {reply.headers.get('Content-Range', 'no Content-Range')}",
            "Nothing on the way may change the Range header.",
        )
    return "206 with exactly the bytes asked for"


def suffix(seen: Evidence) -> str | None:
    reply = seen.suffix
    if reply is None:
        return None
    if reply.status != 206 or reply.body != seen.whole.body[-SUFFIX:]:
        raise Wrong(
            f"the last {SUFFIX} bytes are answered {reply.status} with {len(reply.body)} bytes",
            "Players read tags at the end so: nothing on the way may drop the Range header.",
        )
    return "206 with the last bytes"


def beyond(seen: Evidence) -> str | None:
    reply = seen.beyond
    if reply is None:
        return None
    if reply.status != 416:
        raise Wrong(
            f"a range behind the end is answered {reply.status} instead of 416",
            "Remove custom error responses for 416.",
        )
    return f"416, {reply.headers.get('Content-Range', 'without a size')}"


def not_modified(seen: Evidence) -> str | None:
    reply = seen.unchanged
    if reply is None:
        return None
    if reply.status != 304:
        raise Wrong(
            f"If-None-Match with its own ETag is answered {reply.status} instead of 304",
            "Nothing on the way may drop If-None-Match.",
        )
    return "304 for what a browser has already"


def missing(seen: Evidence) -> str | None:
    reply = seen.missing
    if reply is None:
        return None
    if reply.status not in {403, 404}:
        raise Wrong(
            f"an object that is not there is answered {reply.status}",
            "Remove custom error responses for 403 and 404.",
        )
    return f"answered {reply.status}"


def cache(seen: Evidence) -> str | None:
    if not seen.again:
        return None
    told = [reply.x_cache for reply in seen.again]
    hits = [reply.x_cache for reply in seen.again if is_hit(reply)]
    if not hits:
        raise Wrong(
            f"asked {len(told) + 1} times, and never a hit (X-Cache: {told[-1] or 'missing'})",
            "Every play is paid twice so: attach a cache policy with a long lifetime.",
        )
    return hits[0]


def cache_key(seen: Evidence) -> str | None:
    if not seen.other_signatures:
        return None
    if not any(is_hit(reply) for reply in seen.other_signatures):
        raise Wrong(
            "the same object under another signature is never a hit",
            "Take query strings and cookies out of the cache policy.",
        )
    return "signatures share one copy"


def speed(seen: Evidence, slow_s: float = SLOW_S) -> str | None:
    hits = [reply.first_byte_s for reply in seen.again if is_hit(reply)]
    fastest_s = min(hits, default=seen.whole.first_byte_s)
    if fastest_s > slow_s:
        raise Wrong(
            f"{fastest_s:.1f} s to the first byte of a hit",
            "Look at the way there: the price class, a proxy, the network of this machine.",
        )
    return f"{fastest_s * 1000:.0f} ms to the first byte"
