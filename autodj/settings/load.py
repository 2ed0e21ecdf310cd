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
from autodj.settings.catalogue import SETTINGS, Setting
from autodj.settings.model import (
    CdnSettings,
    LimitSettings,
    S3Settings,
    Settings,
    WorkerSettings,
)
from autodj.settings.parsers import Retention

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
    settings = _build({setting.name: _read(setting, environ, faults) for setting in SETTINGS})
    for name, fault in (*_storage_faults(settings), *_production_faults(settings)):
        faults.setdefault(name, f"{name} {fault}")
    if faults:
        raise SettingsError([*faults.values()])
    return settings


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
        s3=S3Settings(
            bucket=cast("str | None", v["S3_BUCKET_NAME"]),
            region=cast("str", v["AWS_REGION"]),
            access_key=None if role else cast("str", v["AWS_ACCESS_KEY_ID"]) or None,
            secret_key=None if role else cast("str", v["AWS_SECRET_ACCESS_KEY"]) or None,
            session_token=None if role else cast("str", v["AWS_SESSION_TOKEN"]) or None,
            use_iam_role=role,
            endpoint_url=cast("str | None", v["S3_ENDPOINT_URL"]),
            prefix=_slashed(cast("str | None", v["S3_PREFIX"])),
            expected_bucket_owner=cast("str | None", v["S3_EXPECTED_BUCKET_OWNER"]),
            sse=None if v["S3_SSE"] == "none" else "AES256",
            path_style=cast("bool", v["S3_PATH_STYLE"]),
            max_connections=cast("int", v["S3_MAX_CONNECTIONS"]),
        ),
        cdn=CdnSettings(
            origin=cast("str | None", v["CLOUDFRONT_DOMAIN"]),
            key_pair_id=cast("str | None", v["CLOUDFRONT_KEY_PAIR_ID"]),
            private_key=cast("str | None", v["CLOUDFRONT_PRIVATE_KEY"]),
            hash=cast("str", v["CLOUDFRONT_HASH"]),
            link_ttl_s=cast("int", v["LINK_TTL_S"]),
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
        ),
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


def _production_faults(settings: Settings) -> Iterator[tuple[str, str]]:
    for name, url in (
        ("S3_ENDPOINT_URL", settings.s3.endpoint_url),
        ("CLOUDFRONT_DOMAIN", settings.cdn.origin),
        ("AUTODJ_PUBLIC_URL", settings.public_url),
    ):
        if url is None or url.startswith("https://"):
            continue
        if settings.production:
            yield name, "must be https in production"
        elif name != "AUTODJ_PUBLIC_URL" and not _is_loopback(url):
            yield name, "may be plain http only on this machine"
    if settings.production and settings.limits.fetch_allow_private:
        yield "FETCH_ALLOW_PRIVATE", "must be false in production"


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host in LOOPBACK or host.endswith(".localhost")
