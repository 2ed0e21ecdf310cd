"""The bucket, its log bucket and its key."""

from __future__ import annotations

from typing import Final

from autodj.cdn.headers import EXPOSED
from autodj.cdn.template.choices import Choices
from autodj.cdn.template.cloudformation.references import names, ref
from autodj.cdn.template.grants import bucket_policy, kms_key_policy, log_bucket_policy
from autodj.cdn.template.playback import PREFLIGHT_S
from autodj.cdn.template.retention import Rule, log_rules, rules
from autodj.cdn.template.wording import S3_LOGS, comment

# Deleting the stack must not delete the music, nor the key that it can be read with.
KEPT: Final = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
NOTHING_PUBLIC: Final = {
    "BlockPublicAcls": True,
    "BlockPublicPolicy": True,
    "IgnorePublicAcls": True,
    "RestrictPublicBuckets": True,
}


def resources(choices: Choices) -> dict[str, object]:
    found: dict[str, object] = {}
    if not choices.existing_bucket:
        found["Bucket"] = {
            "Type": "AWS::S3::Bucket",
            **KEPT,
            # S3 refuses to log to a bucket that does not let it yet.
            **({"DependsOn": ["LogBucketPolicy"]} if choices.logs else {}),
            "Properties": _bucket(choices),
        }
    found["BucketPolicy"] = {
        "Type": "AWS::S3::BucketPolicy",
        "Properties": {
            "Bucket": choices.bucket if choices.existing_bucket else ref("Bucket"),
            "PolicyDocument": bucket_policy(choices, names(choices)),
        },
    }
    if choices.logs:
        found |= _log_resources(choices)
    if choices.kms_key == "new":
        found["Key"] = {"Type": "AWS::KMS::Key", **KEPT, "Properties": _key(choices)}
    return found


def _bucket(choices: Choices) -> dict[str, object]:
    found: dict[str, object] = {
        "BucketName": choices.bucket,
        "PublicAccessBlockConfiguration": NOTHING_PUBLIC,
        "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        "BucketEncryption": {"ServerSideEncryptionConfiguration": [_encryption(choices)]},
        "CorsConfiguration": {"CorsRules": [_cors(choices)]},
        "LifecycleConfiguration": {"Rules": [_rule(rule) for rule in rules(choices)]},
    }
    if choices.versioning:
        found["VersioningConfiguration"] = {"Status": "Enabled"}
    if choices.logs:
        found["LoggingConfiguration"] = {
            "DestinationBucketName": ref("LogBucket"),
            "LogFilePrefix": S3_LOGS,
        }
    return found


def _encryption(choices: Choices) -> dict[str, object]:
    if choices.kms_key is None:
        return {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    return {
        "BucketKeyEnabled": True,
        "ServerSideEncryptionByDefault": {
            "SSEAlgorithm": "aws:kms",
            "KMSMasterKeyID": names(choices).kms_key_arn,
        },
    }


def _cors(choices: Choices) -> dict[str, object]:
    """For links that S3 signs; behind CloudFront the response headers policy has the last word."""
    return {
        "AllowedOrigins": ["*"],
        "AllowedMethods": [
            "GET",
            "HEAD",
            *(("PUT", "POST") if "uploads" in choices.extras else ()),
        ],
        "AllowedHeaders": ["*"],
        "ExposedHeaders": list(EXPOSED),
        "MaxAge": PREFLIGHT_S,
    }


def _rule(rule: Rule) -> dict[str, object]:
    found: dict[str, object] = {"Id": rule.name, "Status": "Enabled"}
    if rule.prefix:
        found["Prefix"] = rule.prefix
    if rule.abort_uploads_days:
        found["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": rule.abort_uploads_days}
    if rule.expire_days:
        found["ExpirationInDays"] = rule.expire_days
    if rule.noncurrent_days:
        found["NoncurrentVersionExpiration"] = {"NoncurrentDays": rule.noncurrent_days}
        found["ExpiredObjectDeleteMarker"] = True
    if rule.tiering:
        found["Transitions"] = [{"StorageClass": "INTELLIGENT_TIERING", "TransitionInDays": 0}]
    return found


def _log_resources(choices: Choices) -> dict[str, object]:
    return {
        "LogBucket": {
            "Type": "AWS::S3::Bucket",
            **KEPT,
            "Properties": {
                "BucketName": choices.log_bucket,
                "PublicAccessBlockConfiguration": NOTHING_PUBLIC,
                # CloudFront's standard logs are written under an ACL, and only here are they on.
                "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]},
                "BucketEncryption": {
                    "ServerSideEncryptionConfiguration": [
                        {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
                    ]
                },
                "LifecycleConfiguration": {"Rules": [_rule(rule) for rule in log_rules(choices)]},
            },
        },
        "LogBucketPolicy": {
            "Type": "AWS::S3::BucketPolicy",
            "Properties": {
                "Bucket": ref("LogBucket"),
                "PolicyDocument": log_bucket_policy(choices, names(choices)),
            },
        },
    }


def _key(choices: Choices) -> dict[str, object]:
    return {
        "Description": comment(choices),
        "EnableKeyRotation": True,
        "KeyPolicy": kms_key_policy(names(choices)),
    }
