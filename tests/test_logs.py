"""A line about a request is the same however it is put together."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from autodj.api.access_log import log_access
from autodj.logs import JsonAccessLog, set_up

REQUEST: dict[str, Any] = {
    "quiet": False,
    "method": "GET",
    "path": "/api/v1/tracks",
    "route": "/api/v1/tracks",
    "status": 200,
    "duration_s": 0.01234,
    "bytes_sent": 5,
    "whole": True,
    "client": "127.0.0.1",
}
IDS = {"request_id": "abc", "trace_id": "4b", "parent_id": "00"}


@pytest.fixture
def general(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Where the process's own logging writes to, set up as in production."""
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    root, before = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers, root.level
    set_up(level="debug", fmt="json")
    structlog.configure(cache_logger_on_first_use=False)
    yield stream
    structlog.configure(**before)
    root.handlers, root.level = handlers, level


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"client": None, "whole": False, "bytes_sent": 0},
        {"quiet": True},
        {"path": '/a"b\\c\n\u2028\udcff', "method": 'BR"EW', "client": "::1"},
        {"path": "/x?t=secret&Signature=hunter2&policy=p"},
        {"path": "/x?next=%2Fa%3Fb%26Signature%3Dhunter2"},
        {"path": f"/x/eyJhbGciOiJIUzI1NiJ9.{4 * 'hunter2'}.x"},
    ],
    ids=["plain", "gone", "quiet", "odd", "secret", "coded", "token"],
)
def test_the_quick_line_says_what_the_general_one_says(
    general: io.StringIO, facts: dict[str, Any]
) -> None:
    quick = io.StringIO()
    log_access(IDS, **{**REQUEST, **facts})
    JsonAccessLog(quick, level="debug")(IDS, **{**REQUEST, **facts})
    said, wanted = json.loads(quick.getvalue()), json.loads(general.getvalue())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", said.pop("timestamp"))
    assert wanted.pop("timestamp").endswith("Z")
    assert said == wanted
    assert "hunter2" not in quick.getvalue()
    assert quick.getvalue().count("\n") == 1


@pytest.mark.parametrize(
    ("level", "loud", "quiet"),
    [("debug", True, True), ("info", True, False), ("warning", False, False)],
)
def test_lines_below_the_level_are_not_written(level: str, loud: bool, quiet: bool) -> None:
    for is_quiet, wanted in ((False, loud), (True, quiet)):
        stream = io.StringIO()
        JsonAccessLog(stream, level=level)(IDS, **{**REQUEST, "quiet": is_quiet})
        assert bool(stream.getvalue()) == wanted


def test_the_time_is_that_of_the_clock_also_when_it_is_set_back() -> None:
    stream, times = io.StringIO(), iter([1e9, 1e9 + 0.5, 1e9 + 1.25, 1e9 - 0.75])
    log = JsonAccessLog(stream, level="info", clock=lambda: next(times))
    for _ in range(4):
        log(IDS, **REQUEST)
    said = [json.loads(line)["timestamp"] for line in stream.getvalue().splitlines()]
    assert said == [
        "2001-09-09T01:46:40.000000Z",
        "2001-09-09T01:46:40.500000Z",
        "2001-09-09T01:46:41.250000Z",
        "2001-09-09T01:46:39.250000Z",
    ]


@pytest.mark.parametrize("name", ["autodj.fetch", "aiohttp.client"], ids=["ours", "theirs"])
def test_a_traceback_tells_no_signature(general: io.StringIO, name: str) -> None:
    log = structlog.get_logger(name) if name == "autodj.fetch" else logging.getLogger(name)
    link = "https://cdn.example/a.mp3?Policy=p&Signature=hunter2"
    try:
        int(link)
    except ValueError:
        log.exception("broke")
    said = json.loads(general.getvalue())
    assert said["exception"].endswith("a.mp3?Policy=[redacted]&Signature=[redacted]'")
    assert "hunter2" not in general.getvalue()


