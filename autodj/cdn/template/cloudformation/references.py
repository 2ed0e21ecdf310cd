"""CloudFormation's way to name what does not exist yet."""

from __future__ import annotations

from autodj.cdn.template.choices import Choices
from autodj.cdn.template.grants import Names

DISTRIBUTION_ARN = "arn:aws:cloudfront::${AWS::AccountId}:distribution"


def ref(name: str) -> dict[str, object]:
    return {"Ref": name}


def att(path: str) -> dict[str, object]:
    return {"Fn::GetAtt": path.split(".", 1)}


def sub(text: str) -> object:
    """The text, with ``${Name}`` and ``${Name.Attribute}`` filled in."""
    return {"Fn::Sub": text} if "${" in text else text


def names(choices: Choices) -> Names:
    return Names(
        account_id=ref("AWS::AccountId"),
        account_root_arn=sub("arn:aws:iam::${AWS::AccountId}:root"),
        account_distributions_arn=sub(f"{DISTRIBUTION_ARN}/*"),
        distribution_arn=sub(f"{DISTRIBUTION_ARN}/${{Distribution}}"),
        kms_key_arn=att("Key.Arn") if choices.kms_key == "new" else choices.kms_key,
    )
