"""What an S3 store needs to be told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class S3Timing:
    """How long and how often to try.

    A request as a whole, its repetitions included, may take ``metadata_s``; one that carries a
    body ``body_s`` plus the time its bytes need at ``body_bytes_per_s``.
    """

    connect_s: float = 3
    read_s: float = 10
    attempts: int = 3
    metadata_s: float = 30
    body_s: float = 60
    body_bytes_per_s: int = 256 * 1024

    def body_deadline_s(self, size_bytes: int) -> float:
        return self.body_s + size_bytes / self.body_bytes_per_s


@dataclass(frozen=True, slots=True)
class S3Config:
    """One bucket and how to reach it.

    ``prefix`` goes before every key and never appears in the port. ``endpoint_url`` is for
    servers other than AWS. Without ``access_key`` the credentials come from the profile or
    role of the machine (never from the environment, which only the settings read).
    """

    bucket: str
    region: str
    endpoint_url: str | None = None
    prefix: str = ""
    access_key: str | None = field(default=None, repr=False)
    secret_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    expected_bucket_owner: str | None = None
    path_style: bool = False
    sse: Literal["AES256"] | None = None
    max_connections: int = 32
    timing: S3Timing = S3Timing()

    def object_name(self, key: str) -> str:
        """The name in the bucket of the object with this key."""
        return f"{self.key_prefix}{key}"

    @property
    def key_prefix(self) -> str:
        """Empty, or the prefix with one slash at its end."""
        prefix = self.prefix.strip("/")
        return f"{prefix}/" if prefix else ""
