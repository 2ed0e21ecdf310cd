"""uvicorn's HTTP/1.1 connection, which a client can neither hold open nor overfill."""

from __future__ import annotations

import asyncio
import re
from typing import Any, Final

import httptools
import structlog
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from autodj.guard.heads import head_fault
from autodj.guard.outlet import Outlet, bound_kernel, cut, waiting_bytes
from autodj.guard.pace import Receiving, Sending
from autodj.guard.refusals import (
    FLOODED,
    HEADERS_TOO_LARGE,
    MALFORMED,
    METHOD,
    PIPELINED,
    TARGET_TOO_LONG,
    TOO_MANY,
    Refusal,
)
from autodj.guard.watch import Guard

log = structlog.get_logger("autodj.guard")

STATE_KEY: Final = "guard"
# What a line costs beside its name and value: colon, space and line end.
_LINE_BYTES: Final = 4
_METHOD: Final = re.compile(rb"[A-Za-z-]{1,32} ")


class _RefusedError(Exception):
    """Raised inside the parser, which ends there."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal


class GuardedProtocol(HttpToolsProtocol):
    """Give it to uvicorn as ``http``.

    The guard with the limits is the argument, or else what the application's lifespan yields as
    ``guard``, or else one with the default limits. WebSockets and other upgrades are not
    offered.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        guard: Guard | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._guard: Guard = guard or app_state.setdefault(STATE_KEY, Guard())
        self._limits = self._guard.limits
        self._receiving = Receiving(head_since_s=self.loop.time())
        self._sending = Sending()
        self._deaf = False
        self._linger_until_s: float | None = None
        self._linger_bytes = self._limits.linger_bytes
        self._header_bytes = 0

    # The connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's own
        super().connection_made(transport)
        self._outlet = Outlet(transport, self.loop, self._sending, self._finish)
        bound_kernel(transport)
        self._guard.join(self)
        if self._guard.is_full:
            self._refuse(FLOODED if self._guard.is_flooded else TOO_MANY)

    def connection_lost(self, exc: Exception | None) -> None:
        self._guard.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            self._hear_past(len(data))
            return
        self._unset_keepalive_if_required()
        self._receiving.came(len(data), self.loop.time())
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # Answered as if nobody had asked for it; what follows is of no protocol we speak.
            self._hear_no_more()
        except httptools.HttpParserError as error:
            self._refuse(_refusal_of(error, data))
        else:
            self._require_bounded_head()

    def eof_received(self) -> None:
        self._outlet.flush()

    def shutdown(self) -> None:
        self._outlet.flush()
        if self._linger_until_s is None:
            super().shutdown()

    def look(self, now_s: float, since_s: float) -> None:
        """End what is overdue; the guard's timer calls it."""
        self._sending.look(waiting_bytes(self.transport), now_s)
        refusal = self._sending.overdue(self._limits, now_s)
        if refusal is not None:
            self._guard.count(refusal)
            cut(self.transport)
        elif self._linger_until_s is not None:
            if now_s >= self._linger_until_s:
                self.transport.close()
        elif not self._deaf and not self.transport.is_closing():
            self._look_at_request(now_s, since_s)

    def _look_at_request(self, now_s: float, since_s: float) -> None:
        if self._keeps_waiting():
            self._receiving.excuse(since_s)
            return
        refusal = self._receiving.overdue(self._limits, now_s)
        if refusal is not None:
            self._refuse(refusal)

    # The parser

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._header_bytes = 0
        self._receiving.head_began(self.loop.time())

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > self._limits.max_target_bytes:
            raise _RefusedError(TARGET_TOO_LONG)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_bytes += len(name) + len(value) + _LINE_BYTES
        too_many = len(self.headers) >= self._limits.max_headers
        if too_many or self._header_bytes > self._limits.max_header_bytes:
            raise _RefusedError(HEADERS_TOO_LARGE)
        if self._receiving.body_since_s is None:
            super().on_header(name, value)
        # A trailer is no header (RFC 9110 6.5.1): it could claim what was checked before.

    def on_headers_complete(self) -> None:
        version, method = self.parser.get_http_version(), self.parser.get_method()
        refusal = head_fault(version, method, self.headers, is_upgrade=self.parser.should_upgrade())
        if refusal is None and len(self.pipeline) >= self._limits.max_pipelined:
            refusal = PIPELINED
        if refusal is not None:
            raise _RefusedError(refusal)
        super().on_headers_complete()
        self.cycle.transport = self._outlet
        self._receiving.head_ended(self.loop.time())

    def on_body(self, body: bytes) -> None:
        self._receiving.body_came(len(body))
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._receiving.body_ended()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        if self._linger_until_s is None:
            super().on_response_complete()
        else:
            self.server_state.total_requests += 1

    def _should_upgrade(self) -> bool:
        return False

    # The end

    def _refuse(self, refusal: Refusal) -> None:
        """Say why, where somebody could understand it, and end the connection."""
        self._guard.count(refusal)
        log.debug("connection_refused", reason=refusal.reason, client=self.client)
        in_body = self._receiving.body_since_s is not None
        if self._is_answering() and not in_body:
            # The requests before this one were in order, and get their answers.
            self._hear_no_more()
            return
        told = self.cycle is not None and in_body and self.cycle.response_started
        if refusal.status is None or told or self.pipeline:
            cut(self.transport)
            return
        answer = refusal.encoded(self.server_state.default_headers)
        self._drop_request()
        self._outlet.write(answer)
        self._outlet.close()

    def _hear_no_more(self) -> None:
        self._deaf = True
        self.cycle.keep_alive = False

    def _hear_past(self, count: int) -> None:
        """Count what comes without being wanted."""
        self._linger_bytes -= count
        if self._linger_bytes < 0:
            cut(self.transport)

    def _drop_request(self) -> None:
        """Tell the handler of an unfinished request that its client is gone."""
        if self._is_answering():
            self.cycle.disconnected = True
            self.cycle.message_event.set()

    def _finish(self) -> None:
        """End the connection after what was written.

        A kernel that closes on unread bytes takes back what it has not delivered yet, so a
        request that is refused in the middle is read a little further.
        """
        receiving = self._receiving
        unread = receiving.body_since_s is not None or receiving.head_since_s is not None
        if not unread or self.transport.is_closing() or not self.transport.can_write_eof():
            self.transport.close()
            return
        self._deaf = True
        self._linger_until_s = self.loop.time() + self._limits.linger_s
        self.flow.resume_reading()
        self.transport.write_eof()

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _keeps_waiting(self) -> bool:
        """Whether the client waits for us: for its answer, or until we want more of the body."""
        if self._receiving.body_since_s is None:
            return self._is_answering()
        return self.flow.read_paused or self.cycle.waiting_for_100_continue

    def _require_bounded_head(self) -> None:
        """Refuse a header, or a trailer, that the parser would hold until it ends."""
        limits, receiving = self._limits, self._receiving
        under_way = receiving.head_since_s is not None or receiving.body_since_s is not None
        allowed = limits.max_header_bytes + limits.max_target_bytes
        if under_way and receiving.pending_bytes > allowed:
            self._refuse(HEADERS_TOO_LARGE)


def _refusal_of(error: httptools.HttpParserError, data: bytes) -> Refusal:
    if isinstance(error.__context__, _RefusedError):
        return error.__context__.refusal
    if isinstance(error, httptools.HttpParserInvalidMethodError) and _METHOD.match(data):
        return METHOD
    return MALFORMED
