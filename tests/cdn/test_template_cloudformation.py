"""The CloudFormation template, property by property: what it says, and why."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from autodj.cdn.template.choices import Held
from autodj.cdn.template.cloudformation import document, render
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
    resolved,
    without,
)

PRIVATE = {
    "BlockPublicAcls": True,
    "BlockPublicPolicy": True,
    "IgnorePublicAcls": True,
    "RestrictPublicBuckets": True,
}
KEPT = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
AES256 = {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
THE_DISTRIBUTION = "arn:aws:cloudfront::<AWS::AccountId>:distribution/<Distribution>"
EXPOSED = ["Content-Range", "Accept-Ranges", "Content-Length", "ETag", "Date"]
READING = {
    "TargetOriginId": "bucket",
    "ViewerProtocolPolicy": "redirect-to-https",
    "AllowedMethods": ["GET", "HEAD", "OPTIONS"],
    "CachedMethods": ["GET", "HEAD"],
    "Compress": False,
    "CachePolicyId": "<CachePolicy>",
    "OriginRequestPolicyId": "88a5eaf4-2fd4-4709-b370-b4c650ea3fcf",
    "ResponseHeadersPolicyId": "<ResponseHeaders>",
}


def refusal(sid: str, bucket: str, condition: dict[str, Any]) -> dict[str, Any]:
    return {
        "Sid": sid,
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        "Condition": condition,
    }


def public_key(fingerprint: str, pem: str) -> dict[str, Any]:
    name = f"music-{fingerprint}"
    return {
        "Type": "AWS::CloudFront::PublicKey",
        "Properties": {
            "PublicKeyConfig": {"Name": name, "CallerReference": name, "EncodedKey": pem}
        },
    }


def rights(sid: str, actions: str, resource: str) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": actions.split(), "Resource": resource}


NO_PLAIN_HTTP = {"Bool": {"aws:SecureTransport": "false"}}
NO_OLD_TLS = {"NumericLessThan": {"s3:TlsVersion": "1.2"}}
PROPERTIES: list[tuple[str, Any, str]] = [
    ("Bucket.Type", "AWS::S3::Bucket", ""),
    ("Bucket.DeletionPolicy", "Retain", "deleting the stack leaves the music"),
    ("Bucket.UpdateReplacePolicy", "Retain", "so does a change that makes another bucket"),
    ("Bucket.DependsOn", ["LogBucketPolicy"], "S3 checks that it may log before it takes logging"),
    ("Bucket.Properties.BucketName", "music", ""),
    ("Bucket.Properties.PublicAccessBlockConfiguration", PRIVATE, "nothing in it is public, ever"),
    (
        "Bucket.Properties.OwnershipControls.Rules",
        [{"ObjectOwnership": "BucketOwnerEnforced"}],
        "no ACL can open an object",
    ),
    (
        "Bucket.Properties.BucketEncryption.ServerSideEncryptionConfiguration",
        [AES256],
        "encrypted at rest without being asked",
    ),
    (
        "Bucket.Properties.CorsConfiguration.CorsRules",
        [
            {
                "AllowedOrigins": ["*"],
                "AllowedMethods": ["GET", "HEAD"],
                "AllowedHeaders": ["*"],
                "ExposedHeaders": EXPOSED,
                "MaxAge": 86400,
            }
        ],
        "links signed by S3 play in a page, and preflights behind the CDN are answered",
    ),
    (
        "Bucket.Properties.LifecycleConfiguration.Rules[dead-uploads]",
        {
            "Id": "dead-uploads",
            "Status": "Enabled",
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
        },
        "parts that belong to no object cost money",
    ),
    (
        "Bucket.Properties.LifecycleConfiguration.Rules[old-versions]",
        {
            "Id": "old-versions",
            "Status": "Enabled",
            "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
            "ExpiredObjectDeleteMarker": True,
        },
        "what was deleted is gone after a month",
    ),
    (
        "Bucket.Properties.VersioningConfiguration",
        {"Status": "Enabled"},
        "a worker may delete, but not destroy",
    ),
    (
        "Bucket.Properties.LoggingConfiguration",
        {"DestinationBucketName": "<LogBucket>", "LogFilePrefix": "s3/"},
        "who read and wrote past the CDN",
    ),
    ("BucketPolicy.Type", "AWS::S3::BucketPolicy", ""),
    ("BucketPolicy.Properties.Bucket", "<Bucket>", ""),
    ("BucketPolicy.Properties.PolicyDocument.Version", "2012-10-17", "variables and conditions"),
    (
        "BucketPolicy.Properties.PolicyDocument.Statement[OnlyTls]",
        refusal("OnlyTls", "music", NO_PLAIN_HTTP),
        "no byte and no signature in the clear",
    ),
    (
        "BucketPolicy.Properties.PolicyDocument.Statement[OnlyTls12]",
        refusal("OnlyTls12", "music", NO_OLD_TLS),
        "nor under TLS that is broken",
    ),
    (
        "BucketPolicy.Properties.PolicyDocument.Statement[ReadByTheDistribution]",
        {
            "Sid": "ReadByTheDistribution",
            "Effect": "Allow",
            "Principal": {"Service": "cloudfront.amazonaws.com"},
            "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::music/*",
            "Condition": {"StringEquals": {"AWS:SourceArn": THE_DISTRIBUTION}},
        },
        "without the condition every distribution of anybody could read the bucket",
    ),
    ("LogBucket.Type", "AWS::S3::Bucket", ""),
    ("LogBucket.DeletionPolicy", "Retain", "the record outlives the stack"),
    ("LogBucket.UpdateReplacePolicy", "Retain", ""),
    ("LogBucket.Properties.BucketName", "music-logs", ""),
    ("LogBucket.Properties.PublicAccessBlockConfiguration", PRIVATE, "addresses of listeners"),
    (
        "LogBucket.Properties.OwnershipControls.Rules",
        [{"ObjectOwnership": "BucketOwnerPreferred"}],
        "CloudFront's standard logs need ACLs",
    ),
    ("LogBucket.Properties.BucketEncryption.ServerSideEncryptionConfiguration", [AES256], ""),
    (
        "LogBucket.Properties.LifecycleConfiguration.Rules[logs]",
        {
            "Id": "logs",
            "Status": "Enabled",
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
            "ExpirationInDays": 90,
        },
        "logs hold addresses of people: not for ever",
    ),
    ("LogBucketPolicy.Type", "AWS::S3::BucketPolicy", ""),
    ("LogBucketPolicy.Properties.Bucket", "<LogBucket>", ""),
    ("LogBucketPolicy.Properties.PolicyDocument.Version", "2012-10-17", ""),
    (
        "LogBucketPolicy.Properties.PolicyDocument.Statement[OnlyTls]",
        refusal("OnlyTls", "music-logs", NO_PLAIN_HTTP),
        "",
    ),
    (
        "LogBucketPolicy.Properties.PolicyDocument.Statement[OnlyTls12]",
        refusal("OnlyTls12", "music-logs", NO_OLD_TLS),
        "",
    ),
    (
        "LogBucketPolicy.Properties.PolicyDocument.Statement[LogsOfTheBucket]",
        {
            "Sid": "LogsOfTheBucket",
            "Effect": "Allow",
            "Principal": {"Service": "logging.s3.amazonaws.com"},
            "Action": "s3:PutObject",
            "Resource": "arn:aws:s3:::music-logs/s3/*",
            "Condition": {
                "ArnEquals": {"aws:SourceArn": "arn:aws:s3:::music"},
                "StringEquals": {"aws:SourceAccount": "<AWS::AccountId>"},
            },
        },
        "S3 logs of this bucket of this account, and nobody else's",
    ),
    ("OriginAccess.Type", "AWS::CloudFront::OriginAccessControl", ""),
    (
        "OriginAccess.Properties.OriginAccessControlConfig",
        {
            "Name": "music",
            "OriginAccessControlOriginType": "s3",
            "SigningBehavior": "always",
            "SigningProtocol": "sigv4",
        },
        "CloudFront signs every request, whatever the viewer sent",
    ),
    (f"PublicKey{SIGNING}", public_key(SIGNING, SIGNING_KEY), "links are signed with its half"),
    (f"PublicKey{RETIRING}", public_key(RETIRING, RETIRING_KEY), "older links still play"),
    ("KeyGroup.Type", "AWS::CloudFront::KeyGroup", ""),
    (
        "KeyGroup.Properties.KeyGroupConfig",
        {"Name": "music", "Items": [f"<PublicKey{SIGNING}>", f"<PublicKey{RETIRING}>"]},
        "two live keys make a rotation without a broken link",
    ),
    ("CachePolicy.Type", "AWS::CloudFront::CachePolicy", ""),
    (
        "CachePolicy.Properties.CachePolicyConfig",
        {
            "Name": "music",
            "Comment": "autodj: audio of music",
            "MinTTL": 0,
            "DefaultTTL": 31536000,
            "MaxTTL": 31536000,
            "ParametersInCacheKeyAndForwardedToOrigin": {
                "CookiesConfig": {"CookieBehavior": "none"},
                "HeadersConfig": {"HeaderBehavior": "none"},
                "QueryStringsConfig": {"QueryStringBehavior": "none"},
                "EnableAcceptEncodingBrotli": False,
                "EnableAcceptEncodingGzip": False,
            },
        },
        "one copy for all links to an object, kept for a year",
    ),
    ("ResponseHeaders.Type", "AWS::CloudFront::ResponseHeadersPolicy", ""),
    (
        "ResponseHeaders.Properties.ResponseHeadersPolicyConfig",
        {
            "Name": "music",
            "Comment": "autodj: audio of music",
            "CorsConfig": {
                "AccessControlAllowCredentials": False,
                "AccessControlAllowHeaders": {
                    "Items": [
                        "Range",
                        "If-Range",
                        "If-Match",
                        "If-None-Match",
                        "If-Modified-Since",
                        "If-Unmodified-Since",
                    ]
                },
                "AccessControlAllowMethods": {"Items": ["GET", "HEAD", "OPTIONS"]},
                "AccessControlAllowOrigins": {"Items": ["*"]},
                "AccessControlExposeHeaders": {"Items": EXPOSED},
                "AccessControlMaxAgeSec": 86400,
                "OriginOverride": True,
            },
            "SecurityHeadersConfig": {"ContentTypeOptions": {"Override": True}},
            "CustomHeadersConfig": {
                "Items": [
                    {
                        "Header": "Cross-Origin-Resource-Policy",
                        "Value": "cross-origin",
                        "Override": True,
                    }
                ]
            },
            "RemoveHeadersConfig": {
                "Items": [{"Header": "x-amz-server-side-encryption-aws-kms-key-id"}]
            },
        },
        "media elements, fetch and Web Audio all get what they need",
    ),
    ("Distribution.Type", "AWS::CloudFront::Distribution", ""),
    (
        "Distribution.Properties.DistributionConfig",
        {
            "Comment": "autodj: audio of music",
            "Enabled": True,
            "HttpVersion": "http2and3",
            "IPV6Enabled": True,
            "PriceClass": "PriceClass_100",
            "Origins": [
                {
                    "Id": "bucket",
                    "DomainName": "<Bucket.RegionalDomainName>",
                    "OriginAccessControlId": "<OriginAccess>",
                    "S3OriginConfig": {"OriginAccessIdentity": ""},
                }
            ],
            "DefaultCacheBehavior": {**READING, "TrustedKeyGroups": ["<KeyGroup>"]},
            "CacheBehaviors": [{"PathPattern": "/public/*", **READING}],
            "CustomErrorResponses": [
                {"ErrorCode": code, "ErrorCachingMinTTL": 1}
                for code in (403, 404, 500, 502, 503, 504)
            ],
            "ViewerCertificate": {"CloudFrontDefaultCertificate": True},
            "Logging": {
                "Bucket": "<LogBucket.DomainName>",
                "Prefix": "cloudfront/",
                "IncludeCookies": False,
            },
        },
        "signed but for public/, https, GET and HEAD, errors soon forgotten",
    ),
    *(
        (f"{who}Policy.Type", "AWS::IAM::ManagedPolicy", "")
        for who in ("Web", "Worker", "Operator")
    ),
    (
        "WebPolicy.Properties",
        {
            "ManagedPolicyName": "music-web",
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [
                    rights("Bucket", "s3:ListBucket", "arn:aws:s3:::music"),
                    rights("Objects", "s3:GetObject", "arn:aws:s3:::music/*"),
                ],
            },
        },
        "the web process only reads",
    ),
    (
        "WorkerPolicy.Properties",
        {
            "ManagedPolicyName": "music-worker",
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [
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
                ],
            },
        },
        "workers write and delete objects, but no versions and no settings",
    ),
    (
        "OperatorPolicy.Properties",
        {
            "ManagedPolicyName": "music-operator",
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [
                    rights("Bucket", "s3:ListBucket", "arn:aws:s3:::music"),
                    rights(
                        "Cdn",
                        "cloudfront:CreateInvalidation cloudfront:GetDistribution "
                        "cloudfront:GetInvalidation cloudfront:ListInvalidations",
                        THE_DISTRIBUTION,
                    ),
                ],
            },
        },
        "operators see names and clear caches",
    ),
]

CONFIG = "Distribution.Properties.DistributionConfig"
BUCKET = "Bucket.Properties"
VARIATIONS: list[tuple[dict[str, Any], str, Any]] = [
    ({"prefix": "a/b/"}, f"{CONFIG}.CacheBehaviors[0].PathPattern", "/a/b/public/*"),
    (
        {"prefix": "a/b/"},
        "BucketPolicy.Properties.PolicyDocument.Statement[ReadByTheDistribution].Resource",
        "arn:aws:s3:::music/a/b/*",
    ),
    (
        {"prefix": "a/b/"},
        "WorkerPolicy.Properties.PolicyDocument.Statement[Objects].Resource",
        "arn:aws:s3:::music/a/b/*",
    ),
    (
        {"prefix": "a/b/"},
        "WebPolicy.Properties.PolicyDocument.Statement[Bucket].Condition",
        {"StringLikeIfExists": {"s3:prefix": ["a/b/*"]}},
    ),
    ({"prefix": "a/b/"}, f"{BUCKET}.LifecycleConfiguration.Rules[dead-uploads].Prefix", "a/b/"),
    ({"public_keys": ()}, "KeyGroup", None),
    ({"public_keys": ()}, f"{CONFIG}.DefaultCacheBehavior", READING),
    ({"public_keys": (SIGNING_KEY,)}, f"PublicKey{RETIRING}", None),
    (
        {"domain": "cdn.example.com", "certificate_arn": CERTIFICATE},
        f"{CONFIG}.Aliases",
        ["cdn.example.com"],
    ),
    (
        {"domain": "cdn.example.com", "certificate_arn": CERTIFICATE},
        f"{CONFIG}.ViewerCertificate",
        {
            "AcmCertificateArn": CERTIFICATE,
            "MinimumProtocolVersion": "TLSv1.2_2021",
            "SslSupportMethod": "sni-only",
        },
    ),
    ({"logs": False}, "LogBucket", None),
    ({"logs": False}, "LogBucketPolicy", None),
    ({"logs": False}, "Bucket.DependsOn", None),
    ({"logs": False}, f"{BUCKET}.LoggingConfiguration", None),
    ({"logs": False}, f"{CONFIG}.Logging", None),
    (
        {"log_days": 7},
        "LogBucket.Properties.LifecycleConfiguration.Rules[logs].ExpirationInDays",
        7,
    ),
    ({"versioning": False}, f"{BUCKET}.VersioningConfiguration", None),
    ({"versioning": False}, f"{BUCKET}.LifecycleConfiguration.Rules[old-versions]", None),
    (
        {"noncurrent_days": 3},
        f"{BUCKET}.LifecycleConfiguration.Rules[old-versions].NoncurrentVersionExpiration",
        {"NoncurrentDays": 3},
    ),
    (
        {"tiering": True},
        f"{BUCKET}.LifecycleConfiguration.Rules[tiering].Transitions",
        [{"StorageClass": "INTELLIGENT_TIERING", "TransitionInDays": 0}],
    ),
    (
        {"kms_key": KMS_KEY},
        f"{BUCKET}.BucketEncryption.ServerSideEncryptionConfiguration",
        [
            {
                "BucketKeyEnabled": True,
                "ServerSideEncryptionByDefault": {
                    "SSEAlgorithm": "aws:kms",
                    "KMSMasterKeyID": KMS_KEY,
                },
            }
        ],
    ),
    (
        {"kms_key": KMS_KEY},
        "WebPolicy.Properties.PolicyDocument.Statement[Encryption]",
        rights("Encryption", "kms:Decrypt", KMS_KEY),
    ),
    (
        {"kms_key": "new"},
        "WorkerPolicy.Properties.PolicyDocument.Statement[Encryption]",
        rights("Encryption", "kms:Decrypt kms:GenerateDataKey", "<Key.Arn>"),
    ),
    (
        {"kms_key": "new"},
        "Key",
        {
            "Type": "AWS::KMS::Key",
            **KEPT,
            "Properties": {
                "Description": "autodj: audio of music",
                "EnableKeyRotation": True,
                "KeyPolicy": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Sid": "Account",
                            "Effect": "Allow",
                            "Principal": {"AWS": "arn:aws:iam::<AWS::AccountId>:root"},
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
                                    "AWS:SourceArn": (
                                        "arn:aws:cloudfront::<AWS::AccountId>:distribution/*"
                                    )
                                }
                            },
                        },
                    ],
                },
            },
        },
    ),
    ({"existing_bucket": True}, "Bucket", None),
    ({"existing_bucket": True}, "BucketPolicy.Properties.Bucket", "music"),
    (
        {"existing_bucket": True},
        f"{CONFIG}.Origins[0].DomainName",
        "music.s3.<AWS::Region>.amazonaws.com",
    ),
    (
        {"origin_shield": "eu-central-1"},
        f"{CONFIG}.Origins[0].OriginShield",
        {"Enabled": True, "OriginShieldRegion": "eu-central-1"},
    ),
    ({"price_class": "All"}, f"{CONFIG}.PriceClass", "PriceClass_All"),
    ({"ipv6": False}, f"{CONFIG}.IPV6Enabled", False),
    ({"error_cache_s": 0}, f"{CONFIG}.CustomErrorResponses[0].ErrorCachingMinTTL", 0),
    (
        {"metrics": True},
        "Monitoring",
        {
            "Type": "AWS::CloudFront::MonitoringSubscription",
            "Properties": {
                "DistributionId": "<Distribution>",
                "MonitoringSubscription": {
                    "RealtimeMetricsSubscriptionConfig": {
                        "RealtimeMetricsSubscriptionStatus": "Enabled"
                    }
                },
            },
        },
    ),
    (
        {"extras": frozenset({"uploads"})},
        f"{BUCKET}.CorsConfiguration.CorsRules[0].AllowedMethods",
        ["GET", "HEAD", "PUT", "POST"],
    ),
    (
        {"extras": frozenset({"uploads"})},
        "WebPolicy.Properties.PolicyDocument.Statement[Objects].Action",
        ["s3:GetObject", "s3:PutObject"],
    ),
    (
        {"cookie_origins": ("https://app.example.com",)},
        "ResponseHeaders.Properties.ResponseHeadersPolicyConfig.CorsConfig.AccessControlAllowOrigins",
        {"Items": ["https://app.example.com"]},
    ),
    (
        {"cookie_origins": ("https://app.example.com",)},
        "ResponseHeaders.Properties.ResponseHeadersPolicyConfig.CorsConfig.AccessControlAllowCredentials",
        True,
    ),
    (
        {"extras": frozenset({"versions", "restore", "tags"})},
        "WorkerPolicy.Properties.PolicyDocument.Statement[Objects].Action",
        [
            "s3:AbortMultipartUpload",
            "s3:DeleteObject",
            "s3:GetObject",
            "s3:GetObjectTagging",
            "s3:GetObjectVersion",
            "s3:ListMultipartUploadParts",
            "s3:PutObject",
            "s3:PutObjectTagging",
            "s3:RestoreObject",
        ],
    ),
    (
        {"extras": frozenset({"public-links"})},
        "WorkerPolicy.Properties.PolicyDocument.Statement[Cdn]",
        rights("Cdn", "cloudfront:CreateInvalidation", THE_DISTRIBUTION),
    ),
    ({"web": Held(roles=("web",))}, "WebPolicy.Properties.Roles", ["web"]),
    ({"worker": Held(users=("ada", "bob"))}, "WorkerPolicy.Properties.Users", ["ada", "bob"]),
    ({"operator": Held(roles=("eve",))}, "OperatorPolicy.Properties.Roles", ["eve"]),
]


def wrong(resources: Any) -> list[str]:
    """The rows of the table that these resources do not fulfil."""
    found = []
    for path, expected, _ in PROPERTIES:
        try:
            if at(resources, path) != expected:
                found.append(path)
        except (KeyError, TypeError, AttributeError):
            found.append(path)
    return found


def standard() -> Any:
    return resolved(document(STANDARD)["Resources"])


@pytest.mark.parametrize(
    ("path", "expected", "reason"), PROPERTIES, ids=[p for p, *_ in PROPERTIES]
)
def test_every_property_is_what_it_should_be(path: str, expected: Any, reason: str) -> None:
    assert at(standard(), path) == expected, reason


def test_no_property_can_be_taken_away_unnoticed() -> None:
    resources = standard()
    paths = list(leaves(resources))
    assert len(paths) > 150
    unnoticed = [path for path in paths if not wrong(without(resources, path))]
    assert unnoticed == []


@pytest.mark.parametrize(
    ("choice", "path", "expected"),
    VARIATIONS,
    ids=[f"{'+'.join(sorted(c))}-{p}-{n}" for n, (c, p, _) in enumerate(VARIATIONS)],
)
def test_a_choice_changes_what_it_says(choice: dict[str, Any], path: str, expected: Any) -> None:
    resources = resolved(document(dataclasses.replace(STANDARD, **choice))["Resources"])
    if expected is None:
        with pytest.raises(KeyError):
            at(resources, path)
        at(standard(), path)
    else:
        assert at(resources, path) == expected
        assert expected != _otherwise(path)


def _otherwise(path: str) -> Any:
    """What the same path holds without the choice."""
    try:
        return at(standard(), path)
    except KeyError:
        return None


def test_the_text_is_json_and_small_enough_to_be_sent_at_once() -> None:
    text = render(STANDARD)
    assert json.loads(text) == document(STANDARD)
    assert len(text.encode()) < 51_200
