"""Which client is too slow, decided without a clock."""

from __future__ import annotations

from collections.abc import Iterator
from resource import RLIMIT_NOFILE, getrlimit, setrlimit

import pytest
from structlog.testing import capture_logs

from autodj.errors import SettingsError
from autodj.guard import Limits, room
from autodj.guard.pace import Receiving, Sending
from autodj.guard.refusals import (
    BODY_IDLE,
    BODY_SLOW,
    BODY_TOTAL,
    HEADERS_TOO_SLOW,
    SILENT,
    WRITE_SLOW,
    WRITE_STALL,
)
from autodj.guard.room import make_room

LIMITS = Limits()
KIB = 1024


def test_a_connection_that_says_nothing_is_closed_without_a_word() -> None:
    silent = Receiving(head_since_s=100.0)
    assert silent.overdue(LIMITS, 109.9) is None
    assert silent.overdue(LIMITS, 110.0) is SILENT


def test_a_head_has_one_deadline_however_often_a_byte_comes() -> None:
    dribbling = Receiving(head_since_s=100.0)
    for second in range(1, 11):
        assert dribbling.overdue(LIMITS, 99.0 + second) is None
        dribbling.came(1, 100.0 + second)
    assert dribbling.overdue(LIMITS, 110.0) is HEADERS_TOO_SLOW


def test_a_later_request_has_its_time_from_its_first_byte() -> None:
    kept = Receiving(head_since_s=100.0)
    kept.head_ended(101.0)
    kept.body_ended()
    assert kept.overdue(LIMITS, 9000.0) is None
    kept.came(1, 9000.0)
    assert kept.overdue(LIMITS, 9009.9) is None
    assert kept.overdue(LIMITS, 9010.0) is HEADERS_TOO_SLOW


def body(bytes_per_s: int, *, every_s: int = 1, for_s: int) -> Receiving:
    receiving = Receiving(head_since_s=0.0)
    receiving.head_ended(0.0)
    for second in range(every_s, for_s + 1, every_s):
        receiving.came(bytes_per_s * every_s, float(second))
        receiving.body_came(bytes_per_s * every_s)
    return receiving


def test_a_body_that_stops_has_twenty_seconds() -> None:
    stopped = body(100 * KIB, for_s=5)
    assert stopped.overdue(LIMITS, 24.9) is None
    assert stopped.overdue(LIMITS, 25.0) is BODY_IDLE


@pytest.mark.parametrize(
    ("bytes_per_s", "every_s", "for_s", "verdict"),
    [
        (8 * KIB, 1, 400, None),
        (8 * KIB, 15, 405, None),
        (8 * KIB - 1, 1, 30, BODY_SLOW),
        (1, 1, 29, None),
        (1, 1, 30, BODY_SLOW),
        (100 * KIB, 1, 899, None),
        (100 * KIB, 1, 900, BODY_TOTAL),
    ],
)
def test_a_body_must_come_at_a_pace_and_end(
    bytes_per_s: int, every_s: int, for_s: int, verdict: object
) -> None:
    assert body(bytes_per_s, every_s=every_s, for_s=for_s).overdue(LIMITS, float(for_s)) is verdict


def test_framing_without_a_body_is_no_body() -> None:
    """A megabyte of chunk headers must not buy time."""
    receiving = Receiving(head_since_s=0.0)
    receiving.head_ended(0.0)
    for second in range(1, 31):
        receiving.came(KIB * KIB, float(second))
    assert receiving.overdue(LIMITS, 30.0) is BODY_SLOW
    assert receiving.pending_bytes == 30 * KIB * KIB


def test_time_in_which_we_did_not_read_is_taken_back() -> None:
    receiving = body(KIB, for_s=10)
    for _ in range(500):
        receiving.excuse(1.0)
    assert receiving.overdue(LIMITS, 529.9) is None
    assert receiving.overdue(LIMITS, 530.0) is BODY_IDLE


def sending(taken_per_s: float, *, for_s: int, owed: int = 10**9) -> Sending:
    """A client that takes bytes at that rate; looked at each second."""
    found = Sending(written=owed)
    for second in range(for_s + 1):
        found.look(owed - int(taken_per_s * second), float(second))
    return found


@pytest.mark.parametrize(
    ("taken_per_s", "for_s", "verdict"),
    [
        (0, 29, None),
        (0, 30, WRITE_STALL),
        (1, 29, None),
        (1, 30, WRITE_SLOW),
        (KIB - 1, 40, WRITE_SLOW),
        (KIB, 3000, None),
        (16 * KIB, 3000, None),
    ],
)
def test_a_client_must_take_what_it_asked_for(
    taken_per_s: float, for_s: int, verdict: object
) -> None:
    assert sending(taken_per_s, for_s=for_s).overdue(LIMITS, float(for_s)) is verdict


def test_a_client_that_stops_after_a_good_start_has_thirty_seconds() -> None:
    stopped = sending(KIB * KIB, for_s=60)
    stopped.look(10**9 - 60 * KIB * KIB, 89.9)
    assert stopped.overdue(LIMITS, 89.9) is None
    stopped.look(10**9 - 60 * KIB * KIB, 90.0)
    assert stopped.overdue(LIMITS, 90.0) is WRITE_STALL


def test_a_client_that_has_taken_all_owes_nothing() -> None:
    done = sending(0, for_s=10)
    done.look(0, 11.0)
    assert done.overdue(LIMITS, 9000.0) is None
    done.look(5, 9000.0)
    assert done.overdue(LIMITS, 9029.9) is None


@pytest.fixture
def limit() -> Iterator[None]:
    """Room to play with the limit of open files, put back afterwards."""
    before = getrlimit(RLIMIT_NOFILE)
    yield
    setrlimit(RLIMIT_NOFILE, before)


@pytest.mark.usefixtures("limit")
def test_the_limit_of_open_files_is_raised_to_what_the_connections_need() -> None:
    _, hard = getrlimit(RLIMIT_NOFILE)
    setrlimit(RLIMIT_NOFILE, (1024, hard))
    make_room(1000)
    assert getrlimit(RLIMIT_NOFILE) == (3024, hard)
    make_room(500)
    assert getrlimit(RLIMIT_NOFILE) == (3024, hard)


def test_too_little_room_is_told_and_far_too_little_refuses_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(room, "_raised_limit", lambda wanted: min(wanted, 5000))
    with capture_logs() as logs:
        make_room(1988)
        make_room(1989)
        make_room(3976)
    assert [entry["max_connections"] for entry in logs] == [1989, 3976]
    with pytest.raises(SettingsError, match="MAX_CONNECTIONS=3977 needs 5001 open files"):
        make_room(3977)
