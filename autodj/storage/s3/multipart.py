"""Large objects, sent in parts side by side.

The parts are hashed in order, off the event loop, while those before them are on their way. S3
checks the CRC-32 of each part, and at the end that of the whole. Our own SHA-256 of the whole has
to be the expected one before the parts are put together.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import structlog

from autodj.errors import (
    AutodjError,
    IntegrityFault,
    ObjectNotFound,
    PreconditionFailed,
    StoreCredentials,
    StoreError,
    UploadGone,
)
from autodj.storage.base import ByteRange, Progress
from autodj.storage.metadata import SHA256_NOTE
from autodj.storage.s3 import crc32, parts, uploads
from autodj.storage.s3.bucket import S3Bucket
from autodj.storage.s3.faults import required, store_errors
from autodj.storage.s3.groups import Lanes, side_by_side
from autodj.storage.s3.retrying import passes
from autodj.storage.s3.sections import FillAt, body_of, crc32_of
from autodj.storage.s3.uploads import KnownPart, StartedUpload, latest_of
from autodj.storage.s3.vouching import with_note

log = structlog.get_logger(__name__)

# Below this size, sending it all again is quicker than asking what is there.
RESUMABLE_BYTES: Final = 32 * 1024**2
# The share of its time that a part may take for those after it to go side by side.
WELL_IN_TIME: Final = 0.5

_CONDITIONS: Final = ("IfMatch", "IfNoneMatch")


@dataclass(frozen=True, slots=True)
class Content:
    """What is to be stored, ``sha256`` in hex."""

    fill_at: FillAt
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Order:
    """How it is to be stored: what describes the object, and on what condition (IfMatch,
    IfNoneMatch) it is made, as S3 names them.
    """

    key: str
    written: Mapping[str, Any] = field(default_factory=dict)
    condition: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Sent:
    number: int
    etag: str
    crc: int
    length: int
    took_s: float | None = None


class Uploader:
    """Uploads to one bucket; what they have under way together is bounded."""

    def __init__(self, bucket: S3Bucket) -> None:
        self._bucket = bucket
        self._client = bucket.client
        self._timing = bucket.config.timing
        self._transfers = bucket.config.transfers
        self._budget = bucket.in_flight

    async def upload(
        self, order: Order, content: Content, progress: Progress | None = None
    ) -> Mapping[str, Any]:
        """Create the object and give S3's answer; PreconditionFailed when the condition does
        not hold. ``progress`` hears the bytes that have arrived so far.

        What an upload of the same content that broke off has left is used, where the key names
        the content. Its parts go one at a time then, until one has shown that the line is quick
        enough for more: on a slow one none of them would ever arrive in time side by side.
        Whatever fails for good is aborted; what may pass is left for the next try.
        """
        large = content.size_bytes >= RESUMABLE_BYTES
        resumable = large and content.sha256 in order.key
        within_s = self._timing.body_deadline_s(content.size_bytes)
        async with store_errors(f"upload {order.key}", within_s):
            if large and order.condition.get("IfNoneMatch"):
                await self._refuse_taken(order.key)
            before = await self._started_before(order.key) if resumable else None
            started = before or await self._begin(order, content)
            lanes = Lanes(self._transfers.parallel_parts, narrow=before is not None)
            try:
                sent = await self._send_all(order.key, content, started, lanes, progress)
                return await self._complete(order, content, started, sent)
            except BaseException as error:
                if not (resumable and _may_go_on(error)):
                    await uploads.abort(self._bucket, order.key, started.upload_id)
                raise

    async def _refuse_taken(self, key: str) -> None:
        """Now, not after everything was sent. Whatever else is wrong, the upload will tell."""
        with suppress(ObjectNotFound):
            await self._bucket.head(key)
            raise PreconditionFailed(f"{key} is taken.")

    async def _started_before(self, key: str) -> StartedUpload | None:
        try:
            started = await latest_of(self._bucket, key)
        except StoreError as error:
            # Listing uploads is a permission of its own, not offered everywhere, and a convenience.
            if passes(type(error)):
                raise
            return None
        if started is not None:
            log.info("upload_resumed", key=key, parts=len(started.parts))
        return started

    async def _begin(self, order: Order, content: Content) -> StartedUpload:
        metadata = with_note(order.written.get("Metadata", {}), {SHA256_NOTE: content.sha256})
        how = {**order.written, "Metadata": metadata, **uploads.CHECKED}
        return StartedUpload(await uploads.begin(self._bucket, order.key, how))

    async def _send_all(
        self,
        key: str,
        content: Content,
        started: StartedUpload,
        lanes: Lanes,
        progress: Progress | None,
    ) -> Sequence[_Sent]:
        """Every part, in order; IntegrityFault when together they are not what was promised."""
        size_bytes = content.size_bytes
        cut = parts.ranges(size_bytes, parts.part_bytes(size_bytes, self._transfers.part_bytes))
        digest = hashlib.sha256()
        arrived_bytes = 0

        def over(piece: ByteRange, task: asyncio.Task[_Sent]) -> None:
            nonlocal arrived_bytes
            self._budget.give(piece.length)
            lanes.leave()
            if not task.cancelled() and task.exception() is None:
                if self._was_quick(task.result()):
                    lanes.widen()
                arrived_bytes += piece.length
                if progress is not None:
                    progress(arrived_bytes)

        async with side_by_side() as group:
            tasks = []
            for number, piece in enumerate(cut, 1):
                await lanes.enter()
                await self._budget.take(piece.length)
                crc = await self._hashed(content, piece, digest.update)
                task = group.create_task(
                    self._send(key, started, content.fill_at, number, piece, crc)
                )
                task.add_done_callback(partial(over, piece))
                tasks.append(task)
        if digest.hexdigest() != content.sha256:
            raise IntegrityFault(f"What was read for {key} has another hash.")
        return [task.result() for task in tasks]

    async def _hashed(
        self, content: Content, piece: ByteRange, update: Callable[[memoryview], object]
    ) -> int:
        try:
            return await asyncio.to_thread(crc32_of, content.fill_at, piece, update)
        except BaseException:
            self._budget.give(piece.length)
            raise

    async def _send(
        self,
        key: str,
        started: StartedUpload,
        fill_at: FillAt,
        number: int,
        piece: ByteRange,
        crc: int,
    ) -> _Sent:
        known = started.parts.get(number)
        if known is not None and await _is_there(known, fill_at, piece, crc):
            return _Sent(number, known.etag, crc, piece.length)
        doing = f"UploadPart {number} of {key}"
        began_s = time.monotonic()
        async with store_errors(doing, self._deadline_s(piece.length)):
            answer = await self._client.upload_part(
                **self._bucket.readable(key),
                UploadId=started.upload_id,
                PartNumber=number,
                Body=body_of(fill_at, piece),
                ContentLength=piece.length,
                ChecksumCRC32=crc32.as_header(crc),
            )
        if answer.get("ChecksumCRC32", crc32.as_header(crc)) != crc32.as_header(crc):
            raise IntegrityFault(f"{doing}: the store has other bytes.")
        took_s = time.monotonic() - began_s
        return _Sent(number, required(answer, "ETag", doing), crc, piece.length, took_s)

    def _deadline_s(self, part_bytes: int) -> float:
        """The parts beside it have their share of the line."""
        return self._timing.body_deadline_s(part_bytes * self._transfers.parallel_parts)

    def _was_quick(self, sent: _Sent) -> bool:
        """Whether as many as may go side by side would arrive well in time."""
        if sent.took_s is None:
            return False
        together_s = sent.took_s * self._transfers.parallel_parts
        return together_s <= WELL_IN_TIME * self._deadline_s(sent.length)

    async def _complete(
        self, order: Order, content: Content, started: StartedUpload, sent: Sequence[_Sent]
    ) -> Mapping[str, Any]:
        doing = f"CompleteMultipartUpload {order.key}"
        whole = crc32.as_header(crc32.whole((each.crc, each.length) for each in sent))
        try:
            async with store_errors(doing, self._timing.body_deadline_s(content.size_bytes)):
                answer: Mapping[str, Any] = await self._client.complete_multipart_upload(
                    **self._bucket.readable(order.key),
                    **order.condition,
                    UploadId=started.upload_id,
                    MultipartUpload={"Parts": _named(sent)},
                    ChecksumCRC32=whole,
                    ChecksumType="FULL_OBJECT",
                    MpuObjectSize=content.size_bytes,
                )
        except UploadGone as gone:
            # Also what a repetition meets whose first answer was lost: then the object is there.
            raise PreconditionFailed(gone.detail) from gone
        if answer.get("ChecksumCRC32", whole) != whole:
            raise IntegrityFault(f"{doing}: the store has other bytes.")
        return answer


def order_of(key: str, how: Mapping[str, Any]) -> Order:
    """The parameters of a PutObject, sorted."""
    condition = {name: how[name] for name in _CONDITIONS if name in how}
    return Order(key, {name: how[name] for name in how if name not in condition}, condition)


def _named(sent: Sequence[_Sent]) -> Any:  # noqa: ANN401 - as S3 types it
    return [
        {"PartNumber": each.number, "ETag": each.etag, "ChecksumCRC32": crc32.as_header(each.crc)}
        for each in sent
    ]


def _may_go_on(error: BaseException) -> bool:
    """Whether the parts that are there may serve the next try."""
    if isinstance(error, AutodjError):
        return passes(type(error)) or isinstance(error, StoreCredentials)  # those run out
    return isinstance(error, asyncio.CancelledError)


async def _is_there(known: KnownPart, fill_at: FillAt, piece: ByteRange, crc: int) -> bool:
    if known.size_bytes != piece.length:
        return False
    if known.crc32 is not None:
        return known.crc32 == crc32.as_header(crc)
    md5 = hashlib.md5(usedforsecurity=False)
    await asyncio.to_thread(crc32_of, fill_at, piece, md5.update)
    return known.etag.strip('"') == md5.hexdigest()
