"""Good tokens are checked once, and are good no longer for it."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import jwt
import pytest

from autodj.errors import Unauthenticated
from autodj.users import callers as callers_module
from autodj.users.callers import Callers
from autodj.users.tokens import LEEWAY_S, Audience, Bearer, issue, verify

SECRET = "a-secret-of-the-tests-0123456789-ABCDEF"


class Clock:
    def __init__(self) -> None:
        self.now_s = datetime.now(UTC).timestamp()

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tokens whose signature was looked at."""
    seen: list[str] = []

    def counted(secret: str, token: str, audience: Audience) -> Bearer:
        seen.append(token)
        return verify(secret, token, audience)

    monkeypatch.setattr(callers_module, "verify", counted)
    return seen


def token(audience: Audience = Audience.API, *, ttl_s: int = 600) -> str:
    return issue(SECRET, uuid4(), audience, now=datetime.now(UTC), ttl_s=ttl_s)


def test_a_good_token_is_checked_once(checks: list[str]) -> None:
    callers, given = Callers(SECRET, clock=Clock()), token()
    assert callers.known(given, Audience.API) is None
    first = callers.verify(given, Audience.API)
    assert callers.verify(given, Audience.API) == first
    known = callers.known(given, Audience.API)
    assert known is not None
    assert known.user_id == first
    assert checks == [given]


def test_a_token_is_of_one_kind_however_well_it_is_known() -> None:
    callers, given = Callers(SECRET, clock=Clock()), token()
    callers.verify(given, Audience.API)
    assert callers.known(given, Audience.PAGE) is None
    with pytest.raises(Unauthenticated):
        callers.verify(given, Audience.PAGE)


def test_a_known_token_ends_when_an_unknown_one_would(checks: list[str]) -> None:
    clock = Clock()
    callers, given = Callers(SECRET, clock=clock), token(ttl_s=60)
    ends_at_s = jwt.decode(given, options={"verify_signature": False})["exp"] + LEEWAY_S
    callers.verify(given, Audience.API)
    clock.now_s = ends_at_s - 0.5
    assert callers.known(given, Audience.API) is not None
    clock.now_s = ends_at_s
    assert callers.known(given, Audience.API) is None
    callers.verify(given, Audience.API)
    assert checks == [given, given], "the signature is looked at again, with the time"


def test_bad_tokens_are_checked_each_time_and_never_remembered(checks: list[str]) -> None:
    callers = Callers(SECRET, clock=Clock())
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            callers.verify("nonsense", Audience.API)
    assert (checks, len(callers)) == (["nonsense", "nonsense"], 0)


def test_few_tokens_are_remembered() -> None:
    callers = Callers(SECRET, clock=Clock(), max_tokens=3)
    given = [token() for _ in range(5)]
    for each in given:
        callers.verify(each, Audience.API)
    assert len(callers) == 3
    assert [callers.known(each, Audience.API) is not None for each in given] == [
        False,
        False,
        True,
        True,
        True,
    ]
