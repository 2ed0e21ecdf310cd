"""What the answers of a distribution say of it: a verdict for each thing that playback needs.

Pure: the answers were gathered by ``autodj.cdn.check.probing``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from autodj.cdn.check import access, headers, playback
from autodj.cdn.check.evidence import Evidence
from autodj.cdn.check.wrong import Judge, Verdict, Wrong


@dataclass(frozen=True, slots=True)
class _Look:
    """The judge is not heard when one of those it ``needs`` was against, or not heard either."""

    name: str
    judge: Judge
    needs: tuple[str, ...] = ()


LOOKS: Final[Sequence[_Look]] = (
    _Look("link", access.link),
    _Look("bytes", playback.body, ("link",)),
    _Look("unsigned", access.unsigned),
    _Look("tampered", access.tampered),
    _Look("expired", access.expired),
    _Look("unknown key", access.unknown_key),
    _Look("cookies", access.cookies, ("link",)),
    _Look("public", access.public),
    _Look("range", playback.part, ("link",)),
    _Look("suffix range", playback.suffix, ("range",)),
    _Look("past the end", playback.beyond, ("range",)),
    _Look("CORS", headers.cors, ("link",)),
    _Look("exposed", headers.exposed, ("link",)),
    _Look("CORP", headers.corp, ("link",)),
    _Look("preflight", headers.preflight, ("link",)),
    _Look("ETag", headers.etag, ("link",)),
    _Look("not modified", playback.not_modified, ("link",)),
    _Look("content type", headers.content_type, ("link",)),
    _Look("cache control", headers.cache_control, ("link",)),
    _Look("cache", playback.cache, ("link",)),
    _Look("cache key", playback.cache_key, ("cache",)),
    _Look("not there", playback.missing, ("link",)),
    _Look("direct S3", access.direct),
    _Look("HTTPS", access.https),
    _Look("clock", access.clock),
)


def verdicts(evidence: Evidence, *, slow_s: float = playback.SLOW_S) -> list[Verdict]:
    """Every verdict that the evidence allows; a fault silences those that follow from it.

    ``slow_s`` is how long a hit may take to its first byte.
    """
    given: list[Verdict] = []
    well: set[str] = set()
    speed = _Look("speed", partial(playback.speed, slow_s=slow_s), ("link",))
    # There is one only while keys rotate.
    second = [_Look("second key", access.second_key, ("link",))] if evidence.second_keys else []
    for look in (*LOOKS, *second, speed):
        if not well.issuperset(look.needs):
            continue
        try:
            detail = look.judge(evidence)
        except Wrong as wrong:
            given.append(Verdict(look.name, ok=False, detail=wrong.detail, hint=wrong.hint))
            continue
        if detail is not None:
            given.append(Verdict(look.name, ok=True, detail=detail))
            well.add(look.name)
    return given
