"""How a body may be packed for who asks."""

from __future__ import annotations

from starlette.datastructures import Headers

from autodj.tracks.weights import weights


def takes_gzip(headers: Headers) -> bool:
    """Whether Accept-Encoding takes gzip (RFC 9110, section 12.5.3), by its name or else by
    ``*``.
    """
    liked = weights(", ".join(headers.getlist("accept-encoding")))
    return liked.get("gzip", liked.get("*", 0.0)) > 0
