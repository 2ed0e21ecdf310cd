"""The store in an S3 bucket."""

from autodj.storage.s3.config import S3Config, S3Timing, S3Transfers
from autodj.storage.s3.connection import open_s3
from autodj.storage.s3.store import S3Storage

__all__ = ["S3Config", "S3Storage", "S3Timing", "S3Transfers", "open_s3"]
