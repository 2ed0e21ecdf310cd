"""Environment to frozen settings; every fault is collected, then told at once."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from dotenv import dotenv_values

from autodj.errors import SettingsError
from autodj.settings.baskets import Baskets
from autodj.settings.catalogue import SETTINGS, Setting
from autodj.settings.model import (
    PAUSE_GRACE_S,
    CdnSettings,
    LimitSettings,
    RenditionSettings,
    Settings,
    WorkerSettings,
)
from autodj.settings.parsers import Retention
from autodj.settings.s3 import S3Settings
from autodj.settings.storage import Base, baskets_without_file
from autodj.settings.storage_file import with_baskets, with_storage_file

SAMPLE_VALUE = re.compile(
    r"(your|my|example|sample)[-_ ].*|.*EXAMPLE(KEY)?|plugs-bucket", re.DOTALL
)
Faults = dict[str, str]
LOOPBACK = {"127.0.0.1", "localhost", "::1"}


def from_environment() -> Settings:
    """Settings of this process: the environment, over a ``.env`` file in the working folder."""
    return load(environment())


def environment() -> dict[str, str]:
    file = {name: value for name, value in dotenv_values(".env").items() if value is not None}
    return {**file, **os.environ}  # noqa: TID251 - the one place that reads it


def load(environ: Mapping[str, str]) -> Settings:
    """Parse, cross-check and freeze. SettingsError lists every fault; no value is printed."""
    faults: Faults = {}
    values = {setting.name: _read(setting, environ, faults) for setting in SETTINGS}
    settings = _build(values)
    settings = _with_storage_file(settings, values["STORAGE_CONFIG"], environ, faults)
    for name, fault in (
        *_storage_faults(settings),
        *_encryption_faults(settings.s3),
        *_production_faults(settings),
    ):
        faults.setdefault(name, f"{name} {fault}")
    if faults:
        raise SettingsError([*faults.values()])
    return settings


def storage_base(environ: Mapping[str, str]) -> Base:
    """What the environment says of stores, for those who use no more of it than that."""
    faults: Faults = {}
    wanted = ("S3_", "AWS_", "AUTODJ_DATA_DIR", "AUTODJ_ENV", "MEDIA_ROOT", "FILE_STORAGE_TYPE")
    chosen = {s.name: environ if s.name.startswith(wanted) else {} for s in SETTINGS}
    ignored: Faults = {}
    values = {
        s.name: _read(s, chosen[s.name], faults if chosen[s.name] is environ else ignored)
        for s in SETTINGS
    }
    if faults:
        raise SettingsError([*faults.values()])
    return base_of(_build(values))


def base_of(settings: Settings) -> Base:
    return Base(settings.s3, settings.media_root, settings.publish_to, settings.production)


def database_url(environ: Mapping[str, str]) -> str:
    """The database alone, for the release process: it needs no other setting."""
    wanted = {"DATABASE_URL", "AUTODJ_DATA_DIR"}
    faults: Faults = {}
    values = {s.name: _read(s, environ, faults) for s in SETTINGS if s.name in wanted}
    if faults:
        raise SettingsError([*faults.values()])
    return _database_url(values["DATABASE_URL"], cast("Path", values["AUTODJ_DATA_DIR"]))


def data_dir(environ: Mapping[str, str]) -> Path:
    """The data folder alone, for commands that look for a running server."""
    faults: Faults = {}
    [setting] = [s for s in SETTINGS if s.name == "AUTODJ_DATA_DIR"]
    found = cast("Path", _read(setting, environ, faults))
    if faults:
        raise SettingsError([*faults.values()])
    return found


def _read(setting: Setting, environ: Mapping[str, str], faults: Faults) -> object:
    given = {name: environ[name].strip() for name in setting.names if environ.get(name, "").strip()}
    name, text = next(iter(given.items()), (setting.name, setting.default))
    if len(set(given.values())) > 1:
        fault = f"{' and '.join(given)} disagree; set one of them"
    elif SAMPLE_VALUE.fullmatch(text):
        fault = f"{name} still holds a sample value"
    else:
        try:
            return setting.parse(text)
        except ValueError as error:
            fault = f"{name} {error}"
    faults[setting.name] = fault
    return setting.parse(setting.default) if setting.default else None


def _with_storage_file(
    settings: Settings, file: object, environ: Mapping[str, str], faults: Faults
) -> Settings:
    if file is None:
        return with_baskets(settings, baskets_without_file(base_of(settings)))
    told: list[str] = []
    settings = with_storage_file(settings, cast("Path", file), environ, told)
    for fault in told:
        faults.setdefault(f"STORAGE_CONFIG {fault}", fault)
    return settings


def _build(values: dict[str, object]) -> Settings:
    v = values
    data_dir = cast("Path", v["AUTODJ_DATA_DIR"])
    production = v["AUTODJ_ENV"] == "production"
    role = cast("bool", v["S3_USE_IAM_ROLE"])
    return Settings(
        production=production,
        secret=cast("str", v["AUTODJ_SECRET"]),
        public_url=cast("str", v["AUTODJ_PUBLIC_URL"]),
        data_dir=data_dir,
        log_level=cast("str", v["LOG_LEVEL"]),
        log_format=cast("str", v["LOG_FORMAT"]),
        database_url=_database_url(v["DATABASE_URL"], data_dir),
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
        s3=S3Settings(
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
        ),
        cdn=CdnSettings(
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
        ),
        limits=LimitSettings(
            max_track_bytes=cast("int", v["MAX_TRACK_BYTES"]),
            max_track_duration_s=cast("int", v["MAX_TRACK_DURATION_S"]),
            max_file_bytes=cast("int", v["MAX_FILE_SIZE"]),
            document_prefix=_slashed(cast("str", v["AWS_S3_PROJECT_PREFIX"])),
            fetch_total_s=cast("int", v["FETCH_TOTAL_S"]),
            fetch_allow_private=cast("bool", v["FETCH_ALLOW_PRIVATE"]),
        ),
        worker=WorkerSettings(
            jobs=cast("int", v["WORKER_JOBS"]),
            analysis_timeout_s=cast("int", v["ANALYSIS_TIMEOUT_S"]),
            job_timeout_s=cast("int", v["JOB_TIMEOUT_S"]),
            reanalysis_at_once=cast("int", v["REANALYSIS_AT_ONCE"]),
        ),
        renditions=RenditionSettings(
            mode=cast("str", v["RENDITIONS"]),
            format=cast("str", v["RENDITION_FORMAT"]),
            bit_rate_bps=cast("int", v["RENDITION_BITRATE_BPS"]),
            lossless=cast("bool", v["RENDITION_LOSSLESS"]),
            preview_s=cast("int", v["PREVIEW_S"]),
            preview_bit_rate_bps=cast("int", v["PREVIEW_BITRATE_BPS"]),
            timeout_s=cast("int", v["RENDER_TIMEOUT_S"]),
        ),
        baskets=Baskets({}),  # known when all of this is
    )


def _slashed(prefix: str | None) -> str:
    return f"{prefix.rstrip('/')}/" if prefix else ""


def _database_url(given: object, data_dir: Path) -> str:
    return str(given) if given else f"sqlite+aiosqlite:///{data_dir / 'autodj.db'}"


def _storage_faults(settings: Settings) -> Iterator[tuple[str, str]]:
    s3, cdn = settings.s3, settings.cdn
    if settings.publish_to == "s3" and not s3.bucket:
        yield "S3_BUCKET_NAME", "is missing, and FILE_STORAGE_TYPE is s3"
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


def _production_faults(settings: Settings) -> Iterator[tuple[str, str]]:
    for name, url in (
        ("S3_ENDPOINT_URL", settings.s3.endpoint_url),
        ("AWS_ENDPOINT_URL_STS", settings.s3.sts_endpoint_url),
        ("CLOUDFRONT_DOMAIN", settings.cdn.origin),
        ("AUTODJ_PUBLIC_URL", settings.public_url),
    ):
        if url is None or url.startswith("https://"):
            continue
        if settings.production:
            yield name, "must be https in production"
        elif name != "AUTODJ_PUBLIC_URL" and not _is_loopback(url):
            yield name, "may be plain http only on this machine"
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


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host in LOOPBACK or host.endswith(".localhost")
