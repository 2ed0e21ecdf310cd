"""Every right that autodj needs, once: what for, on what, and whose it is.

Which right each S3 call asks for: https://docs.aws.amazon.com/AmazonS3/latest/userguide/
using-with-s3-policy-actions.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from autodj.cdn.template.choices import Extra


class Who(StrEnum):
    """The three hands that hold rights; none of them may change the set-up itself."""

    WEB = "web"
    WORKER = "worker"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Feature:
    """A thing autodj does, the rights it takes on objects, the bucket, a KMS key and the
    distribution, and who does it. ``extra`` names the choice without which nobody gets it.
    """

    name: str
    about: str
    who: tuple[Who, ...]
    objects: tuple[str, ...] = ()
    bucket: tuple[str, ...] = ()
    kms: tuple[str, ...] = ()
    distribution: tuple[str, ...] = ()
    extra: Extra | None = None


ALL: Final = (Who.WEB, Who.WORKER, Who.OPERATOR)
FEATURES: Final[Sequence[Feature]] = (
    Feature(
        "probe",
        "HeadBucket; and with it a missing object is a 404, not a 403",
        ALL,
        bucket=("s3:ListBucket",),
    ),
    Feature(
        "read",
        "GetObject, HeadObject, ranges, checksums, and presigned GET links",
        (Who.WEB, Who.WORKER),
        objects=("s3:GetObject",),
        kms=("kms:Decrypt",),
    ),
    Feature("list", "ListObjectsV2", (Who.WORKER, Who.OPERATOR), bucket=("s3:ListBucket",)),
    Feature(
        "write",
        "PutObject, on a condition or not; multipart uploads; the target of a copy; "
        "metadata, encryption and storage class, which are part of a write",
        (Who.WORKER,),
        objects=("s3:PutObject",),
        kms=("kms:GenerateDataKey", "kms:Decrypt"),
    ),
    Feature(
        "delete", "DeleteObject and DeleteObjects", (Who.WORKER,), objects=("s3:DeleteObject",)
    ),
    Feature(
        "sweep",
        "what dead multipart uploads left: list the uploads and their parts, abort them",
        (Who.WORKER,),
        objects=("s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"),
        bucket=("s3:ListBucketMultipartUploads",),
    ),
    Feature(
        "versions",
        "list the versions of an object, read an old one; restoring one is a copy",
        (Who.WORKER,),
        objects=("s3:GetObjectVersion",),
        bucket=("s3:ListBucketVersions",),
        extra="versions",
    ),
    Feature(
        "erase",
        "look a version up and remove it for good, which nothing brings back",
        (Who.WORKER,),
        objects=("s3:DeleteObjectVersion",),
        bucket=("s3:ListBucketVersions",),
        extra="erase",
    ),
    Feature(
        "restore",
        "RestoreObject: bring an archived object back for a while",
        (Who.WORKER,),
        objects=("s3:RestoreObject",),
        extra="restore",
    ),
    Feature(
        "tags",
        "read and write the tags of an object; a copy of a tagged object needs both",
        (Who.WORKER,),
        objects=("s3:GetObjectTagging", "s3:PutObjectTagging"),
        extra="tags",
    ),
    Feature(
        "uploads",
        "presigned PUT and POST, so that browsers send to S3 themselves",
        (Who.WEB,),
        objects=("s3:PutObject",),
        kms=("kms:GenerateDataKey",),
        extra="uploads",
    ),
    Feature(
        "take back",
        "CreateInvalidation for a public copy that is public no more",
        (Who.WORKER,),
        distribution=("cloudfront:CreateInvalidation",),
        extra="public-links",
    ),
    Feature(
        "purge",
        "invalidate paths by hand, and see how far that is",
        (Who.OPERATOR,),
        distribution=(
            "cloudfront:CreateInvalidation",
            "cloudfront:GetDistribution",
            "cloudfront:GetInvalidation",
            "cloudfront:ListInvalidations",
        ),
    ),
)
