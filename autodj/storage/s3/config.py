"""What an S3 store needs to be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from autodj.settings.encryption import Encryption


@dataclass(frozen=True, slots=True)
class S3Timing:
    """How long and how often to try.

    What passes by itself is tried ``attempts`` times in all, the first pause about
    ``retry_delay_s``, each one after it twice as long. A request as a whole, its repetitions
    included, may take ``metadata_s``; one that carries a body ``body_s`` plus the time its bytes
    need at ``body_bytes_per_s``.
    """

    connect_s: float = 3
    read_s: float = 10
    attempts: int = 4
    retry_delay_s: float = 1.0
    metadata_s: float = 30
    body_s: float = 60
    body_bytes_per_s: int = 256 * 1024

    def body_deadline_s(self, size_bytes: int) -> float:
        return self.body_s + size_bytes / self.body_bytes_per_s

    def put_deadline_s(self, size_bytes: int) -> float:
        """For the whole of a put: sent, looked at, and read back where that is needed."""
        return 2 * self.body_deadline_s(size_bytes) + 2 * self.metadata_s


@dataclass(frozen=True, slots=True)
class S3Transfers:
    """How objects of ``multipart_bytes`` and more are sent: in parts of at least ``part_bytes``,
    ``parallel_parts`` of them at a time, ``in_flight_bytes`` in all uploads of the process.
    """

    multipart_bytes: int = 5 * 1024**2
    part_bytes: int = 8 * 1024**2
    parallel_parts: int = 8
    in_flight_bytes: int = 64 * 1024**2


@dataclass(frozen=True, slots=True)
class S3Config:
    """One bucket and how to reach it.

    ``prefix`` goes before every key and never appears in the port. ``endpoint_url`` is for
    servers other than AWS; ``basket`` names the config in logs. Without ``access_key`` the
    credentials come from the profile or role of the machine (never from the environment, which
    only the settings read).
    """

    bucket: str
    region: str
    endpoint_url: str | None = None
    prefix: str = ""
    access_key: str | None = field(default=None, repr=False)
    secret_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    keys_from: Literal["config", "environment"] = "config"
    use_machine_role: bool = False
    profile: str | None = None
    role_arn: str | None = None
    role_session_name: str = "autodj"
    role_external_id: str | None = field(default=None, repr=False)
    sts_endpoint_url: str | None = None
    expected_bucket_owner: str | None = None
    path_style: bool = False
    encryption: Encryption = field(default_factory=Encryption)
    storage_class: str = "STANDARD"
    max_object_bytes: int | None = None
    max_connections: int = 32
    timing: S3Timing = S3Timing()
    transfers: S3Transfers = S3Transfers()
    basket: str = "default"

    def object_name(self, key: str) -> str:
        """The name in the bucket of the object with this key."""
        return f"{self.key_prefix}{key}"

    @property
    def key_prefix(self) -> str:
        """Empty, or the prefix with one slash at its end."""
        prefix = self.prefix.strip("/")
        return f"{prefix}/" if prefix else ""

    @property
    def addressing(self) -> Mapping[str, Any]:
        """What goes with every request about the bucket."""
        owner = self.expected_bucket_owner
        return {"Bucket": self.bucket} | ({"ExpectedBucketOwner": owner} if owner else {})

    @property
    def customer_key(self) -> Mapping[str, Any]:
        """What goes with every request for the bytes of an object (SSE-C), or nothing."""
        key = self.encryption.customer_key
        if self.encryption.type != "SSE-C" or key is None:
            return {}
        return {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": key}

    @property
    def protection(self) -> Mapping[str, Any]:
        """What goes with every request that writes an object."""
        match self.encryption.type:
            case "none":
                return {}
            case "SSE-S3":
                return {"ServerSideEncryption": "AES256"}
            case "SSE-C":
                return self.customer_key
            case "SSE-KMS":
                key_id = self.encryption.kms_key_id
                return {
                    "ServerSideEncryption": "aws:kms",
                    "BucketKeyEnabled": self.encryption.bucket_key,
                } | ({"SSEKMSKeyId": key_id} if key_id else {})
