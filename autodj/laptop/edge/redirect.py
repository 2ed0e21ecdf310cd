"""What a distribution does on plain HTTP when viewers are to use HTTPS: it sends them there."""

from __future__ import annotations

import re
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from autodj.cdn.headers import DELIVERY_HEADERS

# Behind the bracket of an address of IPv6, which has colons of its own.
_PORT: Final = re.compile(r":[0-9]*$")


def to_https(port: int) -> ASGIApp:
    """Answers every request with the same address on HTTPS at ``port``."""

    async def redirect(scope: Scope, receive: Receive, send: Send) -> None:
        host = _PORT.sub("", Headers(scope=scope).get("host", ""))
        place = host if port == 443 else f"{host}:{port}"
        path = scope["raw_path"].decode("latin-1")
        query = scope["query_string"].decode("latin-1")
        answer = Response(
            status_code=301,
            headers={
                **DELIVERY_HEADERS,
                "Location": f"https://{place}{path}{'?' if query else ''}{query}",
                "X-Cache": "Redirect from cloudfront",
            },
        )
        await answer(scope, receive, send)

    return redirect
