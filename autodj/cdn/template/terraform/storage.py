"""The bucket, its log bucket and its key; each trait of a bucket is a resource of its own."""

from __future__ import annotations

import json
from typing import Final

from autodj.cdn.headers import EXPOSED
from autodj.cdn.template.choices import Choices
from autodj.cdn.template.grants import bucket_policy, kms_key_policy, log_bucket_policy
from autodj.cdn.template.playback import PREFLIGHT_S
from autodj.cdn.template.retention import Rule, log_rules, rules
from autodj.cdn.template.terraform.references import bucket, names
from autodj.cdn.template.wording import S3_LOGS, comment

Traits = dict[str, dict[str, object]]

# Destroying the configuration must not destroy the music, nor the key it can be read with.
KEPT: Final = {"lifecycle": {"prevent_destroy": True}}
NOTHING_PUBLIC: Final = {
    "block_public_acls": True,
    "block_public_policy": True,
    "ignore_public_acls": True,
    "restrict_public_buckets": True,
}


def resources(choices: Choices) -> dict[str, object]:
    """By kind and name, as Terraform wants them."""
    named: dict[str, Traits] = {}
    if not choices.existing_bucket:
        named["bucket"] = _bucket(choices)
    if choices.logs:
        named["logs"] = _log_bucket(choices)
    found: dict[str, object] = {
        kind: {name: traits[kind] for name, traits in named.items() if kind in traits}
        for kind in dict.fromkeys(kind for traits in named.values() for kind in traits)
    }
    policies = {"bucket": _policy(bucket(choices), bucket_policy(choices, names(choices)))}
    if choices.logs:
        document = log_bucket_policy(choices, names(choices))
        policies["logs"] = _policy("aws_s3_bucket.logs", document)
    found["aws_s3_bucket_policy"] = policies
    if choices.kms_key == "new":
        found["aws_kms_key"] = {"audio": _key(choices)}
    return found


def _bucket(choices: Choices) -> Traits:
    found = _private("aws_s3_bucket.bucket", choices.bucket, "BucketOwnerEnforced", rules(choices))
    own = {"bucket": "${aws_s3_bucket.bucket.id}"}
    if choices.kms_key:
        found["aws_s3_bucket_server_side_encryption_configuration"] = {
            **own,
            "rule": {
                "bucket_key_enabled": True,
                "apply_server_side_encryption_by_default": {
                    "sse_algorithm": "aws:kms",
                    "kms_master_key_id": names(choices).kms_key_arn,
                },
            },
        }
    found["aws_s3_bucket_cors_configuration"] = {
        **own,
        "cors_rule": {
            "allowed_origins": ["*"],
            "allowed_methods": [
                "GET",
                "HEAD",
                *(("PUT", "POST") if "uploads" in choices.extras else ()),
            ],
            "allowed_headers": ["*"],
            "expose_headers": list(EXPOSED),
            "max_age_seconds": PREFLIGHT_S,
        },
    }
    if choices.versioning:
        found["aws_s3_bucket_versioning"] = {
            **own,
            "versioning_configuration": {"status": "Enabled"},
        }
    if choices.logs:
        found["aws_s3_bucket_logging"] = {
            **own,
            "target_bucket": "${aws_s3_bucket.logs.id}",
            "target_prefix": S3_LOGS,
            # S3 refuses to log to a bucket that does not let it yet.
            "depends_on": ["aws_s3_bucket_policy.logs"],
        }
    return found


def _log_bucket(choices: Choices) -> Traits:
    """CloudFront's standard logs are written under an ACL, and only here are they on."""
    return _private(
        "aws_s3_bucket.logs", choices.log_bucket, "BucketOwnerPreferred", log_rules(choices)
    )


def _private(address: str, name: str, ownership: str, kept: list[Rule]) -> Traits:
    own = {"bucket": f"${{{address}.id}}"}
    return {
        "aws_s3_bucket": {"bucket": name, **KEPT},
        "aws_s3_bucket_public_access_block": {**own, **NOTHING_PUBLIC},
        "aws_s3_bucket_ownership_controls": {**own, "rule": {"object_ownership": ownership}},
        "aws_s3_bucket_server_side_encryption_configuration": {
            **own,
            "rule": {"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}},
        },
        "aws_s3_bucket_lifecycle_configuration": {**own, "rule": [_rule(rule) for rule in kept]},
    }


def _rule(rule: Rule) -> dict[str, object]:
    found: dict[str, object] = {
        "id": rule.name,
        "status": "Enabled",
        "filter": {"prefix": rule.prefix},
    }
    if rule.abort_uploads_days:
        found["abort_incomplete_multipart_upload"] = {
            "days_after_initiation": rule.abort_uploads_days
        }
    if rule.expire_days:
        found["expiration"] = {"days": rule.expire_days}
    if rule.noncurrent_days:
        found["expiration"] = {"expired_object_delete_marker": True}
        found["noncurrent_version_expiration"] = {"noncurrent_days": rule.noncurrent_days}
    if rule.tiering:
        found["transition"] = [{"days": 0, "storage_class": "INTELLIGENT_TIERING"}]
    return found


def _policy(address: str, document: dict[str, object]) -> dict[str, object]:
    return {"bucket": f"${{{address}.id}}", "policy": json.dumps(document)}


def _key(choices: Choices) -> dict[str, object]:
    return {
        "description": comment(choices),
        "enable_key_rotation": True,
        "policy": json.dumps(kms_key_policy(names(choices))),
        **KEPT,
    }
