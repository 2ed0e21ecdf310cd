"""The distribution and what it is made of."""

from __future__ import annotations

from autodj.cdn.template.choices import Choices, SigningKey, signing_keys
from autodj.cdn.template.cloudformation.references import att, ref, sub
from autodj.cdn.template.playback import KEPT_BACK, cors, custom_headers
from autodj.cdn.template.wording import (
    CACHE_S,
    CLOUDFRONT_LOGS,
    CORS_S3_ORIGIN,
    ERRORS,
    comment,
)

ORIGIN = "bucket"


def resources(choices: Choices) -> dict[str, object]:
    return {
        "OriginAccess": {
            "Type": "AWS::CloudFront::OriginAccessControl",
            "Properties": {"OriginAccessControlConfig": _origin_access(choices)},
        },
        **_keys(choices),
        "CachePolicy": {
            "Type": "AWS::CloudFront::CachePolicy",
            "Properties": {"CachePolicyConfig": _cache_policy(choices)},
        },
        "ResponseHeaders": {
            "Type": "AWS::CloudFront::ResponseHeadersPolicy",
            "Properties": {"ResponseHeadersPolicyConfig": _response_headers(choices)},
        },
        "Distribution": {
            "Type": "AWS::CloudFront::Distribution",
            "Properties": {"DistributionConfig": _distribution(choices)},
        },
        **_monitoring(choices),
    }


def key_names(choices: Choices) -> list[str]:
    """The names of the public keys in the template, the signing one first."""
    return [_key_name(key) for key in signing_keys(choices)]


def _key_name(key: SigningKey) -> str:
    return f"PublicKey{key.fingerprint}"


def _keys(choices: Choices) -> dict[str, object]:
    keys = signing_keys(choices)
    if not keys:
        return {}
    return {
        **{
            _key_name(key): {
                "Type": "AWS::CloudFront::PublicKey",
                "Properties": {
                    "PublicKeyConfig": {
                        "Name": f"{choices.bucket}-{key.fingerprint}",
                        "CallerReference": f"{choices.bucket}-{key.fingerprint}",
                        "EncodedKey": key.pem,
                    }
                },
            }
            for key in keys
        },
        "KeyGroup": {
            "Type": "AWS::CloudFront::KeyGroup",
            "Properties": {
                "KeyGroupConfig": {
                    "Name": choices.bucket,
                    "Items": [ref(_key_name(key)) for key in keys],
                }
            },
        },
    }


def _origin_access(choices: Choices) -> dict[str, object]:
    return {
        "Name": choices.bucket,
        "OriginAccessControlOriginType": "s3",
        "SigningBehavior": "always",
        "SigningProtocol": "sigv4",
    }


def _cache_policy(choices: Choices) -> dict[str, object]:
    """The path is the whole cache key: signatures change, objects do not."""
    return {
        "Name": choices.bucket,
        "Comment": comment(choices),
        "MinTTL": 0,
        "DefaultTTL": CACHE_S,
        "MaxTTL": CACHE_S,
        "ParametersInCacheKeyAndForwardedToOrigin": {
            "CookiesConfig": {"CookieBehavior": "none"},
            "HeadersConfig": {"HeaderBehavior": "none"},
            "QueryStringsConfig": {"QueryStringBehavior": "none"},
            "EnableAcceptEncodingBrotli": False,
            "EnableAcceptEncodingGzip": False,
        },
    }


def _response_headers(choices: Choices) -> dict[str, object]:
    shared = cors(choices.cookie_origins)
    return {
        "Name": choices.bucket,
        "Comment": comment(choices),
        "CorsConfig": {
            "AccessControlAllowCredentials": shared.credentials,
            "AccessControlAllowHeaders": {"Items": list(shared.headers)},
            "AccessControlAllowMethods": {"Items": list(shared.methods)},
            "AccessControlAllowOrigins": {"Items": list(shared.origins)},
            "AccessControlExposeHeaders": {"Items": list(shared.exposed)},
            "AccessControlMaxAgeSec": shared.max_age_s,
            "OriginOverride": True,
        },
        "SecurityHeadersConfig": {"ContentTypeOptions": {"Override": True}},
        "CustomHeadersConfig": {
            "Items": [
                {"Header": name, "Value": value, "Override": True}
                for name, value in custom_headers().items()
            ]
        },
        "RemoveHeadersConfig": {"Items": [{"Header": name} for name in KEPT_BACK]},
    }


def _distribution(choices: Choices) -> dict[str, object]:
    behaviour = _behaviour()
    found: dict[str, object] = {
        "Comment": comment(choices),
        "Enabled": True,
        "HttpVersion": "http2and3",
        "IPV6Enabled": choices.ipv6,
        "PriceClass": f"PriceClass_{choices.price_class}",
        "Origins": [_origin(choices)],
        "DefaultCacheBehavior": behaviour | _trusted(choices),
        "CacheBehaviors": [{"PathPattern": choices.public_pattern, **behaviour}],
        "CustomErrorResponses": [
            {"ErrorCode": code, "ErrorCachingMinTTL": choices.error_cache_s} for code in ERRORS
        ],
        "ViewerCertificate": _certificate(choices),
    }
    if choices.domain:
        found["Aliases"] = [choices.domain]
    if choices.logs:
        found["Logging"] = {
            "Bucket": att("LogBucket.DomainName"),
            "Prefix": CLOUDFRONT_LOGS,
            "IncludeCookies": False,
        }
    return found


def _behaviour() -> dict[str, object]:
    return {
        "TargetOriginId": ORIGIN,
        "ViewerProtocolPolicy": "redirect-to-https",
        "AllowedMethods": ["GET", "HEAD", "OPTIONS"],
        "CachedMethods": ["GET", "HEAD"],
        "Compress": False,
        "CachePolicyId": ref("CachePolicy"),
        "OriginRequestPolicyId": CORS_S3_ORIGIN,
        "ResponseHeadersPolicyId": ref("ResponseHeaders"),
    }


def _trusted(choices: Choices) -> dict[str, object]:
    return {"TrustedKeyGroups": [ref("KeyGroup")]} if choices.public_keys else {}


def _origin(choices: Choices) -> dict[str, object]:
    domain = (
        sub(f"{choices.bucket}.s3.${{AWS::Region}}.amazonaws.com")
        if choices.existing_bucket
        else att("Bucket.RegionalDomainName")
    )
    found: dict[str, object] = {
        "Id": ORIGIN,
        "DomainName": domain,
        "OriginAccessControlId": ref("OriginAccess"),
        # Empty, and needed all the same: it marks an S3 origin.
        "S3OriginConfig": {"OriginAccessIdentity": ""},
    }
    if choices.origin_shield:
        found["OriginShield"] = {
            "Enabled": True,
            "OriginShieldRegion": choices.origin_shield,
        }
    return found


def _certificate(choices: Choices) -> dict[str, object]:
    if choices.certificate_arn is None:
        return {"CloudFrontDefaultCertificate": True}
    return {
        "AcmCertificateArn": choices.certificate_arn,
        "MinimumProtocolVersion": "TLSv1.2_2021",
        "SslSupportMethod": "sni-only",
    }


def _monitoring(choices: Choices) -> dict[str, object]:
    if not choices.metrics:
        return {}
    return {
        "Monitoring": {
            "Type": "AWS::CloudFront::MonitoringSubscription",
            "Properties": {
                "DistributionId": ref("Distribution"),
                "MonitoringSubscription": {
                    "RealtimeMetricsSubscriptionConfig": {
                        "RealtimeMetricsSubscriptionStatus": "Enabled"
                    }
                },
            },
        }
    }
