"""From options and settings to a running edge."""

from __future__ import annotations

import asyncio
import re
import secrets
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from autodj.cdn.keys import PublicKey, load_private_key
from autodj.cli.console import print_line
from autodj.errors import CommandError
from autodj.laptop.edge.fault import Fault
from autodj.laptop.edge.head import CacheRules
from autodj.laptop.edge.keygroup import KeyGroup
from autodj.laptop.edge.origin import Bucket
from autodj.laptop.edge.service import DISTRIBUTION_ID, Plan, open_edge
from autodj.laptop.serving import Certificate
from autodj.logs import set_up
from autodj.settings import Settings, environment, load
from autodj.settings.addresses import http_url
from autodj.settings.parsers import aws_region, bucket_name, matching

USUAL_PORT = 8100

_SIZE = re.compile(r"([1-9][0-9]{0,8})\s*(B|kB|MB|GB|TB)?", re.IGNORECASE)
_UNITS = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_distribution_id = matching(r"[A-Z0-9]{1,32}", "an id such as E2QWRUHAPOMQZL")
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True, slots=True)
class Choices:
    """The options as they were given; None: not given."""

    bucket: str | None
    endpoint: str | None
    region: str | None
    path_style: bool | None
    origin_path: str
    keys: Sequence[str]
    keys_dir: Path | None
    unsigned: tuple[str, ...]
    no_keys: bool
    host: str
    port: int | None
    certificate: Path | None
    certificate_key: Path | None
    http_port: int | None
    cache: Path | None
    cache_size: str
    logs: str | None
    control_port: int | None
    distribution_id: str | None
    error_ttl_s: int
    faults: frozenset[Fault]


def planned(choices: Choices) -> Plan:
    """The plan that options and environment make together; CommandError where they do not."""
    settings = _settings()
    set_up(level=settings.log_level, fmt=settings.log_format)
    certificate = _certificate(choices)
    if choices.http_port is not None and certificate is None:
        raise CommandError("--http-port sends to HTTPS, which needs --certificate.")
    prefix = settings.s3.prefix.strip("/")
    port = choices.port
    if port is None:
        port = _port_here(settings.cdn.origin) or USUAL_PORT
    control_port = choices.control_port
    if control_port is None:
        control_port = _port_here(settings.cdn.api_url)
    return Plan(
        bucket=_bucket(choices, settings),
        keys=_keys(choices, settings),
        cache_dir=(choices.cache or settings.data_dir / "edge" / "cache").absolute(),
        cache_bytes=size_bytes(choices.cache_size),
        host=choices.host,
        port=port,
        certificate=certificate,
        http_port=choices.http_port,
        control_port=control_port,
        logs=_logs(choices.logs),
        distribution_id=_option("--distribution-id", _distribution_id, choices.distribution_id)
        or settings.cdn.distribution_id
        or DISTRIBUTION_ID,
        unsigned=choices.unsigned or (f"{prefix}/public/*" if prefix else "public/*",),
        cache_rules=CacheRules(error_ttl_s=choices.error_ttl_s),
        faults=choices.faults,
    )


async def stand_in(plan: Plan) -> None:
    """Run the edge until SIGINT or SIGTERM; SIGHUP reads the keys again."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, stopped.set)
    reload = plan.keys.reload if plan.keys else lambda: None
    loop.add_signal_handler(signal.SIGHUP, partial(loop.run_in_executor, None, reload))
    async with open_edge(plan) as running:
        print_line(f"{running.url} stands in for CloudFront in front of {plan.bucket.name}")
        if running.http_url is not None:
            print_line(f"{running.http_url} sends to it")
        if running.control_url is not None:
            print_line(f"{running.control_url} takes invalidations of {plan.distribution_id}")
        if plan.faults:
            print_line(f"wrong on purpose: {', '.join(sorted(plan.faults))}")
        await stopped.wait()


def size_bytes(text: str) -> int:
    """``500MB``, ``1 GB``, ``4096``; CommandError for anything else."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise CommandError(f"{text} is not a size", hint="Write it as 500MB or 2GB.")
    return int(match[1]) * _UNITS[(match[2] or "B").lower()]


def _option(name: str, parse: Callable[[str], str], given: str | None) -> str | None:
    """What the option says, by the rule of the setting that it stands for; None without one."""
    if not given:
        return None
    try:
        return parse(given)
    except ValueError as error:
        raise CommandError(f"{name} {given}: it {error}.") from error


def _settings() -> Settings:
    """Those of the environment. An edge signs nothing, so it gets along without a secret."""
    environ = environment()
    return load({**environ, "AUTODJ_SECRET": environ.get("AUTODJ_SECRET") or secrets.token_hex(32)})


def _bucket(choices: Choices, settings: Settings) -> Bucket:
    s3 = settings.s3
    name = _option("--bucket", bucket_name, choices.bucket) or s3.bucket
    if name is None:
        raise CommandError("Which bucket?", hint="Give --bucket, or set S3_BUCKET_NAME.")
    if s3.access_key is None:
        raise CommandError(
            "There are no credentials to read the bucket with",
            hint="Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
        )
    return Bucket(
        name=name,
        region=_option("--region", aws_region, choices.region) or s3.region,
        endpoint_url=_option("--endpoint", http_url, choices.endpoint) or s3.endpoint_url,
        path_style=s3.path_style if choices.path_style is None else choices.path_style,
        access_key=s3.access_key,
        secret_key=s3.secret_key,
        session_token=s3.session_token,
        origin_path=choices.origin_path,
    )


def _keys(choices: Choices, settings: Settings) -> KeyGroup | None:
    if choices.no_keys:
        return None
    files = {}
    for each in choices.keys:
        key_pair_id, separator, file = each.partition("=")
        if not separator:
            raise CommandError(f"{each} is not ID=FILE", hint="Such as K2JCJMDEHXQW5F=public.pem.")
        files[key_pair_id] = Path(file)
    given = {} if files else _own_keys(settings)
    if not files and not given and choices.keys_dir is None:
        raise CommandError(
            "There is no key to check signatures with",
            hint="Give --key ID=FILE, or --no-keys to let everybody read.",
        )
    return KeyGroup(files, choices.keys_dir, given)


def _own_keys(settings: Settings) -> Mapping[str, PublicKey]:
    """What checks the links that these settings sign."""
    cdn = settings.cdn
    pems = dict(cdn.second_keys or {})
    if cdn.key_pair_id is not None and cdn.private_key is not None:
        pems[cdn.key_pair_id] = cdn.private_key
    return {key_pair_id: load_private_key(pem).public_key() for key_pair_id, pem in pems.items()}


def _port_here(url: str | None) -> int | None:
    """The port of what the settings name, when it is on this machine."""
    place = urlsplit(url or "")
    return place.port if place.hostname in _LOOPBACK else None


def _certificate(choices: Choices) -> Certificate | None:
    if (choices.certificate is None) != (choices.certificate_key is None):
        raise CommandError("--certificate and --certificate-key go together.")
    if choices.certificate is None or choices.certificate_key is None:
        return None
    return Certificate(choices.certificate, choices.certificate_key)


def _logs(text: str | None) -> Path | str | None:
    if text is None:
        return None
    if not text:
        raise CommandError("--logs is empty", hint="Give a folder, or s3: and a prefix.")
    return text.removeprefix("s3:") if text.startswith("s3:") else Path(text).absolute()
