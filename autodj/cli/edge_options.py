"""The options of ``autodj edge``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autodj.cli.options import named_path
from autodj.laptop.edge.fault import Fault

WHERE = "Where the objects are"
WHO = "Who may read"
SERVING = "Serving"
TESTS = "For tests"

BucketName = Annotated[
    str | None,
    typer.Option(
        "--bucket",
        metavar="NAME",
        help="[dim]default: S3_BUCKET_NAME[/]",
        rich_help_panel=WHERE,
        show_default=False,
    ),
]
Endpoint = Annotated[
    str | None,
    typer.Option(
        "--endpoint",
        metavar="URL",
        help="An S3-compatible server.  [dim]default: S3_ENDPOINT_URL, else AWS[/]",
        rich_help_panel=WHERE,
        show_default=False,
    ),
]
Region = Annotated[
    str | None,
    typer.Option(
        "--region",
        metavar="NAME",
        help="[dim]default: AWS_REGION[/]",
        rich_help_panel=WHERE,
        show_default=False,
    ),
]
PathStyle = Annotated[
    bool | None,
    typer.Option(
        "--path-style/--virtual-hosts",
        metavar="",
        help="The bucket's name in the path, or before the host.  [dim]default: S3_PATH_STYLE[/]",
        rich_help_panel=WHERE,
        show_default=False,
    ),
]
OriginPath = Annotated[
    str,
    typer.Option(
        "--origin-path",
        metavar="PATH",
        help="A folder of the bucket that URLs do not name.",
        rich_help_panel=WHERE,
        show_default=False,
    ),
]
Keys = Annotated[
    list[str] | None,
    typer.Option(
        "--key",
        metavar="ID=FILE",
        help="A public key of the key group (PEM); again for "
        "another.  [dim]default: those of CLOUDFRONT_PRIVATE_KEY and its second[/]",
        rich_help_panel=WHO,
        show_default=False,
    ),
]
KeyFolder = Annotated[
    Path | None,
    typer.Option(
        "--keys",
        parser=named_path,
        metavar="DIR",
        help="Every ID.pem in this folder, also ones that come later.",
        rich_help_panel=WHO,
        show_default=False,
    ),
]
UnsignedPaths = Annotated[
    list[str] | None,
    typer.Option(
        "--unsigned",
        metavar="PATTERN",
        help="Paths that need no signature; again for more.  "
        "[dim]default: public/* below S3_PREFIX[/]",
        rich_help_panel=WHO,
        show_default=False,
    ),
]
NoKeys = Annotated[
    bool,
    typer.Option("--no-keys", metavar="", help="No path needs a signature.", rich_help_panel=WHO),
]
Host = Annotated[
    str,
    typer.Option("--host", metavar="ADDRESS", help="Where to listen.", rich_help_panel=SERVING),
]
Port = Annotated[
    int | None,
    typer.Option(
        "--port",
        min=0,
        max=65535,
        help="0 takes a free one.  [dim]default: that of CLOUDFRONT_DOMAIN, or 8100[/]",
        rich_help_panel=SERVING,
        show_default=False,
    ),
]
Certificate = Annotated[
    Path | None,
    typer.Option(
        "--certificate",
        parser=named_path,
        metavar="FILE",
        help="PEM chain: answer HTTPS.",
        rich_help_panel=SERVING,
        show_default=False,
    ),
]
CertificateKey = Annotated[
    Path | None,
    typer.Option(
        "--certificate-key",
        parser=named_path,
        metavar="FILE",
        help="Its private key (PEM).",
        rich_help_panel=SERVING,
        show_default=False,
    ),
]
HttpPort = Annotated[
    int | None,
    typer.Option(
        "--http-port",
        min=0,
        max=65535,
        help="Send plain HTTP from here to HTTPS.",
        rich_help_panel=SERVING,
        show_default=False,
    ),
]
CacheFolder = Annotated[
    Path | None,
    typer.Option(
        "--cache",
        parser=named_path,
        metavar="DIR",
        help="Where copies are kept.  [dim]default: edge/cache in the data folder[/]",
        rich_help_panel=SERVING,
        show_default=False,
    ),
]
CacheSize = Annotated[
    str,
    typer.Option(
        "--cache-size",
        metavar="SIZE",
        help="At most so much of them, such as 500MB.",
        rich_help_panel=SERVING,
    ),
]
Logs = Annotated[
    str | None,
    typer.Option(
        "--logs",
        metavar="DIR|s3:PREFIX",
        help="Write access logs into a folder, or into the bucket under a prefix.",
        rich_help_panel=SERVING,
        show_default=False,
    ),
]
ControlPort = Annotated[
    int | None,
    typer.Option(
        "--control-port",
        min=0,
        max=65535,
        help="Take invalidations here, as CloudFront's API does; from this machine only.",
        rich_help_panel=SERVING,
        show_default=False,
    ),
]
DistributionId = Annotated[
    str | None,
    typer.Option(
        "--distribution-id",
        metavar="ID",
        help="Named in logs and invalidations.  "
        "[dim]default: CLOUDFRONT_DISTRIBUTION_ID, or EAUTODJLAPTOP[/]",
        rich_help_panel=SERVING,
        show_default=False,
    ),
]
ErrorTtl = Annotated[
    int,
    typer.Option(
        "--error-ttl",
        metavar="S",
        min=0,
        help="Seconds for which an error of the origin is remembered.",
        rich_help_panel=SERVING,
    ),
]
Faults = Annotated[
    list[Fault] | None,
    typer.Option(
        "--fault",
        help="Be wrong in this way; again for more.",
        rich_help_panel=TESTS,
        show_default=False,
    ),
]
