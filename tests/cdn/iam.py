"""A small judge of IAM policies: enough of AWS's rules for what our templates say.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Context = Mapping[str, str]


def allows(policy: Mapping[str, Any], action: str, resource: str, context: Context) -> bool:
    """Whether the policy alone permits it: an Allow matches, and no Deny does."""
    effects = {
        statement["Effect"]
        for statement in policy["Statement"]
        if _matches(statement["Action"], action, re.IGNORECASE)
        and _matches(statement["Resource"], resource)
        and _holds(statement.get("Condition", {}), context)
    }
    return effects == {"Allow"}


def _matches(patterns: str | Iterable[str], value: str, flags: int = 0) -> bool:
    found = [patterns] if isinstance(patterns, str) else patterns
    return any(re.fullmatch(_regular(each), value, flags) for each in found)


def _regular(pattern: str) -> str:
    return re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")


def _holds(condition: Mapping[str, Mapping[str, Any]], context: Context) -> bool:
    """Every operator and every key in it; an operator that is not known here is an error."""
    keys = {name.lower(): value for name, value in context.items()}
    return all(
        _tested(operator, keys.get(name.lower()), expected)
        for operator, tests in condition.items()
        for name, expected in tests.items()
    )


def _tested(operator: str, value: str | None, expected: str | list[str]) -> bool:
    plain = operator.removesuffix("IfExists")
    if value is None:
        return plain != operator
    wanted = [expected] if isinstance(expected, str) else expected
    return any(OPERATORS[plain](value, each) for each in wanted)


OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda value, wanted: value == wanted,
    "StringLike": lambda value, wanted: _matches(wanted, value),
    "ArnEquals": lambda value, wanted: _matches(wanted, value),
    "ArnLike": lambda value, wanted: _matches(wanted, value),
    "Bool": lambda value, wanted: value.lower() == wanted.lower(),
    "NumericLessThan": lambda value, wanted: float(value) < float(wanted),
}
