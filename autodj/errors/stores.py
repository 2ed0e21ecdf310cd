"""The ways in which a store fails; the vendor's error is the cause."""

from __future__ import annotations

from collections.abc import Mapping

from autodj.errors.base import AutodjError
from autodj.errors.requests import Conflict, NotFound


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


class BucketMissing(StoreError):
    code = "bucket_missing"
    title = "There is no such bucket"
    hint = "Check S3_BUCKET_NAME and the region."


class IntegrityFault(StoreError):
    """Stored bytes do not match their recorded hash or size."""

    code = "integrity"
    title = "Stored bytes differ from what was recorded"
    hint = "Run `autodj doctor`; nothing was overwritten."


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


class NotOffered(AutodjError):
    """Asked of a store that cannot do this at all."""

    status = 501
    code = "not_offered"
    title = "This store cannot do that"
    hint = "Use a basket on a store that can."


class ObjectNotFound(NotFound):
    """A store holds nothing under the key."""

    code = "object_not_found"
    title = "The object is not in the store"


class ObjectExists(Conflict):
    """A create-only put met other bytes under the same object key."""

    code = "object_exists"
    title = "Other bytes are already stored under this key"


class AnotherInstallation(Conflict):
    """A store is marked as the place of another installation, so nothing of it is swept."""

    code = "another_installation"
    title = "This place belongs to another installation"
    hint = (
        "Nothing was deleted. Give each installation a bucket, an S3_PREFIX and a MEDIA_ROOT of "
        "its own; where the other one is gone, docs/operating.md tells how to take its place."
    )


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
