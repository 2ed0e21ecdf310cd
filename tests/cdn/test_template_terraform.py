"""The Terraform configuration, property by property: what it says, and why."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from autodj.cdn.template.choices import Held
from autodj.cdn.template.terraform import document, render
from tests.cdn.templates import (
    CERTIFICATE,
    KMS_KEY,
    RETIRING,
    RETIRING_KEY,
    SIGNING,
    SIGNING_KEY,
    STANDARD,
    at,
    leaves,
    unfolded,
    without,
)

PRIVATE = {
    "block_public_acls": True,
    "block_public_policy": True,
    "ignore_public_acls": True,
    "restrict_public_buckets": True,
}
KEPT = {"lifecycle": {"prevent_destroy": True}}
BUCKET = {"bucket": "${aws_s3_bucket.bucket.id}"}
LOGS = {"bucket": "${aws_s3_bucket.logs.id}"}
AES256 = {"rule": {"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}}
THE_DISTRIBUTION = "${aws_cloudfront_distribution.audio.arn}"
ACCOUNT = "${data.aws_caller_identity.current.account_id}"
EXPOSED = ["Content-Range", "Accept-Ranges", "Content-Length", "ETag", "Date"]
READING = {
    "target_origin_id": "bucket",
    "viewer_protocol_policy": "redirect-to-https",
    "allowed_methods": ["GET", "HEAD", "OPTIONS"],
    "cached_methods": ["GET", "HEAD"],
    "compress": False,
    "cache_policy_id": "${aws_cloudfront_cache_policy.audio.id}",
    "origin_request_policy_id": "88a5eaf4-2fd4-4709-b370-b4c650ea3fcf",
    "response_headers_policy_id": "${aws_cloudfront_response_headers_policy.audio.id}",
}


def only_tls(bucket: str) -> list[dict[str, Any]]:
    return [
        {
            "Sid": sid,
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
            "Condition": condition,
        }
        for sid, condition in (
            ("OnlyTls", {"Bool": {"aws:SecureTransport": "false"}}),
            ("OnlyTls12", {"NumericLessThan": {"s3:TlsVersion": "1.2"}}),
        )
    ]


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def rights(sid: str, actions: str, resource: str) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": actions.split(), "Resource": resource}


def public_key(fingerprint: str, pem: str) -> dict[str, Any]:
    return {
        "name": f"music-{fingerprint}",
        "encoded_key": pem,
        "lifecycle": {"create_before_destroy": True},
    }


PROPERTIES: list[tuple[str, Any, str]] = [
    ("aws_s3_bucket.bucket", {"bucket": "music", **KEPT}, "destroying leaves the music"),
    ("aws_s3_bucket.logs", {"bucket": "music-logs", **KEPT}, "and the record"),
    ("aws_s3_bucket_public_access_block.bucket", {**BUCKET, **PRIVATE}, "nothing public, ever"),
    ("aws_s3_bucket_public_access_block.logs", {**LOGS, **PRIVATE}, "addresses of listeners"),
    (
        "aws_s3_bucket_ownership_controls.bucket",
        {**BUCKET, "rule": {"object_ownership": "BucketOwnerEnforced"}},
        "no ACL can open an object",
    ),
    (
        "aws_s3_bucket_ownership_controls.logs",
        {**LOGS, "rule": {"object_ownership": "BucketOwnerPreferred"}},
        "CloudFront's standard logs need ACLs",
    ),
    (
        "aws_s3_bucket_server_side_encryption_configuration",
        {"bucket": {**BUCKET, **AES256}, "logs": {**LOGS, **AES256}},
        "encrypted at rest without being asked",
    ),
    (
        "aws_s3_bucket_cors_configuration",
        {
            "bucket": {
                **BUCKET,
                "cors_rule": {
                    "allowed_origins": ["*"],
                    "allowed_methods": ["GET", "HEAD"],
                    "allowed_headers": ["*"],
                    "expose_headers": EXPOSED,
                    "max_age_seconds": 86400,
                },
            }
        },
        "links signed by S3 play in a page, and preflights behind the CDN are answered",
    ),
    (
        "aws_s3_bucket_lifecycle_configuration.bucket",
        {
            **BUCKET,
            "rule": [
                {
                    "id": "dead-uploads",
                    "status": "Enabled",
                    "filter": {"prefix": ""},
                    "abort_incomplete_multipart_upload": {"days_after_initiation": 1},
                },
                {
                    "id": "old-versions",
                    "status": "Enabled",
                    "filter": {"prefix": ""},
                    "expiration": {"expired_object_delete_marker": True},
                    "noncurrent_version_expiration": {"noncurrent_days": 30},
                },
            ],
        },
        "neither parts of dead uploads nor what was deleted stay for ever",
    ),
    (
        "aws_s3_bucket_lifecycle_configuration.logs",
        {
            **LOGS,
            "rule": [
                {
                    "id": "logs",
                    "status": "Enabled",
                    "filter": {"prefix": ""},
                    "abort_incomplete_multipart_upload": {"days_after_initiation": 1},
                    "expiration": {"days": 90},
                }
            ],
        },
        "logs hold addresses of people",
    ),
    (
        "aws_s3_bucket_versioning",
        {"bucket": {**BUCKET, "versioning_configuration": {"status": "Enabled"}}},
        "a worker may delete, but not destroy",
    ),
    (
        "aws_s3_bucket_logging",
        {
            "bucket": {
                **BUCKET,
                "target_bucket": "${aws_s3_bucket.logs.id}",
                "target_prefix": "s3/",
                "depends_on": ["aws_s3_bucket_policy.logs"],
            }
        },
        "who read and wrote past the CDN",
    ),
    (
        "aws_s3_bucket_policy.bucket",
        {
            **BUCKET,
            "policy": policy(
                *only_tls("music"),
                {
                    "Sid": "ReadByTheDistribution",
                    "Effect": "Allow",
                    "Principal": {"Service": "cloudfront.amazonaws.com"},
                    "Action": "s3:GetObject",
                    "Resource": "arn:aws:s3:::music/*",
                    "Condition": {"StringEquals": {"AWS:SourceArn": THE_DISTRIBUTION}},
                },
            ),
        },
        "TLS for all; without the condition every distribution of anybody could read",
    ),
    (
        "aws_s3_bucket_policy.logs",
        {
            **LOGS,
            "policy": policy(
                *only_tls("music-logs"),
                {
                    "Sid": "LogsOfTheBucket",
                    "Effect": "Allow",
                    "Principal": {"Service": "logging.s3.amazonaws.com"},
                    "Action": "s3:PutObject",
                    "Resource": "arn:aws:s3:::music-logs/s3/*",
                    "Condition": {
                        "ArnEquals": {"aws:SourceArn": "arn:aws:s3:::music"},
                        "StringEquals": {"aws:SourceAccount": ACCOUNT},
                    },
                },
            ),
        },
        "S3 logs of this bucket of this account, and nobody else's",
    ),
    (
        "aws_cloudfront_origin_access_control",
        {
            "audio": {
                "name": "music",
                "origin_access_control_origin_type": "s3",
                "signing_behavior": "always",
                "signing_protocol": "sigv4",
            }
        },
        "CloudFront signs every request, whatever the viewer sent",
    ),
    (
        "aws_cloudfront_public_key",
        {
            f"key_{SIGNING}": public_key(SIGNING, SIGNING_KEY),
            f"key_{RETIRING}": public_key(RETIRING, RETIRING_KEY),
        },
        "the one that signs, and the one whose links still play",
    ),
    (
        "aws_cloudfront_key_group",
        {
            "audio": {
                "name": "music",
                "items": [
                    f"${{aws_cloudfront_public_key.key_{SIGNING}.id}}",
                    f"${{aws_cloudfront_public_key.key_{RETIRING}.id}}",
                ],
            }
        },
        "two live keys make a rotation without a broken link",
    ),
    (
        "aws_cloudfront_cache_policy",
        {
            "audio": {
                "name": "music",
                "comment": "autodj: audio of music",
                "min_ttl": 0,
                "default_ttl": 31536000,
                "max_ttl": 31536000,
                "parameters_in_cache_key_and_forwarded_to_origin": {
                    "cookies_config": {"cookie_behavior": "none"},
                    "headers_config": {"header_behavior": "none"},
                    "query_strings_config": {"query_string_behavior": "none"},
                    "enable_accept_encoding_brotli": False,
                    "enable_accept_encoding_gzip": False,
                },
            }
        },
        "one copy for all links to an object, kept for a year",
    ),
    (
        "aws_cloudfront_response_headers_policy",
        {
            "audio": {
                "name": "music",
                "comment": "autodj: audio of music",
                "cors_config": {
                    "access_control_allow_credentials": False,
                    "access_control_allow_headers": {
                        "items": [
                            "Range",
                            "If-Range",
                            "If-Match",
                            "If-None-Match",
                            "If-Modified-Since",
                            "If-Unmodified-Since",
                        ]
                    },
                    "access_control_allow_methods": {"items": ["GET", "HEAD", "OPTIONS"]},
                    "access_control_allow_origins": {"items": ["*"]},
                    "access_control_expose_headers": {"items": EXPOSED},
                    "access_control_max_age_sec": 86400,
                    "origin_override": True,
                },
                "security_headers_config": {"content_type_options": {"override": True}},
                "custom_headers_config": {
                    "items": [
                        {
                            "header": "Cross-Origin-Resource-Policy",
                            "value": "cross-origin",
                            "override": True,
                        }
                    ]
                },
                "remove_headers_config": {
                    "items": [{"header": "x-amz-server-side-encryption-aws-kms-key-id"}]
                },
            }
        },
        "media elements, fetch and Web Audio all get what they need",
    ),
    (
        "aws_cloudfront_distribution",
        {
            "audio": {
                "comment": "autodj: audio of music",
                "enabled": True,
                "http_version": "http2and3",
                "is_ipv6_enabled": True,
                "price_class": "PriceClass_100",
                "origin": {
                    "origin_id": "bucket",
                    "domain_name": "${aws_s3_bucket.bucket.bucket_regional_domain_name}",
                    "origin_access_control_id": "${aws_cloudfront_origin_access_control.audio.id}",
                },
                "default_cache_behavior": {
                    **READING,
                    "trusted_key_groups": ["${aws_cloudfront_key_group.audio.id}"],
                },
                "ordered_cache_behavior": [{"path_pattern": "/public/*", **READING}],
                "custom_error_response": [
                    {"error_code": code, "error_caching_min_ttl": 1}
                    for code in (403, 404, 500, 502, 503, 504)
                ],
                "restrictions": {"geo_restriction": {"restriction_type": "none"}},
                "viewer_certificate": {"cloudfront_default_certificate": True},
                "logging_config": {
                    "bucket": "${aws_s3_bucket.logs.bucket_domain_name}",
                    "prefix": "cloudfront/",
                    "include_cookies": False,
                },
                "depends_on": ["aws_s3_bucket_ownership_controls.logs"],
            }
        },
        "signed but for public/, https, GET and HEAD, errors soon forgotten",
    ),
    (
        "aws_iam_policy",
        {
            "web": {
                "name": "music-web",
                "policy": policy(
                    rights("Bucket", "s3:ListBucket", "arn:aws:s3:::music"),
                    rights("Objects", "s3:GetObject", "arn:aws:s3:::music/*"),
                ),
            },
            "worker": {
                "name": "music-worker",
                "policy": policy(
                    rights(
                        "Bucket",
                        "s3:ListBucket s3:ListBucketMultipartUploads",
                        "arn:aws:s3:::music",
                    ),
                    rights(
                        "Objects",
                        "s3:AbortMultipartUpload s3:DeleteObject s3:GetObject "
                        "s3:ListMultipartUploadParts s3:PutObject",
                        "arn:aws:s3:::music/*",
                    ),
                ),
            },
            "operator": {
                "name": "music-operator",
                "policy": policy(
                    rights("Bucket", "s3:ListBucket", "arn:aws:s3:::music"),
                    rights(
                        "Cdn",
                        "cloudfront:CreateInvalidation cloudfront:GetDistribution "
                        "cloudfront:GetInvalidation cloudfront:ListInvalidations",
                        THE_DISTRIBUTION,
                    ),
                ),
            },
        },
        "web reads, workers write and delete, operators clear caches",
    ),
]

DISTRIBUTION = "aws_cloudfront_distribution.audio"
POLICIES = "aws_iam_policy"
VARIATIONS: list[tuple[dict[str, Any], str, Any]] = [
    ({"prefix": "a/b/"}, f"{DISTRIBUTION}.ordered_cache_behavior[0].path_pattern", "/a/b/public/*"),
    (
        {"prefix": "a/b/"},
        "aws_s3_bucket_policy.bucket.policy.Statement[ReadByTheDistribution].Resource",
        "arn:aws:s3:::music/a/b/*",
    ),
    (
        {"prefix": "a/b/"},
        f"{POLICIES}.web.policy.Statement[Bucket].Condition",
        {"StringLikeIfExists": {"s3:prefix": ["a/b/*"]}},
    ),
    (
        {"prefix": "a/b/"},
        "aws_s3_bucket_lifecycle_configuration.bucket.rule[old-versions].filter",
        {"prefix": "a/b/"},
    ),
    ({"public_keys": ()}, "aws_cloudfront_key_group", None),
    ({"public_keys": ()}, f"{DISTRIBUTION}.default_cache_behavior", READING),
    (
        {"domain": "cdn.example.com", "certificate_arn": CERTIFICATE},
        f"{DISTRIBUTION}.aliases",
        ["cdn.example.com"],
    ),
    (
        {"domain": "cdn.example.com", "certificate_arn": CERTIFICATE},
        f"{DISTRIBUTION}.viewer_certificate",
        {
            "acm_certificate_arn": CERTIFICATE,
            "minimum_protocol_version": "TLSv1.2_2021",
            "ssl_support_method": "sni-only",
        },
    ),
    ({"logs": False}, "aws_s3_bucket.logs", None),
    ({"logs": False}, "aws_s3_bucket_policy.logs", None),
    ({"logs": False}, "aws_s3_bucket_logging", None),
    ({"logs": False}, f"{DISTRIBUTION}.logging_config", None),
    ({"logs": False}, f"{DISTRIBUTION}.depends_on", None),
    ({"versioning": False}, "aws_s3_bucket_versioning", None),
    (
        {"tiering": True},
        "aws_s3_bucket_lifecycle_configuration.bucket.rule[tiering].transition",
        [{"days": 0, "storage_class": "INTELLIGENT_TIERING"}],
    ),
    (
        {"kms_key": KMS_KEY},
        "aws_s3_bucket_server_side_encryption_configuration.bucket.rule",
        {
            "bucket_key_enabled": True,
            "apply_server_side_encryption_by_default": {
                "sse_algorithm": "aws:kms",
                "kms_master_key_id": KMS_KEY,
            },
        },
    ),
    (
        {"kms_key": "new"},
        "aws_kms_key",
        {
            "audio": {
                "description": "autodj: audio of music",
                "enable_key_rotation": True,
                "policy": policy(
                    {
                        "Sid": "Account",
                        "Effect": "Allow",
                        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
                        "Action": "kms:*",
                        "Resource": "*",
                    },
                    {
                        "Sid": "ReadByDistributions",
                        "Effect": "Allow",
                        "Principal": {"Service": "cloudfront.amazonaws.com"},
                        "Action": "kms:Decrypt",
                        "Resource": "*",
                        "Condition": {
                            "ArnLike": {
                                "AWS:SourceArn": f"arn:aws:cloudfront::{ACCOUNT}:distribution/*"
                            }
                        },
                    },
                ),
                **KEPT,
            }
        },
    ),
    (
        {"kms_key": "new"},
        f"{POLICIES}.worker.policy.Statement[Encryption]",
        rights("Encryption", "kms:Decrypt kms:GenerateDataKey", "${aws_kms_key.audio.arn}"),
    ),
    ({"existing_bucket": True}, "aws_s3_bucket.bucket", None),
    (
        {"existing_bucket": True},
        "aws_s3_bucket_policy.bucket.bucket",
        "${data.aws_s3_bucket.bucket.id}",
    ),
    (
        {"existing_bucket": True},
        f"{DISTRIBUTION}.origin.domain_name",
        "${data.aws_s3_bucket.bucket.bucket_regional_domain_name}",
    ),
    (
        {"origin_shield": "eu-central-1"},
        f"{DISTRIBUTION}.origin.origin_shield",
        {"enabled": True, "origin_shield_region": "eu-central-1"},
    ),
    ({"price_class": "200"}, f"{DISTRIBUTION}.price_class", "PriceClass_200"),
    ({"ipv6": False}, f"{DISTRIBUTION}.is_ipv6_enabled", False),
    ({"error_cache_s": 10}, f"{DISTRIBUTION}.custom_error_response[1].error_caching_min_ttl", 10),
    (
        {"metrics": True},
        "aws_cloudfront_monitoring_subscription",
        {
            "audio": {
                "distribution_id": "${aws_cloudfront_distribution.audio.id}",
                "monitoring_subscription": {
                    "realtime_metrics_subscription_config": {
                        "realtime_metrics_subscription_status": "Enabled"
                    }
                },
            }
        },
    ),
    (
        {"extras": frozenset({"uploads"})},
        "aws_s3_bucket_cors_configuration.bucket.cors_rule.allowed_methods",
        ["GET", "HEAD", "PUT", "POST"],
    ),
    (
        {"cookie_origins": ("https://app.example.com",)},
        "aws_cloudfront_response_headers_policy.audio.cors_config.access_control_allow_origins",
        {"items": ["https://app.example.com"]},
    ),
    (
        {"web": Held(roles=("web",)), "worker": Held(roles=("a", "b"))},
        "aws_iam_role_policy_attachment",
        {
            "web_0": {"role": "web", "policy_arn": "${aws_iam_policy.web.arn}"},
            "worker_0": {"role": "a", "policy_arn": "${aws_iam_policy.worker.arn}"},
            "worker_1": {"role": "b", "policy_arn": "${aws_iam_policy.worker.arn}"},
        },
    ),
    (
        {"operator": Held(users=("eve",))},
        "aws_iam_user_policy_attachment",
        {"operator_0": {"user": "eve", "policy_arn": "${aws_iam_policy.operator.arn}"}},
    ),
]


def standard() -> Any:
    return unfolded(document(STANDARD)["resource"])


def wrong(resources: Any) -> list[str]:
    """The rows of the table that these resources do not fulfil."""
    found = []
    for path, expected, _ in PROPERTIES:
        try:
            if at(resources, path) != expected:
                found.append(path)
        except KeyError:
            found.append(path)
    return found


@pytest.mark.parametrize(
    ("path", "expected", "reason"), PROPERTIES, ids=[p for p, *_ in PROPERTIES]
)
def test_every_property_is_what_it_should_be(path: str, expected: Any, reason: str) -> None:
    assert at(standard(), path) == expected, reason


def test_no_property_can_be_taken_away_unnoticed() -> None:
    resources = standard()
    paths = list(leaves(resources))
    assert len(paths) > 150
    assert [path for path in paths if not wrong(without(resources, path))] == []


@pytest.mark.parametrize(
    ("choice", "path", "expected"),
    VARIATIONS,
    ids=[f"{'+'.join(sorted(c))}-{p}-{n}" for n, (c, p, _) in enumerate(VARIATIONS)],
)
def test_a_choice_changes_what_it_says(choice: dict[str, Any], path: str, expected: Any) -> None:
    resources = unfolded(document(dataclasses.replace(STANDARD, **choice))["resource"])
    if expected is None:
        at(standard(), path)
        with pytest.raises(KeyError):
            at(resources, path)
    else:
        assert at(resources, path) == expected


def test_a_bucket_that_exists_is_looked_up_not_made() -> None:
    data = document(dataclasses.replace(STANDARD, existing_bucket=True))["data"]
    assert at(data, "aws_s3_bucket") == {"bucket": {"bucket": "music"}}


def test_the_text_is_json_with_the_version_that_it_was_tried_with() -> None:
    told = json.loads(render(STANDARD))["terraform"]
    assert told["required_providers"]["aws"] == {"source": "hashicorp/aws", "version": ">= 5.80"}
