"""The embedded S3 server: one SeaweedFS process that holds a private store on this machine."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

import aiohttp

from autodj.laptop.binaries import WEED, find
from autodj.laptop.keys import LaptopKeys, laptop_keys
from autodj.laptop.locks import wait_unused
from autodj.laptop.ports import LOOPBACK, kept_ports
from autodj.laptop.private import write_private
from autodj.laptop.process import Program, Say, in_use, quiet, running
from autodj.laptop.sigv4 import signed_get

REGION: Final = "us-east-1"

_NAME: Final = "S3 server"

# Every part listens on two ports; the admin part cannot be left out.
_PORTS: Final = tuple(
    f"{part}.port{kind}"
    for part in ("master", "volume", "filer", "s3", "admin")
    for kind in ("", ".grpc")
)
_VOLUME_FILE: Final = re.compile(r"(?:.*_)?([0-9]+)\.dat")
# Volumes are files that grow; small ones fit on a nearly full disk and are quick to vacuum.
_VOLUME_MEGABYTES: Final = 256
_PROBE_WITHIN_S: Final = 2.0
_JWT_VARIABLES: Final = (
    "WEED_JWT_SIGNING_KEY",
    "WEED_JWT_SIGNING_READ_KEY",
    "WEED_JWT_FILER_SIGNING_KEY",
    "WEED_JWT_FILER_SIGNING_READ_KEY",
)


@dataclass(frozen=True, slots=True)
class S3Server:
    """Where the server is and what it takes; it knows buckets by path, not by host name."""

    endpoint_url: str
    access_key: str
    secret_key: str = field(repr=False)
    region: str = REGION


@asynccontextmanager
async def open_s3_server(data_dir: Path, *, say: Say = quiet) -> AsyncGenerator[S3Server]:
    """A server with its objects in ``data_dir/s3``, answering until the block ends.

    CommandError when its program is missing, or another server uses the same data.
    """
    program, server = await s3_program(data_dir, laptop_keys(data_dir))
    async with running(program, say=say):
        yield server


async def s3_program(data_dir: Path, keys: LaptopKeys) -> tuple[Program, S3Server]:
    """What to run, for a supervisor, and where it will be."""
    binary = find(WEED)
    directory = (data_dir / "s3").resolve()
    lock_file = directory / "lock"
    await wait_unused(lock_file, refusal=in_use(_NAME, directory))
    ports = kept_ports(directory / "ports.json", _PORTS)
    config = directory / "identities.json"
    write_private(config, _identities(keys))
    # It writes its own options there and would read them back before ours.
    (directory / "mini.options").unlink(missing_ok=True)
    program = Program(
        name=_NAME,
        command=(str(binary), *_arguments(ports, config)),
        directory=directory,
        log_file=data_dir / "logs" / "s3.log",
        environment=_environment(directory, keys),
        answers=_answers(directory, ports, keys),
        lock_file=lock_file,
        # Killing it loses nothing that was acknowledged; asked to stop at a bad moment it
        # tries for half a minute to write a journal to the volumes it has already closed.
        stop_within_s=2.0,
        tidy=partial(_forget_sockets, ports.values()),
    )
    endpoint_url = f"http://{LOOPBACK}:{ports['s3.port']}"
    return program, S3Server(endpoint_url, keys.s3_access_key, keys.s3_secret_key)


def _arguments(ports: Mapping[str, int], config: Path) -> list[str]:
    return [
        "-logtostderr=true",
        # `weed server` waits for an election among masters of which there is only one: 13-22 s
        # on existing data. `mini` is the same store with a lone master.
        "mini",
        # Where it is started: it takes a comma in a name for the beginning of another folder.
        "-dir=.",
        f"-ip={LOOPBACK}",
        f"-ip.bind={LOOPBACK}",
        *(f"-{name}={port}" for name, port in ports.items()),
        # With its old state the master is no leader for some milliseconds; a volume server that
        # reports just then is turned away for 5 s. Without it, it learns all from the volumes.
        "-master.resumeState=false",
        "-master.telemetry=false",
        f"-master.volumeSizeLimitMB={_VOLUME_MEGABYTES}",
        "-volume.max=0",
        "-volume.preStopSeconds=0",
        f"-s3.config={config}",
        "-s3.autoCreateBucket=false",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-webdav=false",
        "-admin.ui=false",
    ]


def _environment(directory: Path, keys: LaptopKeys) -> dict[str, str]:
    # Its inner doors (filer, volumes) are on loopback too: without a token of this run they
    # would hand every object to any user of the machine.
    tokens = {name: secrets.token_hex(32) for name in _JWT_VARIABLES}
    return {"HOME": str(directory), "WEED_S3_SSE_KEK": keys.s3_sse_kek, **tokens}


def _identities(keys: LaptopKeys) -> str:
    credentials = [{"accessKey": keys.s3_access_key, "secretKey": keys.s3_secret_key}]
    identity = {"name": "autodj", "credentials": credentials, "actions": ["Admin"]}
    return json.dumps({"identities": [identity]})


def _answers(
    directory: Path, ports: Mapping[str, int], keys: LaptopKeys
) -> Callable[[], Awaitable[bool]]:
    s3 = f"{LOOPBACK}:{ports['s3.port']}"
    lookup = f"http://{LOOPBACK}:{ports['master.port']}/dir/lookup"

    async def answers() -> bool:
        headers = signed_get(
            s3,
            "/",
            access_key=keys.s3_access_key,
            secret_key=keys.s3_secret_key,
            region=REGION,
            now=datetime.now(UTC),
        )
        timeout = aiohttp.ClientTimeout(total=_PROBE_WITHIN_S)
        try:
            async with aiohttp.ClientSession(timeout=timeout) as session:
                if not await _is_ok(session, f"http://{s3}/", {}, headers):
                    return False
                # Until the master knows where a volume is, reading from it is an error 500.
                for volume_id in _volume_ids(directory):
                    if not await _is_ok(session, lookup, {"volumeId": volume_id}, {}):
                        return False
        except (aiohttp.ClientError, TimeoutError):
            return False
        return True

    return answers


async def _is_ok(
    session: aiohttp.ClientSession, url: str, query: Mapping[str, str], headers: Mapping[str, str]
) -> bool:
    async with session.get(url, params=query, headers=headers) as answer:
        return answer.status == 200


def _volume_ids(directory: Path) -> list[str]:
    names = (_VOLUME_FILE.fullmatch(file.name) for file in directory.glob("*.dat"))
    return [name[1] for name in names if name]


def _forget_sockets(ports: Iterable[int]) -> None:
    # It leaves them in /tmp when it is killed, wherever its data and TMPDIR are.
    for port in ports:
        for socket_file in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):  # noqa: S108 - its choice, not ours
            socket_file.unlink(missing_ok=True)
