"""The settings of each concern, from parsed values by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import cast

from autodj.settings.baskets import Baskets
from autodj.settings.model import (
    CdnSettings,
    LimitSettings,
    RenditionSettings,
    Settings,
    WorkerSettings,
)
from autodj.settings.parsers import Retention
from autodj.settings.s3 import S3Settings

Values = Mapping[str, object]


def settings_of(v: Values) -> Settings:
    """The frozen settings of what was parsed; baskets come once all of it is known."""
    data_dir = cast("Path", v["AUTODJ_DATA_DIR"])
    production = v["AUTODJ_ENV"] == "production"
    return Settings(
        production=production,
        secret=cast("str", v["AUTODJ_SECRET"]),
        public_url=cast("str", v["AUTODJ_PUBLIC_URL"]),
        data_dir=data_dir,
        log_level=cast("str", v["LOG_LEVEL"]),
        log_format=cast("str", v["LOG_FORMAT"]),
        database_url=database_url_of(v["DATABASE_URL"], data_dir),
        redis_url=cast("str", v["REDIS_URL"]),
        queue_name=cast("str", v["QUEUE_NAME"]),
        publish_to=cast("str", v["FILE_STORAGE_TYPE"]) or ("s3" if production else "local"),
        media_root=cast("Path | None", v["MEDIA_ROOT"]) or data_dir / "media",
        local_retention=cast("Retention", v["LOCAL_RETENTION"]),
        clean_grace_s=cast("int", v["CLEAN_GRACE_S"]),
        max_local_senders=cast("int", v["MAX_LOCAL_SENDERS"]),
        local_accel_prefix=cast("str | None", v["LOCAL_ACCEL_PREFIX"]),
        max_connections=cast("int", v["MAX_CONNECTIONS"]),
        body_total_s=cast("int", v["BODY_TOTAL_S"]),
        s3=_s3(v),
        cdn=_cdn(v),
        limits=_limits(v),
        worker=_worker(v),
        renditions=_renditions(v),
        baskets=Baskets({}),
    )


def database_url_of(given: object, data_dir: Path) -> str:
    return str(given) if given else f"sqlite+aiosqlite:///{data_dir / 'autodj.db'}"


def _s3(v: Values) -> S3Settings:
    role = cast("bool", v["S3_USE_IAM_ROLE"])
    return S3Settings(
        bucket=cast("str | None", v["S3_BUCKET_NAME"]),
        region=cast("str", v["AWS_REGION"]),
        access_key=None if role else cast("str", v["AWS_ACCESS_KEY_ID"]) or None,
        secret_key=None if role else cast("str", v["AWS_SECRET_ACCESS_KEY"]) or None,
        session_token=None if role else cast("str", v["AWS_SESSION_TOKEN"]) or None,
        use_iam_role=role,
        profile=None if role else cast("str | None", v["AWS_PROFILE"]),
        role_arn=cast("str | None", v["AWS_ROLE_ARN"]),
        role_session_name=cast("str", v["AWS_ROLE_SESSION_NAME"]),
        role_external_id=cast("str | None", v["AWS_ROLE_EXTERNAL_ID"]),
        sts_endpoint_url=cast("str | None", v["AWS_ENDPOINT_URL_STS"]),
        endpoint_url=cast("str | None", v["S3_ENDPOINT_URL"]),
        prefix=_slashed(cast("str | None", v["S3_PREFIX"])),
        expected_bucket_owner=cast("str | None", v["S3_EXPECTED_BUCKET_OWNER"]),
        sse=None if v["S3_SSE"] == "none" else cast("str", v["S3_SSE"]),
        path_style=cast("bool", v["S3_PATH_STYLE"]),
        max_connections=cast("int", v["S3_MAX_CONNECTIONS"]),
        connect_timeout_s=cast("float", v["S3_CONNECT_TIMEOUT_S"]),
        read_timeout_s=cast("float", v["S3_READ_TIMEOUT_S"]),
        max_retries=cast("int", v["S3_MAX_RETRIES"]),
        retry_delay_s=cast("float", v["S3_RETRY_DELAY_S"]),
        multipart_bytes=cast("int", v["S3_MULTIPART_THRESHOLD_BYTES"]),
        storage_class=cast("str", v["S3_STORAGE_CLASS"]),
        kms_key_id=cast("str | None", v["S3_SSE_KMS_KEY_ID"]),
        customer_key=cast("bytes | None", v["S3_SSE_CUSTOMER_KEY"]),
    )


def _cdn(v: Values) -> CdnSettings:
    return CdnSettings(
        origin=cast("str | None", v["CLOUDFRONT_DOMAIN"]),
        key_pair_id=cast("str | None", v["CLOUDFRONT_KEY_PAIR_ID"]),
        private_key=cast("str | None", v["CLOUDFRONT_PRIVATE_KEY"]),
        second_key_pair_id=cast("str | None", v["CLOUDFRONT_SECOND_KEY_PAIR_ID"]),
        second_private_key=cast("str | None", v["CLOUDFRONT_SECOND_PRIVATE_KEY"]),
        hash=cast("str", v["CLOUDFRONT_HASH"]),
        link_ttl_s=cast("int", v["LINK_TTL_S"]),
        link_window_s=cast("int", v["LINK_WINDOW_S"]),
        public_links=cast("bool", v["CLOUDFRONT_PUBLIC_LINKS"]),
        distribution_id=cast("str | None", v["CLOUDFRONT_DISTRIBUTION_ID"]),
        api_url=cast("str | None", v["CLOUDFRONT_API_URL"]),
    )


def _limits(v: Values) -> LimitSettings:
    return LimitSettings(
        max_track_bytes=cast("int", v["MAX_TRACK_BYTES"]),
        max_track_duration_s=cast("int", v["MAX_TRACK_DURATION_S"]),
        max_file_bytes=cast("int", v["MAX_FILE_SIZE"]),
        document_prefix=_slashed(cast("str", v["AWS_S3_PROJECT_PREFIX"])),
        fetch_total_s=cast("int", v["FETCH_TOTAL_S"]),
        fetch_allow_private=cast("bool", v["FETCH_ALLOW_PRIVATE"]),
    )


def _worker(v: Values) -> WorkerSettings:
    return WorkerSettings(
        jobs=cast("int", v["WORKER_JOBS"]),
        analysis_timeout_s=cast("int", v["ANALYSIS_TIMEOUT_S"]),
        job_timeout_s=cast("int", v["JOB_TIMEOUT_S"]),
        reanalysis_at_once=cast("int", v["REANALYSIS_AT_ONCE"]),
    )


def _renditions(v: Values) -> RenditionSettings:
    return RenditionSettings(
        mode=cast("str", v["RENDITIONS"]),
        format=cast("str", v["RENDITION_FORMAT"]),
        bit_rate_bps=cast("int", v["RENDITION_BITRATE_BPS"]),
        lossless=cast("bool", v["RENDITION_LOSSLESS"]),
        preview_s=cast("int", v["PREVIEW_S"]),
        preview_bit_rate_bps=cast("int", v["PREVIEW_BITRATE_BPS"]),
        timeout_s=cast("int", v["RENDER_TIMEOUT_S"]),
    )


def _slashed(prefix: str | None) -> str:
    return f"{prefix.rstrip('/')}/" if prefix else ""
