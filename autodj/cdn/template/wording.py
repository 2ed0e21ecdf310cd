"""Sentences and names that both languages share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from autodj.cdn.template.choices import Choices

CACHE_S: Final = 31_536_000
ERRORS: Final = (403, 404, 500, 502, 503, 504)
CLOUDFRONT_LOGS: Final = "cloudfront/"
S3_LOGS: Final = "s3/"

# AWS's own policy CORS-S3Origin: Origin and the two preflight headers reach S3, which answers
# preflights; none of them is part of the cache key.
CORS_S3_ORIGIN: Final = "88a5eaf4-2fd4-4709-b370-b4c650ea3fcf"


@dataclass(frozen=True, slots=True)
class Made:
    """What autodj has to be told of a set-up once it stands, as the language refers to it."""

    region: str
    account_id: str
    distribution_id: str
    distribution_domain: str
    signing_key_id: str | None
    kms_key_arn: str | None


def comment(choices: Choices) -> str:
    return f"autodj: audio of {choices.bucket}"


def settings(choices: Choices, made: Made) -> Mapping[str, str]:
    """The settings that follow from a set-up; only the private key is missing."""
    found = {
        "FILE_STORAGE_TYPE": "s3",
        "AWS_REGION": made.region,
        "S3_BUCKET_NAME": choices.bucket,
        "S3_PREFIX": choices.prefix,
        "S3_EXPECTED_BUCKET_OWNER": made.account_id,
        "S3_SSE": "aws:kms" if made.kms_key_arn else "AES256",
        "S3_SSE_KMS_KEY_ID": made.kms_key_arn or "",
        "CLOUDFRONT_DOMAIN": choices.domain or made.distribution_domain,
    }
    if made.signing_key_id is not None:
        found |= {"CLOUDFRONT_KEY_PAIR_ID": made.signing_key_id, "CLOUDFRONT_HASH": choices.hash}
    if "public-links" in choices.extras:
        found |= {
            "CLOUDFRONT_PUBLIC_LINKS": "true",
            "CLOUDFRONT_DISTRIBUTION_ID": made.distribution_id,
        }
    return {name: value for name, value in found.items() if value}
