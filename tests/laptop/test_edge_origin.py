"""Reading a private bucket: where an object is, and that the signature fits any name."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest
from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from autodj.laptop.edge.origin import Bucket, open_origin
from autodj.laptop.s3server import S3Server
from autodj.laptop.sigv4 import signed_headers
from tests.laptop.test_edge_logs import there_in
from tests.laptop.test_s3server import bucket

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("there", "path", "url"),
    [
        (
            Bucket("music", "eu-west-1"),
            "/tracks/a.mp3",
            "https://music.s3.eu-west-1.amazonaws.com/tracks/a.mp3",
        ),
        (
            Bucket("music", "eu-west-1", path_style=True),
            "/a",
            "https://s3.eu-west-1.amazonaws.com/music/a",
        ),
        (
            Bucket("music", "x", "http://127.0.0.1:9000/", path_style=True),
            "/dj/a",
            "http://127.0.0.1:9000/music/dj/a",
        ),
        (
            Bucket("music", "x", "http://s3.test:9000"),
            "/a",
            "http://music.s3.test:9000/a",
        ),
        (
            Bucket("music", "x", "http://s3.test", origin_path="/dj/"),
            "/a",
            "http://music.s3.test/dj/a",
        ),
        (
            Bucket("music", "x", "http://s3.test"),
            "/a%20b%2bc+d%C3%A9~%7e",
            "http://music.s3.test/a%20b%2Bc%2Bd%C3%A9~~",
        ),
        (Bucket("music", "x", "http://s3.test"), "/a%2Fb%3f", "http://music.s3.test/a/b%3F"),
    ],
)
def test_the_object_of_a_path_is_at_this_url(there: Bucket, path: str, url: str) -> None:
    assert there.url(path) == url


@pytest.mark.parametrize("token", [None, "a-session-token"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
def test_signatures_are_those_of_the_sdk(
    monkeypatch: pytest.MonkeyPatch, method: str, token: str | None
) -> None:
    moment: dict[str, Any] = {"get_current_datetime": lambda *_, **__: NOW.replace(tzinfo=None)}
    for name, made in moment.items():
        monkeypatch.setattr(auth, name, made)
    body = b"line" if method == "PUT" else b""
    request = AWSRequest(method, "https://s3.test/music/a%20b", data=body)
    request.context["payload_signing_enabled"] = True
    auth.S3SigV4Auth(Credentials("AKID", "secret", token), "s3", "eu-west-1").add_auth(request)
    ours = signed_headers(
        method,
        "s3.test",
        "/music/a%20b",
        access_key="AKID",
        secret_key="secret",
        session_token=token,
        region="eu-west-1",
        now=NOW,
        body_hash=sha256(body).hexdigest(),
    )
    assert ours["Authorization"] == request.headers["Authorization"]
    assert ours.get("X-Amz-Security-Token") == token


async def test_any_name_can_be_read_and_no_query_reaches_the_bucket(s3_server: S3Server) -> None:
    name = "/odd/a%20b%2Bc%C3%A9(1)!.mp3"
    async with (
        bucket(s3_server, "odd-names"),
        open_origin(there_in(s3_server, "odd-names")) as origin,
    ):
        assert (await origin.put(name, b"song", {"Content-Type": "audio/mpeg"})).status == 200
        found = await origin.get(name, {"Range": "bytes=1-2"})
        assert (found.status, found.body) == (206, b"on")
        assert found.headers["content-type"] == "audio/mpeg"
        assert (await origin.get("/odd/none", {})).status == 404
