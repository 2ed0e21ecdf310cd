"""The set-up as one Terraform configuration, in Terraform's JSON syntax."""

from __future__ import annotations

import json

from autodj.cdn.template.choices import Choices
from autodj.cdn.template.terraform import delivery, storage
from autodj.cdn.template.terraform.policies import policies
from autodj.cdn.template.terraform.references import ACCOUNT_ID, bucket, names
from autodj.cdn.template.wording import Made, settings


def render(choices: Choices) -> str:
    """The text of a ``.tf.json`` file; the provider's region is where the bucket will be."""
    return json.dumps(document(choices), indent=2)


def document(choices: Choices) -> dict[str, object]:
    return {
        "terraform": {
            "required_version": ">= 1.5",
            "required_providers": {"aws": {"source": "hashicorp/aws", "version": ">= 5.80"}},
        },
        "data": {
            "aws_caller_identity": {"current": {}},
            **({"aws_s3_bucket": _named(choices)} if choices.existing_bucket else {}),
        },
        "resource": {
            **storage.resources(choices),
            **delivery.resources(choices),
            **policies(choices),
        },
        "output": _outputs(choices),
    }


def _named(choices: Choices) -> dict[str, object]:
    return {"bucket": {"bucket": choices.bucket}}


def _outputs(choices: Choices) -> dict[str, object]:
    keys = delivery.key_names(choices)
    made = Made(
        region=f"${{{bucket(choices)}.region}}",
        account_id=ACCOUNT_ID,
        distribution_id="${aws_cloudfront_distribution.audio.id}",
        distribution_domain="${aws_cloudfront_distribution.audio.domain_name}",
        signing_key_id=f"${{aws_cloudfront_public_key.{keys[0]}.id}}" if keys else None,
        kms_key_arn=names(choices).kms_key_arn,
    )
    lines = "".join(f"{name}={value}\n" for name, value in settings(choices, made).items())
    found: dict[str, str] = {
        "settings": lines,
        "distribution_id": "${aws_cloudfront_distribution.audio.id}",
        "distribution_domain": "${aws_cloudfront_distribution.audio.domain_name}",
        **{f"{who}_policy_arn": f"${{aws_iam_policy.{who}.arn}}" for who in _WHO},
        **{f"{key}_id": f"${{aws_cloudfront_public_key.{key}.id}}" for key in keys},
    }
    if made.kms_key_arn:
        found["kms_key_arn"] = made.kms_key_arn
    return {name: {"value": value} for name, value in found.items()}


_WHO = ("web", "worker", "operator")
