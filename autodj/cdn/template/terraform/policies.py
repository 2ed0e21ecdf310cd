"""The rights of web, worker and operator, and who holds them."""

from __future__ import annotations

import json
from typing import Final

from autodj.cdn.template.choices import Choices, Held
from autodj.cdn.template.features import Who
from autodj.cdn.template.grants import identity_policy
from autodj.cdn.template.terraform.references import names

KINDS: Final = ("role", "user")


def policies(choices: Choices) -> dict[str, object]:
    found: dict[str, object] = {
        "aws_iam_policy": {
            who.value: {
                "name": f"{choices.bucket}-{who}",
                "policy": json.dumps(identity_policy(who, choices, names(choices))),
            }
            for who in Who
        }
    }
    for kind in KINDS:
        if attachments := _attachments(kind, choices):
            found[f"aws_iam_{kind}_policy_attachment"] = attachments
    return found


def _attachments(kind: str, choices: Choices) -> dict[str, object]:
    held: dict[Who, Held] = {
        Who.WEB: choices.web,
        Who.WORKER: choices.worker,
        Who.OPERATOR: choices.operator,
    }
    return {
        f"{who}_{number}": {kind: name, "policy_arn": f"${{aws_iam_policy.{who}.arn}}"}
        for who, holders in held.items()
        for number, name in enumerate(holders.roles if kind == "role" else holders.users)
    }
