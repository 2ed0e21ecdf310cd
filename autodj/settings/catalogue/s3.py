"""The bucket, what is asked of it, and how patiently."""

from __future__ import annotations

from autodj.settings import addresses, parsers
from autodj.settings.baskets import STORAGE_CLASSES
from autodj.settings.catalogue.credentials import CREDENTIALS
from autodj.settings.catalogue.setting import Section, Setting

S3 = Section(
    "S3",
    (
        Setting(
            "S3_BUCKET_NAME",
            "the bucket",
            parse=parsers.optional(parsers.bucket_name),
            aliases=("AWS_STORAGE_BUCKET_NAME",),
        ),
        Setting(
            "AWS_REGION",
            "the bucket's region",
            "us-east-1",
            parsers.aws_region,
            aliases=("S3_REGION", "AWS_S3_REGION_NAME", "AWS_DEFAULT_REGION"),
        ),
        *CREDENTIALS,
        Setting(
            "S3_ENDPOINT_URL",
            "an S3-compatible server instead of AWS",
            parse=parsers.optional(addresses.http_url),
        ),
        Setting(
            "S3_PREFIX",
            "put before every object key",
            parse=parsers.optional(parsers.key_prefix),
        ),
        Setting(
            "S3_EXPECTED_BUCKET_OWNER",
            "the AWS account that must own the bucket; every call is refused otherwise",
            parse=parsers.optional(parsers.aws_account),
        ),
        Setting(
            "S3_SSE",
            "server-side encryption: AES256, aws:kms, SSE-C (a key of yours) or none",
            "AES256",
            parsers.one_of("AES256", "aws:kms", "SSE-C", "none"),
        ),
        Setting(
            "S3_SSE_KMS_KEY_ID",
            "the key of KMS for aws:kms: id, alias or ARN",
            parse=parsers.optional(
                parsers.matching(r"[A-Za-z0-9:/_-]{1,2048}", "a key id, alias or ARN")
            ),
        ),
        Setting(
            "S3_SSE_CUSTOMER_KEY",
            "your key for SSE-C: 32 bytes in base64; S3 keeps no copy of it",
            parse=parsers.optional(parsers.key_of_32_bytes),
            secret=True,
        ),
        Setting(
            "S3_STORAGE_CLASS",
            "the class new objects are stored in",
            "STANDARD",
            parsers.one_of(*STORAGE_CLASSES),
        ),
        Setting(
            "S3_PATH_STYLE",
            "true: bucket in the path, as most S3-compatible servers want",
            "false",
            parsers.boolean,
        ),
        Setting(
            "S3_MAX_CONNECTIONS",
            "open connections to the store for each process",
            "32",
            parsers.whole(1, 1000),
        ),
        Setting(
            "S3_CONNECT_TIMEOUT_S",
            "seconds a connection to the store may take",
            "3",
            parsers.decimal(0.1, 60),
        ),
        Setting(
            "S3_READ_TIMEOUT_S",
            "seconds the store may be silent",
            "10",
            parsers.decimal(0.1, 300),
        ),
        Setting(
            "S3_MAX_RETRIES",
            "how often a request is sent again after a fault that may pass; refusals never are",
            "3",
            parsers.whole(0, 10),
        ),
        Setting(
            "S3_RETRY_DELAY_S",
            "seconds before the first repetition (spread by chance); each one after it waits "
            "twice as long, up to 20",
            "1.0",
            parsers.decimal(0, 20),
        ),
        Setting(
            "S3_MULTIPART_THRESHOLD_BYTES",
            "objects of this size and more are sent in parts, side by side",
            str(5 * 1024**2),
            parsers.whole(5 * 1024**2, 5 * 1024**3),
        ),
    ),
)
