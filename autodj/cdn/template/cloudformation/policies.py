"""The rights of web, worker and operator as managed policies."""

from __future__ import annotations

from autodj.cdn.template.choices import Choices, Held
from autodj.cdn.template.cloudformation.references import names
from autodj.cdn.template.features import Who
from autodj.cdn.template.grants import identity_policy


def managed_policies(choices: Choices) -> dict[str, object]:
    held = {Who.WEB: choices.web, Who.WORKER: choices.worker, Who.OPERATOR: choices.operator}
    return {f"{who.capitalize()}Policy": _managed(who, choices, held[who]) for who in Who}


def _managed(who: Who, choices: Choices, held: Held) -> object:
    attached = {"Roles": list(held.roles), "Users": list(held.users)}
    return {
        "Type": "AWS::IAM::ManagedPolicy",
        "Properties": {
            "ManagedPolicyName": f"{choices.bucket}-{who}",
            "PolicyDocument": identity_policy(who, choices, names(choices)),
            **{kind: found for kind, found in attached.items() if found},
        },
    }
