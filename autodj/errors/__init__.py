"""Every error that autodj raises on purpose, as one tree.

    AutodjError
    ├── InvalidRequest          400   InvalidJson, InvalidField (422)
    ├── Unauthenticated         401
    ├── LinkRefused, CrossSite  403
    ├── NotFound                404   ObjectNotFound
    ├── MethodNotAllowed        405
    ├── RequestTimeout          408
    ├── Conflict                409   Cancelled, StillRunning, ObjectExists, ObjectArchived, ...
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
    ├── SandboxError            the decoding child broke
    ├── SettingsError           the process refuses to start
    └── CommandError            one line in the terminal

A class fixes the HTTP status, the machine-readable code, the title, whether trying again
can help, and what a person should do next. The instance adds the detail. They are rendered
once for HTTP (RFC 9457), once for jobs and once for the command.

The modules group the classes by what went wrong; the rest of the code names them from here.
"""

from __future__ import annotations

from autodj.errors.access import CrossSite, LinkRefused, Unauthenticated
from autodj.errors.base import AutodjError
from autodj.errors.content import (
    AudioRejected,
    FetchFailed,
    PictureRejected,
    Rejected,
    TooLarge,
    UnsupportedMedia,
    UrlNotAllowed,
)
from autodj.errors.outages import (
    BrokerUnavailable,
    DatabaseUnavailable,
    DiskFull,
    SourceUnreadable,
    Unavailable,
)
from autodj.errors.processes import CommandError, SandboxError, SettingsError, StorageConfigError
from autodj.errors.requests import (
    Cancelled,
    Conflict,
    InvalidField,
    InvalidJson,
    InvalidRequest,
    KeyReused,
    MethodNotAllowed,
    NotFound,
    PreconditionFailed,
    RangeNotSatisfiable,
    RequestTimeout,
    StillRunning,
    TooManyRequests,
)
from autodj.errors.stores import (
    AnotherInstallation,
    BatchIncomplete,
    BucketMissing,
    DeleteIncomplete,
    IntegrityFault,
    NotOffered,
    ObjectArchived,
    ObjectExists,
    ObjectNotFound,
    StoreCredentials,
    StoreDenied,
    StoreError,
    StoreFaulty,
    StoreThrottled,
    StoreTimeout,
    StoreUnreachable,
    UploadGone,
)

__all__ = [
    "AnotherInstallation",
    "AudioRejected",
    "AutodjError",
    "BatchIncomplete",
    "BrokerUnavailable",
    "BucketMissing",
    "Cancelled",
    "CommandError",
    "Conflict",
    "CrossSite",
    "DatabaseUnavailable",
    "DeleteIncomplete",
    "DiskFull",
    "FetchFailed",
    "IntegrityFault",
    "InvalidField",
    "InvalidJson",
    "InvalidRequest",
    "KeyReused",
    "LinkRefused",
    "MethodNotAllowed",
    "NotFound",
    "NotOffered",
    "ObjectArchived",
    "ObjectExists",
    "ObjectNotFound",
    "PictureRejected",
    "PreconditionFailed",
    "RangeNotSatisfiable",
    "Rejected",
    "RequestTimeout",
    "SandboxError",
    "SettingsError",
    "SourceUnreadable",
    "StillRunning",
    "StorageConfigError",
    "StoreCredentials",
    "StoreDenied",
    "StoreError",
    "StoreFaulty",
    "StoreThrottled",
    "StoreTimeout",
    "StoreUnreachable",
    "TooLarge",
    "TooManyRequests",
    "Unauthenticated",
    "Unavailable",
    "UnsupportedMedia",
    "UploadGone",
    "UrlNotAllowed",
]
