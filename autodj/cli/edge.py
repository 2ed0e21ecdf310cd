"""``autodj edge``: a stand-in for CloudFront in front of a bucket."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autodj.laptop.edge.fault import Fault

WHERE = "Where the objects are"
WHO = "Who may read"
SERVING = "Serving"
TESTS = "For tests"


def edge(
    bucket: Annotated[
        str | None,
        typer.Option(
            "--bucket",
            metavar="NAME",
            help="[dim]default: S3_BUCKET_NAME[/]",
            rich_help_panel=WHERE,
            show_default=False,
        ),
    ] = None,
    endpoint: Annotated[
        str | None,
        typer.Option(
            "--endpoint",
            metavar="URL",
            help="An S3-compatible server.  [dim]default: S3_ENDPOINT_URL, else AWS[/]",
            rich_help_panel=WHERE,
            show_default=False,
        ),
    ] = None,
    region: Annotated[
        str | None,
        typer.Option(
            "--region",
            metavar="NAME",
            help="[dim]default: AWS_REGION[/]",
            rich_help_panel=WHERE,
            show_default=False,
        ),
    ] = None,
    path_style: Annotated[
        bool | None,
        typer.Option(
            "--path-style/--virtual-hosts",
            metavar="",
            help="The bucket's name in the path, or "
            "before the host.  [dim]default: S3_PATH_STYLE[/]",
            rich_help_panel=WHERE,
            show_default=False,
        ),
    ] = None,
    origin_path: Annotated[
        str,
        typer.Option(
            "--origin-path",
            metavar="PATH",
            help="A folder of the bucket that URLs do not name.",
            rich_help_panel=WHERE,
            show_default=False,
        ),
    ] = "",
    key: Annotated[
        list[str] | None,
        typer.Option(
            "--key",
            metavar="ID=FILE",
            help="A public key of the key group (PEM); again for "
            "another.  [dim]default: those of CLOUDFRONT_PRIVATE_KEY and its second[/]",
            rich_help_panel=WHO,
            show_default=False,
        ),
    ] = None,
    keys: Annotated[
        Path | None,
        typer.Option(
            "--keys",
            metavar="DIR",
            help="Every ID.pem in this folder, also ones that come later.",
            rich_help_panel=WHO,
            show_default=False,
        ),
    ] = None,
    unsigned: Annotated[
        list[str] | None,
        typer.Option(
            "--unsigned",
            metavar="PATTERN",
            help="Paths that need no signature; again for more.  "
            "[dim]default: public/* below S3_PREFIX[/]",
            rich_help_panel=WHO,
            show_default=False,
        ),
    ] = None,
    no_keys: Annotated[
        bool,
        typer.Option(
            "--no-keys", metavar="", help="No path needs a signature.", rich_help_panel=WHO
        ),
    ] = False,
    host: Annotated[
        str,
        typer.Option("--host", metavar="ADDRESS", help="Where to listen.", rich_help_panel=SERVING),
    ] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            min=0,
            max=65535,
            help="0 takes a free one.  [dim]default: that of CLOUDFRONT_DOMAIN, or 8100[/]",
            rich_help_panel=SERVING,
            show_default=False,
        ),
    ] = None,
    certificate: Annotated[
        Path | None,
        typer.Option(
            "--certificate",
            metavar="FILE",
            help="PEM chain: answer HTTPS.",
            rich_help_panel=SERVING,
            show_default=False,
        ),
    ] = None,
    certificate_key: Annotated[
        Path | None,
        typer.Option(
            "--certificate-key",
            metavar="FILE",
            help="Its private key (PEM).",
            rich_help_panel=SERVING,
            show_default=False,
        ),
    ] = None,
    http_port: Annotated[
        int | None,
        typer.Option(
            "--http-port",
            min=0,
            max=65535,
            help="Send plain HTTP from here to HTTPS.",
            rich_help_panel=SERVING,
            show_default=False,
        ),
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(
            "--cache",
            metavar="DIR",
            help="Where copies are kept.  [dim]default: edge/cache in the data folder[/]",
            rich_help_panel=SERVING,
            show_default=False,
        ),
    ] = None,
    cache_size: Annotated[
        str,
        typer.Option(
            "--cache-size",
            metavar="SIZE",
            help="At most so much of them, such as 500MB.",
            rich_help_panel=SERVING,
        ),
    ] = "1GB",
    logs: Annotated[
        str | None,
        typer.Option(
            "--logs",
            metavar="DIR|s3:PREFIX",
            help="Write access logs into a folder, or into the bucket under a prefix.",
            rich_help_panel=SERVING,
            show_default=False,
        ),
    ] = None,
    control_port: Annotated[
        int | None,
        typer.Option(
            "--control-port",
            min=0,
            max=65535,
            help="Take invalidations here, as CloudFront's API does; from this machine only.",
            rich_help_panel=SERVING,
            show_default=False,
        ),
    ] = None,
    distribution_id: Annotated[
        str | None,
        typer.Option(
            "--distribution-id",
            metavar="ID",
            help="Named in logs and invalidations.  "
            "[dim]default: CLOUDFRONT_DISTRIBUTION_ID, or EAUTODJLAPTOP[/]",
            rich_help_panel=SERVING,
            show_default=False,
        ),
    ] = None,
    error_ttl: Annotated[
        int,
        typer.Option(
            "--error-ttl",
            metavar="S",
            min=0,
            help="Seconds for which an error of the origin is remembered.",
            rich_help_panel=SERVING,
        ),
    ] = 10,
    fault: Annotated[
        list[Fault] | None,
        typer.Option(
            "--fault",
            help="Be wrong in this way; again for more.",
            rich_help_panel=TESTS,
            show_default=False,
        ),
    ] = None,
) -> None:
    """Stand in for CloudFront in front of a bucket, until Ctrl-C.

    Checks signed URLs and cookies, caches on disk, answers ranges, adds the headers that
    playback needs, and reads the bucket with the credentials of AWS_ACCESS_KEY_ID, so that the
    bucket itself stays private. `autodj up --s3` starts one by itself. SIGHUP reads the keys
    again; changed key files are noticed without it.

    For example:

        autodj edge --bucket my-music --key K2JCJMDEHXQW5F=public.pem
        autodj edge --endpoint http://127.0.0.1:9000 --path-style --bucket music --no-keys
        autodj edge --keys ./keys --logs ./logs --control-port 8101
        autodj cdn check
    """
    import asyncio

    from autodj.cli.edge_plan import Choices, planned, stand_in

    choices = Choices(
        bucket=bucket,
        endpoint=endpoint,
        region=region,
        path_style=path_style,
        origin_path=origin_path,
        keys=tuple(key or ()),
        keys_dir=keys,
        unsigned=tuple(unsigned or ()),
        no_keys=no_keys,
        host=host,
        port=port,
        certificate=certificate,
        certificate_key=certificate_key,
        http_port=http_port,
        cache=cache,
        cache_size=cache_size,
        logs=logs,
        control_port=control_port,
        distribution_id=distribution_id,
        error_ttl_s=error_ttl,
        faults=frozenset(fault or ()),
    )
    asyncio.run(stand_in(planned(choices)))
