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
    ],
    ids=["plain", "gone", "quiet", "odd", "secret"],
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
