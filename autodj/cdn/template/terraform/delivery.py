"""The distribution and what it is made of."""

from __future__ import annotations

from autodj.cdn.template.choices import Choices, SigningKey, signing_keys
from autodj.cdn.template.playback import KEPT_BACK, cors, custom_headers
from autodj.cdn.template.terraform.references import bucket
from autodj.cdn.template.wording import (
    CACHE_S,
    CLOUDFRONT_LOGS,
    CORS_S3_ORIGIN,
    ERRORS,
    comment,
)

ORIGIN = "bucket"


def resources(choices: Choices) -> dict[str, object]:
    """By kind and name, as Terraform wants them."""
    return {
        "aws_cloudfront_origin_access_control": {"audio": _origin_access(choices)},
        **_keys(choices),
        "aws_cloudfront_cache_policy": {"audio": _cache_policy(choices)},
        "aws_cloudfront_response_headers_policy": {"audio": _response_headers(choices)},
        "aws_cloudfront_distribution": {"audio": _distribution(choices)},
        **_monitoring(choices),
    }


def key_names(choices: Choices) -> list[str]:
    """The names of the public keys in the configuration, the signing one first."""
    return [_key_name(key) for key in signing_keys(choices)]


def _key_name(key: SigningKey) -> str:
    return f"key_{key.fingerprint}"


def _keys(choices: Choices) -> dict[str, object]:
    keys = signing_keys(choices)
    if not keys:
        return {}
    return {
        "aws_cloudfront_public_key": {
            _key_name(key): {
                "name": f"{choices.bucket}-{key.fingerprint}",
                "encoded_key": key.pem,
                # A key leaves the group before it goes, and comes before it joins.
                "lifecycle": {"create_before_destroy": True},
            }
            for key in keys
        },
        "aws_cloudfront_key_group": {
            "audio": {
                "name": choices.bucket,
                "items": [f"${{aws_cloudfront_public_key.{_key_name(key)}.id}}" for key in keys],
            }
        },
    }


def _origin_access(choices: Choices) -> dict[str, object]:
    return {
        "name": choices.bucket,
        "origin_access_control_origin_type": "s3",
        "signing_behavior": "always",
        "signing_protocol": "sigv4",
    }


def _cache_policy(choices: Choices) -> dict[str, object]:
    """The path is the whole cache key: signatures change, objects do not."""
    return {
        "name": choices.bucket,
        "comment": comment(choices),
        "min_ttl": 0,
        "default_ttl": CACHE_S,
        "max_ttl": CACHE_S,
        "parameters_in_cache_key_and_forwarded_to_origin": {
            "cookies_config": {"cookie_behavior": "none"},
            "headers_config": {"header_behavior": "none"},
            "query_strings_config": {"query_string_behavior": "none"},
            "enable_accept_encoding_brotli": False,
            "enable_accept_encoding_gzip": False,
        },
    }


def _response_headers(choices: Choices) -> dict[str, object]:
    shared = cors(choices.cookie_origins)
    return {
        "name": choices.bucket,
        "comment": comment(choices),
        "cors_config": {
            "access_control_allow_credentials": shared.credentials,
            "access_control_allow_headers": {"items": list(shared.headers)},
            "access_control_allow_methods": {"items": list(shared.methods)},
            "access_control_allow_origins": {"items": list(shared.origins)},
            "access_control_expose_headers": {"items": list(shared.exposed)},
            "access_control_max_age_sec": shared.max_age_s,
            "origin_override": True,
        },
        "security_headers_config": {"content_type_options": {"override": True}},
        "custom_headers_config": {
            "items": [
                {"header": name, "value": value, "override": True}
                for name, value in custom_headers().items()
            ]
        },
        "remove_headers_config": {"items": [{"header": name} for name in KEPT_BACK]},
    }


def _distribution(choices: Choices) -> dict[str, object]:
    behaviour = _behaviour()
    found: dict[str, object] = {
        "comment": comment(choices),
        "enabled": True,
        "http_version": "http2and3",
        "is_ipv6_enabled": choices.ipv6,
        "price_class": f"PriceClass_{choices.price_class}",
        "origin": _origin(choices),
        "default_cache_behavior": behaviour | _trusted(choices),
        "ordered_cache_behavior": [{"path_pattern": choices.public_pattern, **behaviour}],
        "custom_error_response": [
            {"error_code": code, "error_caching_min_ttl": choices.error_cache_s} for code in ERRORS
        ],
        "restrictions": {"geo_restriction": {"restriction_type": "none"}},
        "viewer_certificate": _certificate(choices),
    }
    if choices.domain:
        found["aliases"] = [choices.domain]
    if choices.logs:
        found["logging_config"] = {
            "bucket": "${aws_s3_bucket.logs.bucket_domain_name}",
            "prefix": CLOUDFRONT_LOGS,
            "include_cookies": False,
        }
        # CloudFront writes its grant into the ACL, which has to be allowed first.
        found["depends_on"] = ["aws_s3_bucket_ownership_controls.logs"]
    return found


def _behaviour() -> dict[str, object]:
    return {
        "target_origin_id": ORIGIN,
        "viewer_protocol_policy": "redirect-to-https",
        "allowed_methods": ["GET", "HEAD", "OPTIONS"],
        "cached_methods": ["GET", "HEAD"],
        "compress": False,
        "cache_policy_id": "${aws_cloudfront_cache_policy.audio.id}",
        "origin_request_policy_id": CORS_S3_ORIGIN,
        "response_headers_policy_id": "${aws_cloudfront_response_headers_policy.audio.id}",
    }


def _trusted(choices: Choices) -> dict[str, object]:
    if not choices.public_keys:
        return {}
    return {"trusted_key_groups": ["${aws_cloudfront_key_group.audio.id}"]}


def _origin(choices: Choices) -> dict[str, object]:
    found: dict[str, object] = {
        "origin_id": ORIGIN,
        "domain_name": f"${{{bucket(choices)}.bucket_regional_domain_name}}",
        "origin_access_control_id": "${aws_cloudfront_origin_access_control.audio.id}",
    }
    if choices.origin_shield:
        found["origin_shield"] = {"enabled": True, "origin_shield_region": choices.origin_shield}
    return found


def _certificate(choices: Choices) -> dict[str, object]:
    if choices.certificate_arn is None:
        return {"cloudfront_default_certificate": True}
    return {
        "acm_certificate_arn": choices.certificate_arn,
        "minimum_protocol_version": "TLSv1.2_2021",
        "ssl_support_method": "sni-only",
    }


def _monitoring(choices: Choices) -> dict[str, object]:
    if not choices.metrics:
        return {}
    return {
        "aws_cloudfront_monitoring_subscription": {
            "audio": {
                "distribution_id": "${aws_cloudfront_distribution.audio.id}",
                "monitoring_subscription": {
                    "realtime_metrics_subscription_config": {
                        "realtime_metrics_subscription_status": "Enabled"
                    }
                },
            }
        }
    }
