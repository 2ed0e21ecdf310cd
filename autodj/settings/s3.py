"""How to reach one bucket, as the settings tell it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class S3Settings:
    bucket: str | None
    region: str
    access_key: str | None = field(repr=False)
    secret_key: str | None = field(repr=False)
    session_token: str | None = field(repr=False)
    use_iam_role: bool
    profile: str | None
    role_arn: str | None
    role_session_name: str
    role_external_id: str | None = field(repr=False)
    sts_endpoint_url: str | None
    endpoint_url: str | None
    prefix: str
    expected_bucket_owner: str | None
    sse: str | None
    path_style: bool
    max_connections: int
    connect_timeout_s: float
    read_timeout_s: float
    max_retries: int
    retry_delay_s: float
    multipart_bytes: int
    keys_from: Literal["config", "environment"] = "environment"
    storage_class: str = "STANDARD"
    kms_key_id: str | None = None
    customer_key: bytes | None = field(default=None, repr=False)
