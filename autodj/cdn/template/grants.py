"""Who may do what, as IAM documents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from autodj.cdn.template.choices import Choices
from autodj.cdn.template.features import FEATURES, Who

Document = dict[str, object]


@dataclass(frozen=True, slots=True)
class Names:
    """What only exists once it is created, as the language at hand refers to it."""

    account_id: object
    account_root_arn: object
    account_distributions_arn: object
    distribution_arn: object
    kms_key_arn: object | None


def identity_policy(who: Who, choices: Choices, names: Names) -> Document:
    """The rights of one of the three, on this prefix of this bucket and nothing else."""
    granted = [f for f in FEATURES if who in f.who and (not f.extra or f.extra in choices.extras)]
    kms = {action for feature in granted for action in feature.kms}
    wanted = (
        ("Objects", {each for f in granted for each in f.objects}, choices.objects_arn),
        ("Encryption", kms if names.kms_key_arn else (), names.kms_key_arn),
        ("Cdn", {each for f in granted for each in f.distribution}, names.distribution_arn),
    )
    return _document(
        [
            _on_bucket(choices, {action for feature in granted for action in feature.bucket}),
            *(_allow(sid, actions, resource) for sid, actions, resource in wanted if actions),
        ]
    )


def bucket_policy(choices: Choices, names: Names) -> Document:
    """TLS for everybody, and reading for the one distribution.

    CloudFront gets no right to list: a request for ``/`` would list the bucket.
    """
    return _document(
        [
            *_only_tls(choices.bucket_arn),
            {
                "Sid": "ReadByTheDistribution",
                "Effect": "Allow",
                "Principal": {"Service": "cloudfront.amazonaws.com"},
                "Action": "s3:GetObject",
                "Resource": choices.objects_arn,
                "Condition": {"StringEquals": {"AWS:SourceArn": names.distribution_arn}},
            },
        ]
    )


def log_bucket_policy(choices: Choices, names: Names) -> Document:
    """TLS, and S3 may write its own access log of the one bucket.

    CloudFront's logs come by ACL: it adds its grant to the bucket when logging is turned on.
    """
    arn = f"arn:aws:s3:::{choices.log_bucket}"
    return _document(
        [
            *_only_tls(arn),
            {
                "Sid": "LogsOfTheBucket",
                "Effect": "Allow",
                "Principal": {"Service": "logging.s3.amazonaws.com"},
                "Action": "s3:PutObject",
                "Resource": f"{arn}/s3/*",
                "Condition": {
                    "ArnEquals": {"aws:SourceArn": choices.bucket_arn},
                    "StringEquals": {"aws:SourceAccount": names.account_id},
                },
            },
        ]
    )


def kms_key_policy(names: Names) -> Document:
    """The account rules the key through IAM, and its distributions read with it.

    Naming the one distribution would be a circle: the key, the bucket, the distribution, the
    key. The bucket's policy names it, and a read needs both to agree.
    """
    return _document(
        [
            {
                "Sid": "Account",
                "Effect": "Allow",
                "Principal": {"AWS": names.account_root_arn},
                "Action": "kms:*",
                "Resource": "*",
            },
            {
                "Sid": "ReadByDistributions",
                "Effect": "Allow",
                "Principal": {"Service": "cloudfront.amazonaws.com"},
                "Action": "kms:Decrypt",
                "Resource": "*",
                "Condition": {"ArnLike": {"AWS:SourceArn": names.account_distributions_arn}},
            },
        ]
    )


def _on_bucket(choices: Choices, actions: Iterable[str]) -> Document:
    """With a prefix, lists are kept to it. HeadBucket and the look behind a 404 carry no prefix,
    hence IfExists.
    """
    statement = _allow("Bucket", actions, choices.bucket_arn)
    if choices.prefix:
        statement["Condition"] = {"StringLikeIfExists": {"s3:prefix": [f"{choices.prefix}*"]}}
    return statement


def _only_tls(bucket_arn: str) -> list[Document]:
    refused: Document = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [bucket_arn, f"{bucket_arn}/*"],
    }
    return [
        {"Sid": "OnlyTls", **refused, "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
        {"Sid": "OnlyTls12", **refused, "Condition": {"NumericLessThan": {"s3:TlsVersion": "1.2"}}},
    ]


def _allow(sid: str, actions: Iterable[str], resource: object) -> Document:
    return {"Sid": sid, "Effect": "Allow", "Action": sorted(actions), "Resource": resource}


def _document(statements: Sequence[Document]) -> Document:
    return {"Version": "2012-10-17", "Statement": list(statements)}
