"""What must hold for the head of a request before anybody acts on it (RFC 9112)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from autodj.guard.refusals import (
    CODING,
    HOST,
    METHOD,
    OLD_VERSION,
    UPGRADE,
    VERSION,
    Refusal,
)

# reg-name, IPv4 or a bracketed address, and a port (RFC 3986 3.2.2); nothing that could end a
# header, a path or a log line.
_HOST = re.compile(rb"(?:[A-Za-z0-9._~%!$&'()*+,;=-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?")
_VERSIONS = frozenset(("1.0", "1.1"))


def head_fault(
    version: str,
    method: bytes,
    headers: Sequence[tuple[bytes, bytes]],
    *,
    is_upgrade: bool = False,
) -> Refusal | None:
    """Why the request may not be answered, or None. Header names are lower case.

    The parser has refused conflicting lengths already; what it lets through is a body whose
    end another server might see elsewhere, and what it drops is one that comes with an Upgrade.
    """
    if version not in _VERSIONS:
        return OLD_VERSION if version == "0.9" else VERSION
    if method == b"CONNECT":
        return METHOD
    codings = [value.lower() for name, value in headers if name == b"transfer-encoding"]
    if codings and (version == "1.0" or codings != [b"chunked"]):
        return CODING
    if is_upgrade and (codings or _length_of(headers) != b"0"):
        return UPGRADE
    hosts = [value for name, value in headers if name == b"host"]
    if hosts or version == "1.1":
        return None if len(hosts) == 1 and _HOST.fullmatch(hosts[0]) else HOST
    return None


def _length_of(headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    return dict(headers).get(b"content-length", b"0")
