"""Reading one object from S3, every byte accounted for."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from autodj.errors import (
    IntegrityFault,
    PreconditionFailed,
    RangeNotSatisfiable,
    StoreTimeout,
    StoreUnreachable,
)
from autodj.storage.base import ByteRange
from autodj.storage.checks import BodyCheck
from autodj.storage.disk import BLOCK_BYTES
from autodj.storage.limits import RANGES_AT_ONCE
from autodj.storage.pouring import Sink, pour
from autodj.storage.s3.answers import Answer
from autodj.storage.s3.bucket import require_version
from autodj.storage.s3.config import S3Timing
from autodj.storage.s3.faults import required, store_errors
from autodj.storage.s3.retrying import RetryPolicy
from autodj.storage.s3.vouching import Vouched, vouched

if TYPE_CHECKING:
    from types_aiobotocore_s3.client import S3Client

_CONTENT_RANGE: Final = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19})")


class ObjectReader:
    """One object, or a range of it, as a stream.

    A connection that breaks is taken up again where it broke, with If-Match, as often as
    ``timing.attempts`` allows. Time counts only while S3 is waited for: a slow consumer of
    the stream does not use up the deadline, a dripping server does. Whole objects are
    compared on the way with what S3 vouches for, unless ``checked`` is False.
    """

    def __init__(
        self,
        client: S3Client,
        named: Mapping[str, Any],
        byte_range: ByteRange | None,
        timing: S3Timing,
        *,
        checked: bool = True,
    ) -> None:
        self._client = client
        self._named = named
        self._doing = f"GetObject {named['Key']}"
        self._range = byte_range
        self._timing = timing
        self._retries = RetryPolicy.of(timing)
        self._check = BodyCheck()
        self._checked = checked
        self.vouched = Vouched()
        self._etag = ""
        self._response: Answer | aiohttp.ClientResponse | None = None
        self.read_bytes = 0
        self._failures = 0
        self._left_s = 0.0
        self._elsewhere_s = 0.0

    async def open(self) -> None:
        """Send the request; ObjectNotFound, RangeNotSatisfiable and so on come from here."""
        wanted = self._range
        if wanted and not 0 <= wanted.start < wanted.stop:
            raise RangeNotSatisfiable(f"{wanted} names no bytes.")
        async with store_errors(self._doing, self._timing.metadata_s):
            answer = await self._get(wanted, {} if wanted else {"ChecksumMode": "ENABLED"})
        self._etag = required(answer, "ETag", self._doing)
        if wanted is None:
            self._range = ByteRange(0, answer["ContentLength"])
            self.vouched = vouched(answer)
            if self._checked:
                self._check = BodyCheck(sha256=self.vouched.sha256, crc32=self.vouched.crc32)
        sharing = 1 if wanted is None else RANGES_AT_ONCE
        self._left_s = self._timing.body_deadline_s(self.size_bytes * sharing)

    @property
    def size_bytes(self) -> int:
        """How many bytes will come, once it is open."""
        assert self._range is not None
        return self._range.length

    async def blocks(self) -> AsyncGenerator[bytes, None]:
        while self.read_bytes < self.size_bytes:
            blocks: Sequence[bytes] = ()
            async with self._patiently(within_s=self._left_s):
                blocks = await self._next_blocks()
            for block in blocks:
                self.read_bytes += len(block)
                self._check.update(block)
                yield block
        if not self._check.holds:
            raise IntegrityFault(f"{self._doing}: the bytes that arrived are not those stored.")

    async def pour(self, sink: Sink) -> None:
        """Everything to ``sink``, in a thread, without the event loop where that is possible."""

        def take(block: bytes | memoryview) -> None:
            began_s = time.monotonic()
            self._check.update(block)
            sink(block)
            self.read_bytes += len(block)
            self._elsewhere_s += time.monotonic() - began_s

        if isinstance(self._response, Answer) and self._response.pours:
            async with self._patiently(within_s=None):
                await self._response.pour(take, self._left_s)
        await pour(self.blocks(), sink)

    def close(self) -> None:
        if self._response is not None:
            self._response.close()
            self._response = None

    @asynccontextmanager
    async def _patiently(self, *, within_s: float | None) -> AsyncGenerator[None, None]:
        """A step of reading; faults that may pass end with a pause after it, as long as there
        are time and attempts. ``within_s`` is None where the step looks at the time itself.
        """
        began_s, self._elsewhere_s = time.monotonic(), 0.0
        try:
            async with store_errors(self._doing, within_s):
                try:
                    yield
                finally:
                    self._left_s -= time.monotonic() - began_s - self._elsewhere_s
        except PreconditionFailed as error:
            raise IntegrityFault(f"{self._doing}: it changed while it was read.") from error
        except (StoreUnreachable, StoreTimeout):
            self._failures += 1
            self.close()
            if self._failures >= self._timing.attempts or self._left_s <= 0:
                raise
            await asyncio.sleep(self._retries.spread_pause_s(self._failures))

    async def _next_blocks(self) -> Sequence[bytes]:
        """What has arrived, and at least something."""
        assert self._range is not None
        missing = ByteRange(self._range.start + self.read_bytes, self._range.stop)
        if self._response is None:
            await self._get(missing, {"IfMatch": self._etag})
        match self._response:
            case Answer() as answer:
                blocks = await answer.blocks()
            case aiohttp.ClientResponse() as response:
                block = await response.content.read(min(BLOCK_BYTES, missing.length))
                blocks = [block] if block else []
        if not blocks:
            raise ConnectionError("the body ends before its length")
        return blocks

    async def _get(self, wanted: ByteRange | None, more: Mapping[str, Any]) -> Mapping[str, Any]:
        ranged: Mapping[str, Any] = (
            {"Range": f"bytes={wanted.start}-{wanted.stop - 1}"} if wanted else {}
        )
        answer: Mapping[str, Any] = await self._client.get_object(
            **{**self._named, **ranged, **more}
        )
        self._response = answer["Body"].raw_stream
        required(answer, "ContentLength", self._doing)
        require_version(answer, self._named.get("VersionId", "null"), self._doing)
        if wanted:
            self._check_range(answer, wanted)
        return answer

    def _check_range(self, answer: Mapping[str, Any], wanted: ByteRange) -> None:
        found = _CONTENT_RANGE.fullmatch(answer.get("ContentRange", ""))
        if not found:
            raise IntegrityFault(f"{self._doing}: the store ignored the range.")
        first, last, size_bytes = map(int, found.groups())
        if wanted.stop > size_bytes:
            raise RangeNotSatisfiable(f"{self._named['Key']} has {size_bytes} bytes.")
        sent = ByteRange(first, last + 1)
        if sent != wanted or answer["ContentLength"] != wanted.length:
            raise IntegrityFault(f"{self._doing}: the store sent another range.")
