"""The one set of headers that playback needs, whoever sends the bytes.

A browser's media element, its fetch and Web Audio share one cache, so an answer has to fit each
of them: cross-origin access is granted to everybody on every status, never by the request's
Origin. The bytes under a key never change, which is what lets them be kept for a year.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

EXPOSED: Final = ("Content-Range", "Accept-Ranges", "Content-Length", "ETag", "Date")
IMMUTABLE: Final = "public, max-age=31536000, immutable"

DELIVERY_HEADERS: Final[Mapping[str, str]] = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": ", ".join(EXPOSED),
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Accept-Ranges": "bytes",
    "X-Content-Type-Options": "nosniff",
}
