"""Parts of the service that are not there at the moment."""

from __future__ import annotations

from autodj.errors.base import AutodjError


class Unavailable(AutodjError):
    status = 503
    code = "unavailable"
    title = "This cannot be served at the moment"
    hint = "Try again after the seconds in Retry-After."
    transient = True

    def __init__(self, detail: str = "", *, retry_after_s: int = 5) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after_s)})


class DatabaseUnavailable(Unavailable):
    code = "database_unavailable"
    title = "The database does not answer"


class BrokerUnavailable(Unavailable):
    """Work is not lost without the broker, only found later."""

    code = "broker_unavailable"
    title = "The broker of the workers does not answer"
    hint = "Check REDIS_URL; new work waits in the database until the broker is back."


class SourceUnreadable(Unavailable):
    """The row names a source whose bytes cannot be read; an alarm, never a 404."""

    code = "source_unreadable"
    title = "The track's bytes cannot be read now"


class DiskFull(AutodjError):
    status = 507
    code = "disk_full"
    title = "There is no room left to store this"
    hint = "Free space under the data directory, then send it again."
    transient = True
