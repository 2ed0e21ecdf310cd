"""Every error that autodj raises on purpose, as one tree.

    AutodjError
    ├── InvalidRequest          400   InvalidJson, InvalidField (422)
    ├── Unauthenticated         401
    ├── LinkRefused             403
    ├── CrossSite               403
    ├── NotFound                404
    ├── Conflict                409   ObjectExists, ObjectArchived, UploadGone
    ├── PreconditionFailed      412
    ├── TooLarge                413
    ├── UnsupportedMedia        415
    ├── RangeNotSatisfiable     416
    ├── Rejected                422   AudioRejected, PictureRejected, UrlNotAllowed, ...
    ├── TooManyRequests         429
    ├── StoreError              502   one class for each way a store fails
    ├── NotOffered              501
    ├── Unavailable             503   DatabaseUnavailable, BrokerUnavailable, SourceUnreadable
    ├── DiskFull                507
    └── SettingsError           the process refuses to start

A class fixes the HTTP status, the machine-readable code, the title, whether trying again
can help, and what a person should do next. The instance adds the detail. They are rendered
once for HTTP (RFC 9457), once for jobs and once for the command.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar


class AutodjError(Exception):
    """The root. ``detail`` is a sentence for people; ``extra`` holds further problem members."""

    status: ClassVar[int] = 500
    code: str = "internal"
    title: ClassVar[str] = "Something went wrong inside autodj"
    hint: str = "Try again; if it keeps failing, report the request id."
    transient: ClassVar[bool] = False

    def __init__(
        self,
        detail: str = "",
        *,
        hint: str | None = None,
        headers: Mapping[str, str] | None = None,
        **extra: object,
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.headers = dict(headers or {})
        self.extra = extra
        if hint is not None:
            self.hint = hint

    def problem(self) -> dict[str, object]:
        """The RFC 9457 members that do not depend on the request."""
        return {
            "type": f"urn:autodj:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "hint": self.hint,
            **self.extra,
        }


class InvalidRequest(AutodjError):
    status = 400
    code = "invalid_request"
    title = "The request is malformed"
    hint = "Compare the request with the API reference at /docs."


class InvalidJson(InvalidRequest):
    code = "invalid_json"
    title = "The body is not the JSON that this route reads"
    hint = "Send one JSON object in UTF-8, without duplicate keys, NaN or Infinity."


class InvalidField(InvalidRequest):
    """A well-formed request with a value that may not be; ``errors`` lists each one."""

    status = 422
    code = "invalid_field"
    title = "A value in the request is not allowed"
    hint = "Correct the values listed under errors."


class Unauthenticated(AutodjError):
    status = 401
    code = "unauthenticated"
    title = "Who you are could not be established"
    hint = "Send a bearer token from `autodj token`, or open the link from `autodj login`."


class LinkRefused(AutodjError):
    """A signed link that may not be used. ``code`` names why: link_missing (no signature),
    link_expired, link_not_yet, link_tampered, link_unknown_key or link_wrong_address.
    """

    status = 403
    code = "link_refused"
    title = "This link may not be used"
    hint = "Ask /audio/url for a new link."

    def __init__(self, detail: str, *, code: str) -> None:
        super().__init__(detail)
        self.code = code


class CrossSite(AutodjError):
    """A cookie came with a change that our own page did not ask for."""

    status = 403
    code = "cross_site"
    title = "This request was made by another site"
    hint = "Programs send a bearer token from `autodj token` instead of the page's cookie."


class NotFound(AutodjError):
    status = 404
    code = "not_found"
    title = "There is nothing here for you"
    hint = "Check the address; a thing that belongs to somebody else looks the same as none."


class MethodNotAllowed(AutodjError):
    status = 405
    code = "method_not_allowed"
    title = "This address does not take that method"
    hint = "The Allow header lists the methods it takes."


class Conflict(AutodjError):
    status = 409
    code = "conflict"
    title = "The request collides with what is stored"
    hint = "Read the present state, then decide again."


class ObjectExists(Conflict):
    """A create-only put met other bytes under the same object key."""

    code = "object_exists"
    title = "Other bytes are already stored under this key"


class ObjectArchived(Conflict):
    code = "object_archived"
    title = "The bytes are in an archive tier and cannot be read now"
    hint = "Restore the object (minutes to two days, by its class), then try again."


class UploadGone(Conflict):
    """A multipart upload was ended, by another writer of the same key or by a sweep."""

    code = "upload_gone"
    title = "The upload was ended by another writer"
    hint = "Send it again."
    transient = True


class PreconditionFailed(AutodjError):
    status = 412
    code = "precondition_failed"
    title = "The stored version is not the one the request names"
    hint = "Read the present version and repeat the change on it."


class TooLarge(AutodjError):
    status = 413
    code = "too_large"
    title = "The file is larger than this server takes"
    hint = "Send a smaller file or raise the limit in the settings."


class UnsupportedMedia(AutodjError):
    status = 415
    code = "unsupported_media"
    title = "This is not a kind of file that this route takes"
    hint = "Send MP3, FLAC, WAV, AIFF, CAF, WavPack, Ogg (Vorbis, Opus), AAC or M4A (AAC, ALAC)."


class RangeNotSatisfiable(AutodjError):
    status = 416
    code = "range_not_satisfiable"
    title = "The file has no such bytes"
    hint = "Content-Range says how long it is."


class Rejected(AutodjError):
    """Understood, and refused for what it contains. ``code`` names the reason."""

    status = 422
    code = "rejected"
    title = "The content cannot be accepted"
    hint = "See the detail."


class AudioRejected(Rejected):
    """The audio itself is at fault: empty, no_audio, truncated, channels, sample_rate,
    too_long, tags_too_large or undecodable.
    """

    code = "undecodable"
    title = "The audio cannot be used"
    hint = "Play the file from start to end; export it again if it stops early."

    def __init__(self, detail: str, *, code: str = "undecodable") -> None:
        super().__init__(detail)
        self.code = code


class PictureRejected(Rejected):
    """The picture itself is at fault: picture_bytes, pixels or undecodable_picture."""

    code = "undecodable_picture"
    title = "The picture cannot be used"
    hint = "Open it in a viewer; save it again as a PNG or JPEG of at most 40 megapixels."

    def __init__(self, detail: str, *, code: str = "undecodable_picture") -> None:
        super().__init__(detail)
        self.code = code


class UrlNotAllowed(Rejected):
    code = "url_not_allowed"
    title = "This URL is not fetched"
    hint = "Use http or https on port 80 or 443 to a public host, without user name."


class FetchFailed(Rejected):
    code = "fetch_failed"
    title = "The URL could not be fetched"
    hint = "Open the URL yourself; it must answer 200 with the audio within the limits."


class KeyReused(Rejected):
    code = "idempotency_key_reused"
    title = "This Idempotency-Key was used for another request"
    hint = "Use a new key for a new request."


class TooManyRequests(AutodjError):
    status = 429
    code = "too_many_requests"
    title = "Too much at once"
    hint = "Wait for the seconds in Retry-After."
    transient = True


class StoreError(AutodjError):
    """A store failed. Subclasses say how; the vendor's error is the cause."""

    status = 502
    code = "store_failed"
    title = "The object store failed"
    hint = "Run `autodj doctor`; the log holds the store's own words."


