"""What every answer does that sends its own bytes."""

from __future__ import annotations

from starlette.responses import Response
from starlette.types import Receive, Send


async def send_head(response: Response, send: Send) -> None:
    """Status and headers as they are now."""
    await send(
        {
            "type": "http.response.start",
            "status": response.status_code,
            "headers": response.raw_headers,
        }
    )


async def until_disconnect(receive: Receive) -> None:
    """Return when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