def test_a_log_that_cannot_be_written_spoils_no_answer() -> None:
    class Full(io.StringIO):
        def write(self, _: str) -> int:
            raise OSError(28, "No space left on device")

    JsonAccessLog(Full(), level="info")(IDS, **REQUEST)
    closed = io.StringIO()
    log = JsonAccessLog(closed, level="info")
    closed.close()
    log(IDS, **REQUEST)


LINK = "https://cdn.example/a.mp3?Policy=hunter2&Signature=hunter2"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJodW50ZXIyIn0.hunter2"


@pytest.mark.parametrize(
    "facts",
    [
        {"asked": {"url": LINK, "headers": {"Authorization": "Bearer hunter2", "Range": "safe"}}},
        {"asked": ["safe", (LINK, {"password": "hunter2"})]},
        {"headers": [(b"authorization", b"Bearer hunter2"), (b"range", b"safe")]},
        {"cause": ConnectionError(f"safe: {LINK}")},
        {"body": b"safe " + LINK.encode()},
        {"policy": "hunter2", "customer_key": "hunter2", "Private-Key": "hunter2", "n": "safe"},
        {"by_link": {LINK: 1}, "n": "safe"},
        {"link": "/login?next=safe%26t%3Dhunter2%26b"},
        {"detail": f"GET safe with {{'Authorization': 'AWS4 x, Signature=hunter2', 'b': {JWT!r}}}"},
        {"detail": "safe [(b'cookie', b'a=\"hunter2\\'hunter2')]"},
        {"detail": 'safe {"x-amz-signature": "hunter2"}'},
        {"detail": "safe\r\nAuthorization: Basic hunter2, hunter2\r\nRange: bytes=0-"},
        {"detail": "safe\r\nSet-Cookie: CloudFront-Policy=hunter2; session=hunter2; Path=/"},
        {"detail": "x-amz-server-side-encryption-customer-key: hunter2\nsafe"},
        {"detail": "cannot reach redis://:hunter2@safe:6379/0"},
        {"detail": "cannot reach postgresql+asyncpg://ana:hunter2@safe/db"},
        {"detail": "host=safe password=hunter2 user=ana"},
        {"detail": "aws_secret_access_key='hunter2 hunter2', region='safe'"},
        {"detail": f"safe: {JWT} is over"},
        {"detail": "safe -----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY-----"},
    ],
    ids="-".join,
)
def test_no_shape_hides_a_secret(general: io.StringIO, facts: dict[str, Any]) -> None:
    structlog.get_logger("autodj.any").warning("tried", **facts)
    logging.getLogger("their.library").warning("tried %s", facts)
    for line in general.getvalue().splitlines():
        assert "safe" in line
        assert "hunter2" not in line
        assert json.loads(line)["level"] == "warning"
    assert general.getvalue().count("\n") == 2


@pytest.mark.parametrize(
    "text",
    [
        "GET https://b.s3.amazonaws.com/tracks/a.mp3?partNumber=3&uploadId=x",
        "attempt=1 code=store_faulty key=tracks/a-secret.mp3",
        "The authorization is missing, and a token is needed: log in",
        "uploaded 12:30 by ana@example.org",
        "http://[::1]:9000/a@b",
    ],
)
def test_what_is_no_secret_is_told(general: io.StringIO, text: str) -> None:
    structlog.get_logger("autodj.any").warning("tried", detail=text, count=3, more=[1.5, None])
    said = json.loads(general.getvalue())
    assert (said["detail"], said["count"], said["more"]) == (text, 3, [1.5, None])


def test_what_led_to_an_error_tells_no_secret_either(general: io.StringIO) -> None:
    try:
        try:
            int(LINK)
        except ValueError as error:
            raise ConnectionError("redis://:hunter2@broker/0") from error
    except ConnectionError as error:
        structlog.get_logger("autodj.any").warning("broke", exc_info=error)
        logging.getLogger("theirs").warning("broke: %r", {"token": "hunter2"}, exc_info=error)
    said = [json.loads(line) for line in general.getvalue().splitlines()]
    assert all("direct cause" in each["exception"] for each in said)
    assert len(said) == 2
    assert "hunter2" not in general.getvalue()
