"""The choices of ``autodj cdn template`` as options of the command line."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from autodj.cli.options import named_path

STORAGE = "Bucket"
DELIVERY = "CloudFront"
RIGHTS = "Rights"


class Language(StrEnum):
    CLOUDFORMATION = "cloudformation"
    TERRAFORM = "terraform"


class Reach(StrEnum):
    """Where CloudFront answers from: North America and Europe, most places, everywhere."""

    NEAR = "100"
    MOST = "200"
    EVERYWHERE = "All"


class Digest(StrEnum):
    SHA256 = "SHA256"
    SHA1 = "SHA1"


class Power(StrEnum):
    VERSIONS = "versions"
    ERASE = "erase"
    RESTORE = "restore"
    TAGS = "tags"
    UPLOADS = "uploads"
    PUBLIC_LINKS = "public-links"


LanguageOption = Annotated[
    Language,
    typer.Option("--format", metavar="cloudformation|terraform", help="Whose language."),
]
Names = Annotated[
    list[str] | None, typer.Option(metavar="NAME", help="May be repeated.", rich_help_panel=RIGHTS)
]
Bucket = Annotated[
    str,
    typer.Option(
        "--bucket", metavar="NAME", help="The bucket, without dots.", rich_help_panel=STORAGE
    ),
]
PublicKeys = Annotated[
    list[Path] | None,
    typer.Option(
        "--public-key",
        parser=named_path,
        metavar="FILE",
        help="PEM of a public key; the first one signs, further ones are still honoured.",
        rich_help_panel=DELIVERY,
    ),
]
Unsigned = Annotated[
    bool,
    typer.Option(
        "--unsigned",
        metavar="",
        help="No keys: everybody may play everything.",
        rich_help_panel=DELIVERY,
    ),
]
Prefix = Annotated[
    str,
    typer.Option(
        "--prefix",
        metavar="FOLDER",
        help="Keep to this part of the bucket.",
        show_default=False,
        rich_help_panel=STORAGE,
    ),
]
ExistingBucket = Annotated[
    bool,
    typer.Option(
        "--existing-bucket",
        metavar="",
        help="The bucket is there: only set its policy.",
        rich_help_panel=STORAGE,
    ),
]
KmsKey = Annotated[
    str | None,
    typer.Option(
        "--kms-key",
        metavar="ARN|new",
        help="Encrypt with this key, or with a new one.",
        rich_help_panel=STORAGE,
    ),
]
Versioning = Annotated[
    bool,
    typer.Option(
        metavar="", help="Keep what was deleted, for --noncurrent-days.", rich_help_panel=STORAGE
    ),
]
NoncurrentDays = Annotated[
    int,
    typer.Option(
        metavar="DAYS", help="How long deleted objects can be had back.", rich_help_panel=STORAGE
    ),
]
Tiering = Annotated[
    bool,
    typer.Option(
        "--tiering",
        metavar="",
        help="Move objects to Intelligent-Tiering.",
        rich_help_panel=STORAGE,
    ),
]
Logs = Annotated[
    bool,
    typer.Option(
        metavar="", help="Access logs, in a bucket of their own.", rich_help_panel=STORAGE
    ),
]
LogDays = Annotated[
    int, typer.Option(metavar="DAYS", help="How long logs are kept.", rich_help_panel=STORAGE)
]
Domain = Annotated[
    str | None, typer.Option(metavar="HOST", help="A domain of your own.", rich_help_panel=DELIVERY)
]
CertificateArn = Annotated[
    str | None,
    typer.Option(metavar="ARN", help="Its certificate, in us-east-1.", rich_help_panel=DELIVERY),
]
HashOption = Annotated[
    Digest,
    typer.Option(
        "--hash", metavar="SHA256|SHA1", help="Hash of the signatures.", rich_help_panel=DELIVERY
    ),
]
PriceClassOption = Annotated[
    Reach,
    typer.Option(
        metavar="100|200|All",
        help="100: North America and Europe; 200: most; All.",
        rich_help_panel=DELIVERY,
    ),
]
OriginShield = Annotated[
    str | None,
    typer.Option(
        metavar="REGION", help="One more cache, near the bucket.", rich_help_panel=DELIVERY
    ),
]
ErrorCacheS = Annotated[
    int,
    typer.Option(
        metavar="SECONDS", help="How long an edge remembers errors.", rich_help_panel=DELIVERY
    ),
]
Ipv6 = Annotated[
    bool,
    typer.Option(
        metavar="", help="Off when signed links name an IP range.", rich_help_panel=DELIVERY
    ),
]
Metrics = Annotated[
    bool,
    typer.Option(
        "--metrics", metavar="", help="Hit rate and more, in CloudWatch.", rich_help_panel=DELIVERY
    ),
]
CookieOrigins = Annotated[
    list[str] | None,
    typer.Option(
        "--cookie-origin",
        metavar="URL",
        help="A page that sends signed cookies; others cannot read.",
        rich_help_panel=DELIVERY,
    ),
]
Powers = Annotated[
    list[Power] | None,
    typer.Option(
        "--with",
        metavar="versions|erase|restore|tags|uploads|public-links",
        help="What only some set-ups do, and its rights.",
        rich_help_panel=RIGHTS,
    ),
]
