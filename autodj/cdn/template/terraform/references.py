"""Terraform's way to name what does not exist yet."""

from __future__ import annotations

from dataclasses import dataclass

from autodj.cdn.template.choices import Choices
from autodj.cdn.template.grants import Names

ACCOUNT_ID = "${data.aws_caller_identity.current.account_id}"


@dataclass(frozen=True, slots=True)
class TerraformNames(Names):
    """References are text here, and may stand inside other text."""

    kms_key_arn: str | None


def names(choices: Choices) -> TerraformNames:
    return TerraformNames(
        account_id=ACCOUNT_ID,
        account_root_arn=f"arn:aws:iam::{ACCOUNT_ID}:root",
        account_distributions_arn=f"arn:aws:cloudfront::{ACCOUNT_ID}:distribution/*",
        distribution_arn="${aws_cloudfront_distribution.audio.arn}",
        kms_key_arn=("${aws_kms_key.audio.arn}" if choices.kms_key == "new" else choices.kms_key),
    )


def bucket(choices: Choices) -> str:
    """The bucket's address in expressions, whether it is made here or looked up."""
    return "data.aws_s3_bucket.bucket" if choices.existing_bucket else "aws_s3_bucket.bucket"
