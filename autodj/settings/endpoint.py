"""An S3 server's address does not hold the bucket, which goes into each request by itself."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

# Where a bucket's own host begins with its name. A server of one's own may be called like one.
_SERVICES: Final = re.compile(
    r"s3[.-].+|storage\.googleapis\.com"
    r"|[\w-]+\.(?:\w+\.)?r2\.cloudflarestorage\.com"
    r"|[\w-]+\.(?:digitaloceanspaces|linodeobjects|vultrobjects|your-objectstorage)\.com"
)


def fault_of_endpoint(url: str, bucket: str | None) -> str | None:
    """What is wrong with the address for this bucket; None if nothing is."""
    if not bucket:
        return None
    parts = urlsplit(url)
    if parts.path.rstrip("/").rpartition("/")[2] == bucket:
        return (
            "has the bucket as its path: end it after the host, the bucket is put there by itself"
        )
    first, found, rest = (parts.hostname or "").partition(f"{bucket}.")
    if found and not first and _SERVICES.fullmatch(rest):
        return (
            "begins with the bucket: leave it and its dot away, the bucket is put there, or with "
            "path style behind the host, by itself"
        )
    return None
