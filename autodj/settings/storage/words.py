"""The words of the storage section: what each sets, and how its text is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from autodj.settings import addresses, parsers
from autodj.settings.baskets import STORAGE_CLASSES

Readers = Mapping[str, tuple[str, Callable[[str], object]]]
"""By word: the name of the field that it sets, and its reader."""

TYPES: Final = {"local": "local", "filesystem": "local", "s3": "s3"}


def _key_prefix(text: str) -> str:
    return parsers.key_prefix(text.removeprefix("/"))


S3: Final[Readers] = {
    "bucket": ("bucket", parsers.bucket_name),
    "region": ("region", parsers.aws_region),
    "prefix": ("prefix", _key_prefix),
    "access_key": ("access_key", str),
    "secret_key": ("secret_key", str),
    "session_token": ("session_token", str),
    "profile": ("profile", parsers.aws_profile),
    "role_arn": ("role_arn", parsers.matching(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/.+", "an ARN")),
    "use_iam_role": ("use_iam_role", parsers.boolean),
    "endpoint_url": ("endpoint_url", addresses.http_url),
    "path_style": ("path_style", parsers.boolean),
    "expected_bucket_owner": ("expected_bucket_owner", parsers.aws_account),
    "max_connections": ("max_connections", parsers.whole(1, 1000)),
    "multipart_threshold": ("multipart_bytes", parsers.whole(5 * 1024**2, 5 * 1024**3)),
    "max_retries": ("max_retries", parsers.whole(0, 10)),
    "retry_delay": ("retry_delay_s", parsers.decimal(0, 20)),
    "connect_timeout": ("connect_timeout_s", parsers.decimal(0.1, 60)),
    "read_timeout": ("read_timeout_s", parsers.decimal(0.1, 300)),
}
BASKET: Final[Readers] = {
    "storage_class": ("storage_class", parsers.one_of(*STORAGE_CLASSES)),
    "cdn_domain": ("cdn_origin", addresses.cdn_origin),
    "versioning": ("versioning", parsers.boolean),
    "retention_days": ("retention_days", parsers.whole(1, 36500)),
    "max_object_bytes": ("max_object_bytes", parsers.whole(1, 5 * 1024**4)),
    "compress_above_bytes": ("compress_above_bytes", parsers.whole(0, 1024**3)),
    "images": ("images", parsers.one_of("keep", "reencode")),
    "image_format": ("image_format", parsers.one_of("jpeg", "webp")),
    "image_side_px": ("image_side_px", parsers.whole(16, 10_000)),
    "rendition_format": ("rendition_format", parsers.one_of("aac", "mp3")),
    "rendition_bitrate_bps": ("rendition_bit_rate_bps", parsers.whole(32_000, 320_000)),
}
LOCAL: Final[Readers] = {
    "root": ("root", parsers.absolute_path),
    "path": ("root", parsers.absolute_path),
}
ENCRYPTION: Final[Readers] = {
    "kms_key_id": ("kms_key_id", str),
    "bucket_key": ("bucket_key", parsers.boolean),
    "customer_key": ("customer_key", parsers.key_of_32_bytes),
}
OF_S3: Final = (*S3, *BASKET, "encryption")
OF_LOCAL: Final = (*LOCAL, *BASKET)
