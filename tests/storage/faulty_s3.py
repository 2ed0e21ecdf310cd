"""An S3 store on a misbehaving server, and the answers of a sane one."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from autodj.storage.s3 import S3Config, S3Storage, S3Timing, open_s3
from tests.storage.faults import Answer, FaultServer, answering, served

BODY = b"0123456789" * 1000
CHECKSUM = base64.b64encode(hashlib.sha256(BODY).digest()).decode()
DATED: dict[str, Any] = {"Last_Modified": "Sat, 21 Nov 2026 12:00:00 GMT", "ETag": '"e"'}
WHOLE = answering("200 OK", BODY, **DATED)
HEAD_SAME = answering("200 OK", BODY, x_amz_checksum_sha256=CHECKSUM, **DATED)
HEAD_SHORT = answering("200 OK", BODY[1:], x_amz_checksum_sha256=CHECKSUM, **DATED)
HEAD_OTHER = answering(
    "200 OK", BODY, x_amz_checksum_sha256=base64.b64encode(bytes(32)).decode(), **DATED
)
STORED = answering("200 OK", ETag='"wrong"')
VOUCHED: dict[str, Any] = {
    "ETag": '"e"',
    "Date": "Sat, 21 Nov 2026 12:00:00 GMT",
    "x_amz_checksum_sha256": CHECKSUM,
}

# A busy machine is silent for seconds now and then: who expects an answer waits long for it, and
# only who expects none, does not.
ONCE = S3Timing(connect_s=60, read_s=60, attempts=1, metadata_s=60, body_s=60)
PATIENT = replace(ONCE, attempts=3, retry_delay_s=0.01)
HASTY = S3Timing(
    connect_s=0.5, read_s=0.3, attempts=1, metadata_s=2, body_s=1, body_bytes_per_s=10**7
)


@asynccontextmanager
async def store_on(
    *answers: Answer, timing: S3Timing = ONCE
) -> AsyncIterator[tuple[S3Storage, FaultServer]]:
    server = FaultServer(*answers)
    async with served(server) as endpoint:
        config = S3Config(
            "bucket-of-faults",
            "us-east-1",
            endpoint,
            "p",
            "key",
            "secret",
            expected_bucket_owner="123456789012",
            path_style=True,
            timing=timing,
        )
        async with open_s3(config) as store:
            yield store, server
