"""The edge as an ASGI application: one request from its signature to its line in the log."""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import structlog
from starlette.types import Receive, Scope, Send

from autodj.cdn.headers import DELIVERY_HEADERS
from autodj.errors import LinkRefused, StoreError
from autodj.laptop.edge import answers
from autodj.laptop.edge.access_log import Entry
from autodj.laptop.edge.answers import Answer
from autodj.laptop.edge.cache import DiskCache
from autodj.laptop.edge.copies import Copies
from autodj.laptop.edge.distribution import Distribution
from autodj.laptop.edge.head import Found
from autodj.laptop.edge.origin import Origin, OriginAnswer
from autodj.laptop.edge.selection import first_byte, select
from autodj.laptop.edge.sending import Sending
from autodj.laptop.edge.viewer import Admit, Viewer, admission, cached_by_path
from autodj.storage.base import ByteRange

# As the client of the origin read them: what is not UTF-8 goes out as it came in.
ODD: Final = "surrogateescape"

log = structlog.get_logger("autodj.edge")

_POLICY: Final = {name.lower(): value for name, value in DELIVERY_HEADERS.items()}


class Edge:
    """A distribution in front of ``origin``; ``now`` gives POSIX seconds.

    ``admit`` raises LinkRefused for a viewer who may not have what they ask for, ``cache_key``
    says which requests share a copy, and ``note`` gets an entry of the access log per answer.
    """

    def __init__(
        self,
        distribution: Distribution,
        origin: Origin,
        cache: DiskCache,
        *,
        now: Callable[[], float] = time.time,
        admit: Admit | None = None,
        cache_key: Callable[[Viewer], str] = cached_by_path,
        note: Callable[[Entry], None] | None = None,
    ) -> None:
        self._distribution = distribution
        self._now = now
        self._admit = admit or admission(distribution, now)
        self._cache_key = cache_key
        self._note = note
        self.copies = Copies(origin, cache, distribution.cache, now)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        viewer, sending = Viewer.of(scope), Sending(time.monotonic())
        answer = await self._answer(viewer)
        headers = self._headers(answer)
        raw = [(name.encode(), text.encode("utf-8", ODD)) for name, text in headers.items()]
        try:
            await sending.send(
                answer, raw, head_only=viewer.method == "HEAD", receive=receive, send=send
            )
        finally:
            if self._note is not None:
                self._note(self._entry(viewer, answer, headers, sending))

    async def _answer(self, viewer: Viewer) -> Answer:
        if viewer.method == "OPTIONS":
            return Answer(200, answers.PREFLIGHT, "Miss")
        if viewer.method not in {"GET", "HEAD"}:
            return answers.wrong_method()
        try:
            await self._admit(viewer)
        except LinkRefused as error:
            return answers.link_refused(error)
        if not viewer.names_an_object:
            return answers.access_denied()
        found = await self.copies.find(
            viewer.path,
            cache_key=self._cache_key(viewer),
            near=first_byte(viewer.headers.get("range")),
        )
        if isinstance(found, OriginAnswer):
            return answers.origin_refused(found)
        return await self._object(viewer, found)

    async def _object(self, viewer: Viewer, found: Found) -> Answer:
        head = found.head
        selection = select(
            viewer.headers,
            method=viewer.method,
            etag=head.etag,
            modified_at=_modified_at(head.headers),
            size_bytes=head.size_bytes,
        )
        if selection.status == 412:
            return answers.precondition_failed()
        if selection.status == 416:
            return answers.unsatisfiable(head)
        wanted = selection.part
        sends = viewer.method == "GET" and wanted.length > 0
        # Bytes that have to be fetched are a miss, also of an object that is known.
        here = not sends or self.copies.covers(found, wanted)
        result = found.result if here else "Miss"
        answer = answers.described(found, selection, result, self._now())
        return await self._with_body(answer, found, wanted) if sends else answer

    async def _with_body(self, answer: Answer, found: Found, wanted: ByteRange) -> Answer:
        stream = self.copies.read(found, wanted)
        try:
            # An origin that fails must fail before a 200 has been sent.
            first = await anext(stream)
        except StoreError as error:
            log.warning("edge_origin_failed", code=error.code, detail=error.detail)
            return answers.origin_refused(OriginAnswer(error.status, {}, b""))
        return replace(answer, stream=_rejoined(first, stream))

    def _headers(self, answer: Answer) -> dict[str, str]:
        """The object's own headers, over them those of the headers policy, and CloudFront's."""
        length = {} if answer.status == 304 else {"content-length": str(answer.length)}
        return {
            "date": answers.http_date(self._now()),
            **answer.headers,
            **length,
            **_POLICY,
            "x-cache": f"{answer.result} from cloudfront",
            "via": f"1.1 {self._distribution.id.lower()}.cloudfront.net (CloudFront)",
            "x-amz-cf-pop": self._distribution.pop,
            "x-amz-cf-id": base64.urlsafe_b64encode(secrets.token_bytes(40)).decode("ascii"),
        }

    def _entry(
        self, viewer: Viewer, answer: Answer, headers: Mapping[str, str], sending: Sending
    ) -> Entry:
        first, _, last = headers.get("content-range", "").removeprefix("bytes ").partition("-")
        partial = answer.status == 206
        fields = {
            "x-edge-location": self._distribution.pop,
            "sc-bytes": str(sending.sent_bytes),
            "c-ip": viewer.ip,
            "cs-method": viewer.method,
            "cs(Host)": f"{self._distribution.id.lower()}.cloudfront.net",
            "cs-uri-stem": viewer.path,
            "sc-status": str(answer.status) if sending.complete else "000",
            "cs(Referer)": viewer.headers.get("referer", ""),
            "cs(User-Agent)": viewer.headers.get("user-agent", ""),
            "cs-uri-query": viewer.query,
            "x-edge-result-type": answer.result,
            "x-edge-request-id": headers["x-amz-cf-id"],
            "x-host-header": viewer.host,
            "cs-protocol": viewer.scheme,
            "cs-bytes": str(viewer.size_bytes),
            "time-taken": f"{sending.taken_s:.3f}",
            "x-edge-response-result-type": answer.result,
            "cs-protocol-version": viewer.protocol,
            "c-port": str(viewer.port),
            "time-to-first-byte": f"{sending.first_byte_after_s:.3f}",
            "x-edge-detailed-result-type": answer.detail or answer.result,
            "sc-content-type": headers.get("content-type", ""),
            "sc-content-len": headers.get("content-length", ""),
            "sc-range-start": first if partial else "",
            "sc-range-end": last.partition("/")[0] if partial else "",
        }
        return Entry(self._now(), fields)


async def _rejoined(first: bytes, rest: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    async with aclosing(rest):
        yield first
        async for piece in rest:
            yield piece


def _modified_at(headers: Mapping[str, str]) -> datetime | None:
    try:
        return parsedate_to_datetime(headers["last-modified"]).astimezone(UTC)
    except (KeyError, ValueError, TypeError):
        return None
