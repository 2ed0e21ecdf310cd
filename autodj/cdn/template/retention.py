"""How long what is kept: the lifecycle of both buckets."""

from __future__ import annotations

from dataclasses import dataclass

from autodj.cdn.template.choices import Choices

ABORT_UPLOADS_DAYS = 1


@dataclass(frozen=True, slots=True)
class Rule:
    """One lifecycle rule; zero means no such action, an empty prefix the whole bucket."""

    name: str
    prefix: str = ""
    abort_uploads_days: int = 0
    expire_days: int = 0
    noncurrent_days: int = 0
    tiering: bool = False


def rules(choices: Choices) -> list[Rule]:
    """Parts of dead uploads cost until somebody aborts them; so do versions nobody reads."""
    found = [Rule("dead-uploads", choices.prefix, abort_uploads_days=ABORT_UPLOADS_DAYS)]
    if choices.versioning:
        found.append(Rule("old-versions", choices.prefix, noncurrent_days=choices.noncurrent_days))
    if choices.tiering:
        found.append(Rule("tiering", choices.prefix, tiering=True))
    return found


def log_rules(choices: Choices) -> list[Rule]:
    return [Rule("logs", expire_days=choices.log_days, abort_uploads_days=ABORT_UPLOADS_DAYS)]