class StoreTimeout(StoreError):
    status = 504
    code = "store_timeout"
    title = "The object store did not answer in time"
    hint = "It is tried again by itself; if it stays so, check the network and the endpoint."
    transient = True


class StoreUnreachable(StoreError):
    code = "store_unreachable"
    title = "The object store cannot be reached"
    hint = "Check the network, the region and S3_ENDPOINT_URL."
    transient = True


class StoreThrottled(StoreError):
    status = 503
    code = "store_throttled"
    title = "The object store asks us to slow down"
    hint = "It is tried again by itself, more slowly; ask for less at once if it stays so."
    transient = True


class StoreFaulty(StoreError):
    """The store answered, with a fault of its own (500, 502, 504 or garbage)."""

    code = "store_faulty"
    title = "The object store reports a fault of its own"
    hint = "It is tried again by itself; if it stays so, look at the provider's status page."
    transient = True


class StoreDenied(StoreError):
    code = "store_denied"
    title = "The object store refused permission"
    hint = "The credentials need s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket."


class StoreCredentials(StoreError):
    code = "store_credentials"
    title = "The object store does not know these credentials"
    hint = "Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and the clock of this machine."


class DeleteIncomplete(StoreError):
    """Some of many objects could not be removed; ``failed`` has the error of each key."""

    code = "delete_incomplete"
    title = "Some of the objects are still there"
    hint = "Delete those named again; the others are gone."
    transient = True

    def __init__(self, failed: Mapping[str, AutodjError]) -> None:
        self.failed = dict(failed)
        first = next(iter(failed))
        super().__init__(f"{len(failed)} are left, among them {first}: {failed[first].detail}")


class BatchIncomplete(StoreError):
    """Some of many objects failed; ``failed`` has the error of each key."""

    code = "batch_incomplete"
    title = "Some of the objects could not be moved"
    hint = "Send those named again; the others are done."

    def __init__(self, failed: Mapping[str, AutodjError]) -> None:
        self.failed = dict(failed)
        told = "; ".join(f"{key}: {error.detail}" for key, error in self.failed.items())
        super().__init__(
            f"{len(self.failed)} failed: {told}",
            errors=[{"key": key, "code": error.code} for key, error in self.failed.items()],
        )


class BucketMissing(StoreError):
    code = "bucket_missing"
    title = "There is no such bucket"
    hint = "Check S3_BUCKET_NAME and the region."


class ObjectNotFound(NotFound):
    """A store holds nothing under the key."""

    code = "object_not_found"
    title = "The object is not in the store"


class IntegrityFault(StoreError):
    """Stored bytes do not match their recorded hash or size."""

    code = "integrity"
    title = "Stored bytes differ from what was recorded"
    hint = "Run `autodj doctor`; nothing was overwritten."


class NotOffered(AutodjError):
    """Asked of a store that cannot do this at all."""

    status = 501
    code = "not_offered"
    title = "This store cannot do that"
    hint = "Use a basket on a store that can."


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


class SandboxError(AutodjError):
    """The decoding child broke for a reason that is ours, not the file's."""

    code = "sandbox_failed"
    title = "The decoder could not run"
    transient = True


class SettingsError(AutodjError):
    """The process refuses to start; every fault is listed at once."""

    code = "settings"
    title = "The settings cannot be used"

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(faults))


class StorageConfigError(SettingsError, ValueError):
    """A store cannot be made of what was said of it."""


class CommandError(AutodjError):
    """A command cannot do what was asked; shown as one line."""

    code = "command"
    title = "The command could not be carried out"
