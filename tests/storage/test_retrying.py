"""When a request is sent again, and after how long."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError, ParamValidationError
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from autodj.errors import (
    StoreDenied,
    StoreFaulty,
    StoreThrottled,
    StoreTimeout,
    StoreUnreachable,
)
from autodj.storage.s3 import open_s3
from autodj.storage.s3.retrying import BUDGET, LONGEST_PAUSE_S, Retries, RetryBudget, RetryPolicy
from tests.storage.builders import KEY, put
from tests.storage.clock import Clock
from tests.storage.faults import Answer, answering, failing
from tests.storage.faulty_s3 import BODY, HEAD_SAME, PATIENT, STORED, store_on

POLICY = RetryPolicy(attempts=4, delay_s=1.0)
OPERATION: Any = SimpleNamespace(name="PutObject")


def refused(status: int, code: str, **headers: str) -> Any:
    answer = {
        "Error": {"Code": code},
        "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": headers},
    }
    return (None, answer)


def retries(budget: RetryBudget | None = None) -> Retries:
    return Retries(POLICY, budget or RetryBudget(), chance=lambda: 1.0)


@given(st.integers(1, 60), st.floats(0, 1))
def test_pauses_double_and_chance_leaves_at_least_half(failed: int, chance: float) -> None:
    whole = min(2.0 ** (failed - 1), LONGEST_PAUSE_S)

    assert whole / 2 <= POLICY.pause_s(failed, chance) <= whole


@pytest.mark.parametrize(("asked_s", "expected"), [(0, 1), (7, 7), (1000, LONGEST_PAUSE_S)])
def test_the_store_may_ask_for_a_longer_pause_up_to_a_bound(
    asked_s: float, expected: float
) -> None:
    assert POLICY.pause_s(1, 1.0, asked_s) == expected


@pytest.mark.parametrize(
    ("status", "code", "again"),
    [
        (500, "InternalError", True),
        (502, "BadGateway", True),
        (503, "SlowDown", True),
        (503, "ServiceUnavailable", True),
        (504, "", True),
        (429, "TooManyRequests", True),
        (400, "RequestTimeout", True),
        (501, "NotImplemented", False),
        (400, "InvalidArgument", False),
        (403, "AccessDenied", False),
        (403, "RequestTimeTooSkewed", False),
        (404, "NoSuchKey", False),
        (404, "NoSuchUpload", False),
        (409, "ConditionalRequestConflict", False),
        (412, "PreconditionFailed", False),
        (416, "InvalidRange", False),
    ],
)
def test_what_may_pass_is_tried_again_and_refusals_are_not(
    status: int, code: str, again: bool
) -> None:
    pause_s = retries()(attempts=1, operation=OPERATION, response=refused(status, code))

    assert (pause_s is not None) is again


def test_broken_connections_are_tried_again_and_our_own_mistakes_are_not() -> None:
    late = ConnectTimeoutError(endpoint_url="http://x")
    mistake = ParamValidationError(report="no such parameter")

    assert retries()(attempts=1, operation=OPERATION, caught_exception=late) == 1.0
    assert retries()(attempts=1, operation=OPERATION, caught_exception=mistake) is None


def test_the_last_attempt_is_the_last() -> None:
    slow = refused(503, "SlowDown")

    assert [retries()(attempts=n, operation=OPERATION, response=slow) for n in (1, 2, 3, 4)] == [
        1.0,
        2.0,
        4.0,
        None,
    ]


def test_the_store_says_how_long_to_wait() -> None:
    slow = refused(503, "SlowDown", **{"retry-after": "9"})
    odd = refused(503, "SlowDown", **{"retry-after": "Sat, 21 Nov 2026 12:00:00 GMT"})

    assert retries()(attempts=1, operation=OPERATION, response=slow) == 9
    assert retries()(attempts=1, operation=OPERATION, response=odd) == 1.0


def test_when_most_requests_fail_only_one_in_ten_is_repeated() -> None:
    deciding = retries(RetryBudget(capacity=3))
    slow, good = refused(500, "InternalError"), refused(200, "")

    def repeated(response: Any) -> bool:
        return deciding(attempts=1, operation=OPERATION, response=response) is not None

    assert [repeated(slow) for _ in range(4)] == [True, True, True, False]
    assert not any(repeated(good) for _ in range(9))
    assert not repeated(slow)
    repeated(good)
    repeated(good)
    assert repeated(slow)
    assert not repeated(slow)


def test_the_budget_never_grows_beyond_its_capacity() -> None:
    budget = RetryBudget(capacity=1)
    for _ in range(100):
        budget.succeed()

    assert [budget.spend(), budget.spend()] == [True, False]


@pytest.mark.parametrize(
    ("answer", "expected", "sent"),
    [
        (failing("500 Internal Server Error", "InternalError"), StoreFaulty, PATIENT.attempts),
        (failing("503 Slow Down", "SlowDown"), StoreThrottled, PATIENT.attempts),
        (failing("429 Too Many Requests", "TooManyRequests"), StoreThrottled, PATIENT.attempts),
        (failing("403 Forbidden", "AccessDenied"), StoreDenied, 1),
    ],
)
@pytest.mark.can_fail_on("scripted")
async def test_a_client_sends_as_often_as_the_policy_says(
    answer: Answer, expected: type[Exception], sent: int
) -> None:
    async with store_on(answer, timing=PATIENT) as (store, server):
        with pytest.raises(expected):
            await store.page()

    assert len(server.requests) == sent


async def test_a_body_is_sent_whole_again() -> None:
    broken = failing("500 Internal Server Error", "InternalError")
    async with store_on(broken, broken, STORED, HEAD_SAME, timing=PATIENT) as (store, server):
        await put(store, KEY, BODY)

    assert [each.body for each in server.requests[:3]] == [BODY] * 3


async def test_pauses_do_not_outlast_the_deadline(clock: Clock) -> None:
    shortest_pause_s = LONGEST_PAUSE_S / 2
    sleepy = replace(PATIENT, retry_delay_s=LONGEST_PAUSE_S, metadata_s=shortest_pause_s - 1)
    async with store_on(answering("503 Slow Down"), timing=sleepy) as (store, server):
        with capture_logs() as logs:
            probing = asyncio.create_task(store.probe())
            while not any(each["event"] == "store_retry" for each in logs):
                await asyncio.sleep(0)
        clock.leap(shortest_pause_s - 0.5)
        with pytest.raises(StoreTimeout, match="no answer in time"):
            await probing

    assert len(server.requests) == 1


async def test_a_store_that_is_down_is_asked_hardly_more_often_than_one_that_is_well() -> None:
    # The budget is what the process may repeat in all; without it this would be three times.
    operations = 300
    down = failing("503 Slow Down", "SlowDown")
    quick = replace(PATIENT, retry_delay_s=0)
    async with store_on(down, timing=quick) as (store, server):
        for _ in range(operations):
            with pytest.raises(StoreThrottled):
                await store.probe()

    assert operations < len(server.requests) <= operations + BUDGET


async def test_since_when_a_store_fails_is_known_and_forgotten_when_it_answers() -> None:
    down = failing("503 Slow Down", "SlowDown")
    missing = failing("404 Not Found", "NoSuchKey")
    fine = answering("200 OK")
    async with store_on(fine, down, down, missing, down, fine) as (store, _):
        seen = []
        for _ in range(6):
            with suppress(StoreThrottled):
                await store.delete(KEY)
            seen.append(store.health.failing_since)

    assert [each is not None for each in seen] == [False, True, True, False, True, False]
    assert seen[1] == seen[2] != seen[4]
    assert seen[1] is not None
    assert abs(datetime.now(UTC) - seen[1]) < timedelta(minutes=1)


async def test_a_server_that_is_not_there_is_a_store_that_fails() -> None:
    async with store_on(answering("200 OK")) as (store, _):
        await store.probe()
        config = store._config
    async with open_s3(config) as store:
        with pytest.raises(StoreUnreachable):
            await store.probe()
        assert store.health.failing_since is not None
