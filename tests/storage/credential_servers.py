"""The endpoints that hand out credentials on ECS and EC2, on loopback."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

HOUR_S = 3600
TOKEN = "token-of-the-container"
SESSION_TOKEN = "token-of-the-instance"


class KeyServer:
    """Gives out the next of ``lives_s``, with the key id ``AK<n>``; the last one stays."""

    def __init__(self, *lives_s: float) -> None:
        self._lives_s = lives_s or (HOUR_S,)
        self.given = 0
        self.url = ""
        self.seen: list[web.Request] = []

    def keys(self) -> dict[str, Any]:
        life_s = self._lives_s[min(self.given, len(self._lives_s) - 1)]
        self.given += 1
        expires = datetime.now(UTC) + timedelta(seconds=life_s)
        return {
            "Code": "Success",
            "AccessKeyId": f"AKSERVED{self.given:08}",
            "SecretAccessKey": "served",
            "Token": "session",
            "Expiration": expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }

    async def container(self, request: web.Request) -> web.Response:
        self.seen.append(request)
        if request.headers.get("Authorization") != TOKEN:
            return web.json_response({"message": "who are you"}, status=403)
        return web.json_response(self.keys())

    async def session_token(self, request: web.Request) -> web.Response:
        assert int(request.headers["x-aws-ec2-metadata-token-ttl-seconds"]) > 0
        return web.Response(text=SESSION_TOKEN)

    async def role(self, request: web.Request) -> web.Response:
        self._require_session(request)
        return web.Response(text="autodj-role")

    async def instance(self, request: web.Request) -> web.Response:
        self._require_session(request)
        return web.json_response(self.keys())

    def _require_session(self, request: web.Request) -> None:
        if request.headers.get("x-aws-ec2-metadata-token") != SESSION_TOKEN:
            raise web.HTTPUnauthorized


@asynccontextmanager
async def key_server(*lives_s: float) -> AsyncGenerator[KeyServer, None]:
    server = KeyServer(*lives_s)
    app = web.Application()
    roles = "/latest/meta-data/iam/security-credentials/"
    app.router.add_get("/container", server.container)
    app.router.add_put("/latest/api/token", server.session_token)
    app.router.add_get(roles, server.role)
    app.router.add_get(f"{roles}autodj-role", server.instance)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        server.url = f"http://{host}:{port}"
        yield server
    finally:
        await runner.cleanup()
