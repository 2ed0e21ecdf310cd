"""How a basket's objects are encrypted at rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

EncryptionType = Literal["none", "SSE-S3", "SSE-KMS", "SSE-C"]
TYPE_BY_NAME: Final[Mapping[str, EncryptionType]] = {
    "none": "none",
    "SSE-S3": "SSE-S3",
    "AES256": "SSE-S3",
    "SSE-KMS": "SSE-KMS",
    "aws:kms": "SSE-KMS",
    "SSE-C": "SSE-C",
}
"""What people and S3 call each of them."""


@dataclass(frozen=True, slots=True)
class Encryption:
    """``kms_key_id`` and ``bucket_key`` (fewer calls to KMS) belong to SSE-KMS,
    ``customer_key`` (32 bytes, which S3 does not keep) to SSE-C.
    """

    type: EncryptionType = "none"
    kms_key_id: str | None = None
    bucket_key: bool = True
    customer_key: bytes | None = field(default=None, repr=False)
