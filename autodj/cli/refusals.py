"""What a server refuses, and why it cannot be reached, in the words of a command."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import aiohttp

from autodj.cli.words import plural
from autodj.errors import CommandError

ADDRESS: Final = "Is this the address of an autodj?"
LONGEST_PAUSE_S = 30.0
BUSY = frozenset({429, 503})


class PassingFault(CommandError):
    """What may be over in a moment, and not before ``retry_after_s``."""

    retry_after_s = 0.0


class AwayServer(PassingFault):
    """The server has answered, and now does not: it may be starting again."""


class BusyServer(PassingFault):
    """The server asks to come back after some seconds."""

    def __init__(self, detail: str, *, hint: str, after_s: int) -> None:
        if "Retry-After" in hint:
            hint = f"Try again in {plural(after_s, 'second')}."
        super().__init__(detail, hint=hint)
        self.retry_after_s = min(float(after_s), LONGEST_PAUSE_S)


async def refusal_of(response: aiohttp.ClientResponse, *, hint: str = ADDRESS) -> CommandError:
    """The problem document (RFC 9457) as an error; anything else in words of our own, with the
    ``hint``.
    """
    try:
        problem = json.loads(await response.text())
        detail, hint, code = _detail(problem), str(problem["hint"]), str(problem["code"])
        if problem.get("errors"):
            hint = ""  # the values are in the sentence, and not in a list that could be looked at
    except (ValueError, KeyError, TypeError):
        detail = f"{response.url.origin()} answered {response.status} {response.reason}"
        code = "unexpected_answer"
    error = CommandError(detail, hint=hint)
    if response.status in BUSY:
        after = response.headers.get("Retry-After", "")
        error = BusyServer(detail, hint=hint, after_s=int(after) if after.isdigit() else 1)
    error.code = code
    return error


def _detail(problem: Mapping[str, Any]) -> str:
    """The sentence, with the values that were at fault, or where to look in the server's log."""
    detail = str(problem["detail"])
    for each in problem.get("errors", ()):
        name = each["pointer"].strip("/")
        detail += f" {name}: {each['detail'].removeprefix('Value error, ')}."
    if problem["code"] == "internal":
        detail += f" (request {problem['request_id']})"
    return detail


def reason_of(error: Exception) -> str:
    """Why a connection failed, without the client's own wrapping."""
    inner = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    return getattr(inner, "strerror", None) or str(inner) or type(inner).__name__
