"""The set-up as one CloudFormation template."""

from __future__ import annotations

import json

from autodj.cdn.template.choices import Choices
from autodj.cdn.template.cloudformation import delivery, storage
from autodj.cdn.template.cloudformation.policies import managed_policies
from autodj.cdn.template.cloudformation.references import att, names, ref, sub
from autodj.cdn.template.wording import Made, comment, settings


def render(choices: Choices) -> str:
    """The template as JSON, which CloudFormation takes as it takes YAML.

    JSON is the subset of YAML that has no indentation to break and no bare word that turns
    into a date, a number or a yes.
    """
    return json.dumps(document(choices), indent=2)


def document(choices: Choices) -> dict[str, object]:
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": comment(choices),
        "Resources": {
            **storage.resources(choices),
            **delivery.resources(choices),
            **managed_policies(choices),
        },
        "Outputs": _outputs(choices),
    }


def _outputs(choices: Choices) -> dict[str, object]:
    keys = delivery.key_names(choices)
    made = Made(
        region="${AWS::Region}",
        account_id="${AWS::AccountId}",
        distribution_id="${Distribution}",
        distribution_domain="${Distribution.DomainName}",
        signing_key_id=f"${{{keys[0]}}}" if keys else None,
        kms_key_arn="${Key.Arn}" if choices.kms_key == "new" else choices.kms_key,
    )
    lines = [f"{name}={value}" for name, value in settings(choices, made).items()]
    found: dict[str, tuple[str, object]] = {
        "Settings": ("Paste into .env; the private key goes beside it.", sub("\n".join(lines))),
        "DistributionId": ("For invalidations.", ref("Distribution")),
        "DistributionDomain": ("Your domain's CNAME points here.", att("Distribution.DomainName")),
        **{f"{who}PolicyArn": (f"Rights of {who}.", ref(f"{who}Policy")) for who in _WHO},
        **{f"{key}Id": ("A public key of the group.", ref(key)) for key in keys},
    }
    if choices.kms_key:
        found["KmsKeyArn"] = ("Encrypts the objects.", names(choices).kms_key_arn)
    return {name: {"Description": about, "Value": value} for name, (about, value) in found.items()}


_WHO = ("Web", "Worker", "Operator")
