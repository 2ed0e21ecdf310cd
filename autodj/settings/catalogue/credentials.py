"""Who asks the bucket: keys, a profile or a role."""

from __future__ import annotations

from autodj.settings import addresses, parsers
from autodj.settings.catalogue.setting import Setting

CREDENTIALS = (
    Setting("AWS_ACCESS_KEY_ID", "static credentials; empty: the AWS chain", secret=True),
    Setting("AWS_SECRET_ACCESS_KEY", "static credentials", secret=True),
    Setting("AWS_SESSION_TOKEN", "for temporary credentials", secret=True),
    Setting(
        "AWS_PROFILE",
        "profile in the AWS files of the user to take credentials from; without static "
        "credentials and empty: the default profile, then the machine's role",
        parse=parsers.optional(parsers.aws_profile),
    ),
    Setting(
        "AWS_ROLE_ARN",
        "role to assume with the credentials found otherwise",
        parse=parsers.optional(
            parsers.matching(
                r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]{1,512}",
                "an ARN such as arn:aws:iam::123456789012:role/autodj",
            )
        ),
    ),
    Setting(
        "AWS_ROLE_SESSION_NAME",
        "what the sessions of that role are called in the account's logs",
        "autodj",
        parsers.matching(r"[\w+=,.@-]{2,64}", "2 to 64 letters, digits and + = , . @ -"),
    ),
    Setting(
        "AWS_ROLE_EXTERNAL_ID",
        "the external id that the role's trust policy asks for, if it does",
        parse=parsers.optional(
            parsers.matching(r"[\w+=,.@:/-]{2,1224}", "letters, digits and + = , . @ : / -")
        ),
        secret=True,
    ),
    Setting(
        "AWS_ENDPOINT_URL_STS",
        "where roles are assumed, instead of AWS",
        parse=parsers.optional(addresses.http_url),
    ),
    Setting(
        "S3_USE_IAM_ROLE",
        "true: ignore the static credentials and use the machine's role",
        "false",
        parsers.boolean,
    ),
)
