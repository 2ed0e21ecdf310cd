"""TLS on a connection to an S3 server."""

from __future__ import annotations

import socket
import ssl
from concurrent.futures import Executor
from functools import partial
from typing import Any

from botocore.httpsession import get_cert_path

from autodj.storage.pouring import seen_through
from autodj.storage.s3.line import cut


def trusting(trust: Any) -> ssl.SSLContext:  # noqa: ANN401 - as the client says it
    """``trust`` is whether to, or the file of those to be trusted."""
    context = ssl.create_default_context(cafile=get_cert_path(trust) or None)
    if not trust:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    # Else whoever sends may have to read first, and the other way round.
    context.options |= ssl.OP_NO_RENEGOTIATION
    return context


async def encrypted(
    connected: socket.socket,
    context: ssl.SSLContext,
    host: str,
    threads: Executor,
    within_s: float,
) -> ssl.SSLSocket:
    """The connection once both sides agree, not waiting; ssl.SSLError when they do not. It is
    closed when anything fails.
    """
    # An end that nobody announced is a fault: somebody else may have cut what was said.
    secured = context.wrap_socket(
        connected,
        server_hostname=host,
        do_handshake_on_connect=False,
        suppress_ragged_eofs=False,
    )
    try:
        secured.settimeout(within_s)
        await seen_through(secured.do_handshake, threads, stop=partial(cut, secured))
        secured.setblocking(False)
    except BaseException:
        secured.close()
        raise
    return secured
