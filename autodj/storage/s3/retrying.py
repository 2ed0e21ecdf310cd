"""When a request to S3 is sent again, and after how long.

The client itself tries once. What passes by itself (its own faults, throttling, timeouts, broken
connections) is tried again after a pause that doubles and is spread by chance; what S3 refuses is
not. All repetitions of a process draw on one budget, so that a store that is down is asked about
as often as one that is well, not a multiple of it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import structlog
from botocore.exceptions import ClientError

from autodj.errors import (
    AutodjError,
    StoreError,
    StoreFaulty,
    StoreThrottled,
    StoreTimeout,
    StoreUnreachable,
)
from autodj.storage.health import Health
from autodj.storage.s3.config import S3Timing
from autodj.storage.s3.faults import fault_of

log = structlog.get_logger(__name__)

LONGEST_PAUSE_S: Final = 20.0
BUDGET: Final = 100.0
REFUND: Final = 0.1

_PASSING: Final = (StoreFaulty, StoreThrottled, StoreTimeout, StoreUnreachable)

Exchange = tuple[Any, Any]


class RetryBudget:
    """Tokens for repetitions: one each, and a tenth back for every request that succeeds.

    A lone failure is always repeated; when most requests fail, soon only one in ten is.
    """

    def __init__(self, capacity: float = BUDGET, refund: float = REFUND) -> None:
        self._capacity = capacity
        self._refund = refund
        self._tokens = capacity

    def spend(self) -> bool:
        """Take the token of one repetition; False when none is left."""
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def succeed(self) -> None:
        self._tokens = min(self._capacity, self._tokens + self._refund)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """``attempts`` in all; the pause after the n-th is ``delay_s`` times 2 to the n-1, of which
    chance leaves at least half.
    """

    attempts: int
    delay_s: float

    @classmethod
    def of(cls, timing: S3Timing) -> RetryPolicy:
        return cls(timing.attempts, timing.retry_delay_s)

    def pause_s(self, failed: int, chance: float, asked_s: float = 0) -> float:
        """Seconds to wait after ``failed`` attempts; ``chance`` is 0 to 1, ``asked_s`` what the
        store itself wants. Never more than ``LONGEST_PAUSE_S``.
        """
        whole_s: float = min(self.delay_s * 2 ** min(failed - 1, 30), LONGEST_PAUSE_S)
        return min(max(whole_s * (1 + chance) / 2, asked_s), LONGEST_PAUSE_S)

    def spread_pause_s(self, failed: int) -> float:
        return self.pause_s(failed, random.random())  # noqa: S311 - it spreads load, no more


def passes(fault: type[AutodjError]) -> bool:
    """Whether the same request may succeed a little later."""
    return issubclass(fault, _PASSING)


class Retries:
    """What the client asks after each answer: seconds to wait, or None to leave it at that."""

    def __init__(
        self,
        policy: RetryPolicy,
        budget: RetryBudget,
        chance: Callable[[], float] = random.random,
        health: Health | None = None,
    ) -> None:
        self._policy = policy
        self._budget = budget
        self._chance = chance
        self._health = health or Health()

    def __call__(
        self,
        *,
        attempts: int,
        operation: Any,  # noqa: ANN401 - the client's model of it, untyped
        response: Exchange | None = None,
        caught_exception: Exception | None = None,
        **_: object,
    ) -> float | None:
        error = _error(operation.name, response, caught_exception)
        if error is None:
            self._budget.succeed()
            self._health.succeeded()
            return None
        fault = fault_of(error)
        if fault is not None and issubclass(fault, StoreError):
            self._health.failed()
        elif caught_exception is None:
            self._health.succeeded()
        if fault is None or not passes(fault) or attempts >= self._policy.attempts:
            return None
        if not self._budget.spend():
            log.warning("store_retries_spent", operation=operation.name, code=fault.code)
            return None
        pause_s = self._policy.pause_s(attempts, self._chance(), _asked_s(response))
        log.info(
            "store_retry",
            operation=operation.name,
            attempt=attempts,
            code=fault.code,
            pause_s=round(pause_s, 3),
        )
        return pause_s


def _error(operation: str, response: Exchange | None, caught: Exception | None) -> Exception | None:
    if caught is not None:
        return caught
    if response is None:
        return None
    answer = response[1]
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", HTTPStatus.OK)
    return ClientError(answer, operation) if status >= HTTPStatus.MULTIPLE_CHOICES else None


def _asked_s(response: Exchange | None) -> float:
    if response is None:
        return 0
    headers = response[1].get("ResponseMetadata", {}).get("HTTPHeaders", {})
    asked = str(headers.get("retry-after", ""))
    return float(asked) if asked.isascii() and asked.isdigit() else 0
