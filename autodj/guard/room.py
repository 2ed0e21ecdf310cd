"""Descriptors for as many connections as the settings allow."""

from __future__ import annotations

import resource
from typing import Final

import structlog

from autodj.errors import SettingsError

log = structlog.get_logger("autodj.guard")

# The database, the stores, logs, and files that are being sent or received.
_OTHER_DESCRIPTORS: Final = 1024


def make_room(max_connections: int) -> None:
    """Raise the limit of open files for this many connections, as far as the system lets us.

    A connection may need a second descriptor, for the file it sends or receives. A warning is
    logged when there is less room than that, and SettingsError raised when there is not even
    one for each.
    """
    wanted = 2 * max_connections + _OTHER_DESCRIPTORS
    allowed = _raised_limit(wanted)
    if allowed >= wanted:
        return
    least = max_connections + _OTHER_DESCRIPTORS
    if allowed < least:
        fault = (
            f"MAX_CONNECTIONS={max_connections} needs {least} open files and the system allows "
            f"{allowed}: raise its limit (ulimit -n, LimitNOFILE) or lower the setting"
        )
        raise SettingsError([fault])
    log.warning("few_descriptors", allowed=allowed, wanted=wanted, max_connections=max_connections)


def _raised_limit(wanted: int) -> int:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if resource.RLIM_INFINITY in {soft, hard}:
        hard = wanted if hard == resource.RLIM_INFINITY else hard
        soft = wanted if soft == resource.RLIM_INFINITY else soft
    if soft >= wanted:
        return soft
    reachable = min(wanted, hard)
    try:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (reachable, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        )
    except (OSError, ValueError):
        # Some systems have a lower bound that they do not tell.
        return soft
    return reachable
