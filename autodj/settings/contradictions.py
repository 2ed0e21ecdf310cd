"""Settings that are fine alone and wrong together."""

from __future__ import annotations

from collections.abc import Iterator

from autodj.settings.endpoint import fault_of_endpoint
from autodj.settings.model import PAUSE_GRACE_S, CdnSettings, Settings
from autodj.settings.plain_http import fault_of_plain_http
from autodj.settings.s3 import S3Settings


def contradictions(settings: Settings) -> Iterator[tuple[str, str]]:
    """The name of a setting, and what is wrong with it beside the others."""
    yield from _storage_faults(settings)
    yield from _encryption_faults(settings.s3)
    yield from _http_faults(settings)
    yield from _timing_faults(settings)
    yield from _production_faults(settings)


def _storage_faults(settings: Settings) -> Iterator[tuple[str, str]]:
    s3, cdn = settings.s3, settings.cdn
    if settings.publish_to == "s3" and not s3.bucket:
        yield "S3_BUCKET_NAME", "is missing, and FILE_STORAGE_TYPE is s3"
    if s3.endpoint_url and (fault := fault_of_endpoint(s3.endpoint_url, s3.bucket)):
        yield "S3_ENDPOINT_URL", fault
    if s3.access_key and not s3.secret_key:
        yield "AWS_SECRET_ACCESS_KEY", "is missing, and AWS_ACCESS_KEY_ID is set"
    if s3.secret_key and not s3.access_key:
        yield "AWS_ACCESS_KEY_ID", "is missing, and AWS_SECRET_ACCESS_KEY is set"
    if s3.session_token and not s3.access_key:
        yield "AWS_SESSION_TOKEN", "is set without AWS_ACCESS_KEY_ID"
    if cdn.key_pair_id and not cdn.private_key:
        yield "CLOUDFRONT_PRIVATE_KEY", "is missing, and CLOUDFRONT_KEY_PAIR_ID is set"
    if cdn.private_key and not cdn.key_pair_id:
        yield "CLOUDFRONT_KEY_PAIR_ID", "is missing, and CLOUDFRONT_PRIVATE_KEY is set"
    if cdn.key_pair_id and not cdn.origin:
        yield "CLOUDFRONT_DOMAIN", "is missing, and CLOUDFRONT_KEY_PAIR_ID is set"
    yield from _second_key_faults(cdn)
    if cdn.public_links and not cdn.key_pair_id:
        yield "CLOUDFRONT_KEY_PAIR_ID", "is missing, and CLOUDFRONT_PUBLIC_LINKS is true"


def _encryption_faults(s3: S3Settings) -> Iterator[tuple[str, str]]:
    if s3.sse == "aws:kms" and not s3.kms_key_id:
        yield "S3_SSE_KMS_KEY_ID", "is missing, and S3_SSE is aws:kms"
    if s3.sse == "SSE-C" and not s3.customer_key:
        yield "S3_SSE_CUSTOMER_KEY", "is missing, and S3_SSE is SSE-C"


def _second_key_faults(cdn: CdnSettings) -> Iterator[tuple[str, str]]:
    name, key = "CLOUDFRONT_SECOND_KEY_PAIR_ID", "CLOUDFRONT_SECOND_PRIVATE_KEY"
    if cdn.second_key_pair_id and not cdn.second_private_key:
        yield key, f"is missing, and {name} is set"
    if cdn.second_private_key and not cdn.second_key_pair_id:
        yield name, f"is missing, and {key} is set"
    if cdn.second_key_pair_id and not cdn.key_pair_id:
        yield "CLOUDFRONT_KEY_PAIR_ID", f"is missing, and {name} is set"
    if cdn.second_key_pair_id and cdn.second_key_pair_id == cdn.key_pair_id:
        yield name, "is the id of the first key"


def _http_faults(settings: Settings) -> Iterator[tuple[str, str]]:
    for name, url in (
        ("S3_ENDPOINT_URL", settings.s3.endpoint_url),
        ("AWS_ENDPOINT_URL_STS", settings.s3.sts_endpoint_url),
        ("CLOUDFRONT_DOMAIN", settings.cdn.origin),
        ("AUTODJ_PUBLIC_URL", settings.public_url),
    ):
        # The page itself may be reached over plain http in development, from another machine.
        if url is None or (name == "AUTODJ_PUBLIC_URL" and not settings.production):
            continue
        if fault := fault_of_plain_http(url, production=settings.production):
            yield name, fault


def _timing_faults(settings: Settings) -> Iterator[tuple[str, str]]:
    """What ends a part by itself knows why; the end of the whole job does not."""
    for name, part_s in (
        ("ANALYSIS_TIMEOUT_S", settings.worker.analysis_timeout_s),
        ("FETCH_TOTAL_S", settings.limits.fetch_total_s),
    ):
        if settings.worker.job_timeout_s <= part_s:
            yield "JOB_TIMEOUT_S", f"must be more than {name}, which is {part_s}"


def _production_faults(settings: Settings) -> Iterator[tuple[str, str]]:
    if settings.production and settings.clean_grace_s < settings.longest_link_s:
        yield (
            "CLEAN_GRACE_S",
            (
                f"must be at least {settings.longest_link_s}: a link may live as long as "
                f"LINK_WINDOW_S + LINK_TTL_S + MAX_TRACK_DURATION_S + {PAUSE_GRACE_S}"
            ),
        )
    if settings.production and settings.limits.fetch_allow_private:
        yield "FETCH_ALLOW_PRIVATE", "must be false in production"
