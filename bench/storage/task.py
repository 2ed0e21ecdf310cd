"""One client doing one task, in a process of its own: ``python -m bench.storage.task < JSON``.

What is measured begins when the client is ready, so that imports and first connections are out of
it; the command-line tools cannot be measured otherwise than from their start.
"""

# ruff: noqa: PLC0415 - a process loads the one client that it measures

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
import resource
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

AT_ONCE: Final = 8
RANGE_BYTES: Final = 16 * 1024**2
LARGE_BYTES: Final = 64 * 1024**2
KB: Final = 1024


@dataclass(frozen=True, slots=True)
class Job:
    """``files`` are pairs of key and path; ``sha256`` has the hash of each key."""

    client: str
    task: str
    endpoint: str
    access_key: str
    secret_key: str
    bucket: str
    prefix: str
    files: list[tuple[str, str]]
    sha256: dict[str, str]
    uvloop: bool = False
    size_bytes: int = 0


@dataclass
class Measured:
    """``peak_bytes`` is the memory above that of the client at its start, ``server_cpu_s`` what
    the other side used meanwhile.
    """

    seconds: float = 0.0
    cpu_s: float = 0.0
    server_cpu_s: float = 0.0
    peak_bytes: int = 0
    count: int = 0


@contextmanager
def measuring(measured: Measured) -> Iterator[None]:
    before = _resident("VmRSS")
    cpu_before = _cpu_s()
    began = time.perf_counter()
    yield
    measured.seconds = time.perf_counter() - began
    measured.cpu_s = _cpu_s() - cpu_before
    measured.peak_bytes = max(_resident("VmHWM") - before, 0)


def main() -> None:
    logging.disable(logging.CRITICAL)
    told = json.load(sys.stdin)
    job = Job(**{**told, "files": [(key, path) for key, path in told["files"]]})
    measured = Measured()
    CLIENTS[job.client](job, measured)
    print(json.dumps(asdict(measured)), flush=True)
    os._exit(0)  # one of the clients now and then aborts while it is torn down


def autodj(job: Job, measured: Measured) -> None:
    async def go() -> None:
        import structlog

        from autodj.storage.batch import Download, Upload, download_many, put_many
        from autodj.storage.s3 import S3Config, open_s3

        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
        config = S3Config(
            job.bucket,
            "us-east-1",
            job.endpoint,
            job.prefix,
            job.access_key,
            job.secret_key,
            path_style=True,
        )
        async with open_s3(config) as store:
            await store.probe()
            with measuring(measured):
                if job.task == "upload":
                    uploads = (
                        Upload(key, Path(path), job.sha256[key], "audio/mpeg")
                        for key, path in job.files
                    )
                    measured.count = len(await put_many(store, uploads, at_once=AT_ONCE))
                elif job.task == "download":
                    wanted = (
                        Download(key, Path(path), job.sha256[key], job.size_bytes)
                        for key, path in job.files
                    )
                    measured.count = len(await download_many(store, wanted, at_once=AT_ONCE))
                else:
                    async for _ in store.list():
                        measured.count += 1

    _run(job, go())


def s3transfer(job: Job, measured: Measured) -> None:
    import boto3
    from botocore.config import Config
    from s3transfer.manager import TransferManager

    client = boto3.session.Session().client(
        "s3",
        region_name="us-east-1",
        endpoint_url=job.endpoint,
        aws_access_key_id=job.access_key,
        aws_secret_access_key=job.secret_key,
        config=Config(s3={"addressing_style": "path"}),
    )
    client.head_bucket(Bucket=job.bucket)
    if job.task == "list":
        with measuring(measured):
            pages = client.get_paginator("list_objects_v2").paginate(
                Bucket=job.bucket, Prefix=job.prefix
            )
            measured.count = sum(len(page.get("Contents", ())) for page in pages)
        return
    with TransferManager(client) as manager, measuring(measured):
        futures = [
            manager.upload(path, job.bucket, f"{job.prefix}/{key}")
            if job.task == "upload"
            else manager.download(job.bucket, f"{job.prefix}/{key}", path)
            for key, path in job.files
        ]
        for future in futures:
            future.result()
        measured.count = len(futures)


def obstore(job: Job, measured: Measured, *, checked: bool = False) -> None:
    from obstore.store import S3Store

    proven: Any = {"checksum_algorithm": "SHA256"} if checked else {}
    store: Any = S3Store(
        job.bucket,
        prefix=job.prefix,
        endpoint=job.endpoint,
        region="us-east-1",
        access_key_id=job.access_key,
        secret_access_key=job.secret_key,
        virtual_hosted_style_request=False,
        client_options={"allow_http": True},
        **proven,
    )

    async def go() -> None:
        import obstore as library

        with measuring(measured):
            if job.task == "list":
                async for batch in library.list(store, chunk_size=1000):
                    measured.count += len(batch)
            elif job.task == "upload":
                await _a_few_at_a_time(
                    [store.put_async(key, Path(path)) for key, path in job.files]
                )
                measured.count = len(job.files)
            else:
                await _a_few_at_a_time(
                    [
                        _obstore_get(
                            store, key, path, job.size_bytes, job.sha256[key] if checked else None
                        )
                        for key, path in job.files
                    ]
                )
                measured.count = len(job.files)

    _run(job, go())


def obstore_checked(job: Job, measured: Measured) -> None:
    """What our promises cost with it: the hash of what is sent and of what arrives."""
    obstore(job, measured, checked=True)


async def _obstore_get(
    store: Any,  # noqa: ANN401 - its types are its own
    key: str,
    path: str,
    size: int,
    sha256: str | None,
) -> None:
    digest = hashlib.sha256()

    def write(file: BinaryIO, block: bytes) -> None:
        file.write(block)
        if sha256:
            digest.update(block)

    with open(path, "wb") as file:  # noqa: ASYNC230, PTH123 - as quick as it gets
        if size < LARGE_BYTES:
            async for block in (await store.get_async(key)).stream(min_chunk_size=1024**2):
                await asyncio.to_thread(write, file, block)
        else:
            await _obstore_ranges(store, key, path, size)
    if sha256 and size >= LARGE_BYTES:
        with open(path, "rb") as written:  # noqa: ASYNC230, PTH123 - as quick as it gets
            digest = await asyncio.to_thread(hashlib.file_digest, written, "sha256")
    assert sha256 in {None, digest.hexdigest()}


async def _obstore_ranges(
    store: Any,  # noqa: ANN401 - its types are its own
    key: str,
    path: str,
    size: int,
) -> None:
    async def fetch(start: int) -> None:
        block = await store.get_range_async(key, start=start, end=min(start + RANGE_BYTES, size))
        with open(path, "r+b") as part:  # noqa: ASYNC230, PTH123 - as quick as it gets
            part.seek(start)
            await asyncio.to_thread(part.write, block)

    await _a_few_at_a_time([fetch(start) for start in range(0, size, RANGE_BYTES)], 4)


def s5cmd(job: Job, measured: Measured) -> None:
    remote = f"s3://{job.bucket}/{job.prefix}/"
    folder = Path(job.files[0][1]).parent
    ends = (f"{folder}/", remote) if job.task == "upload" else (f"{remote}*", f"{folder}/")
    program = Path(sys.executable).parent / "s5cmd"
    keys = {"AWS_ACCESS_KEY_ID": job.access_key, "AWS_SECRET_ACCESS_KEY": job.secret_key}
    _tool(
        [str(program), "--endpoint-url", job.endpoint, "cp", *ends],
        {**keys, "AWS_REGION": "us-east-1"},
        job,
        measured,
    )


def rclone(job: Job, measured: Measured) -> None:
    remote = f"bench:{job.bucket}/{job.prefix}"
    folder = str(Path(job.files[0][1]).parent)
    ends = (folder, remote) if job.task == "upload" else (remote, folder)
    settings = {
        "TYPE": "s3",
        "PROVIDER": "Other",
        "ENDPOINT": job.endpoint,
        "ACCESS_KEY_ID": job.access_key,
        "SECRET_ACCESS_KEY": job.secret_key,
        "FORCE_PATH_STYLE": "true",
    }
    program = Path(sys.executable).parent / "rclone"
    _tool(
        [str(program), "copy", "--transfers", str(AT_ONCE), "--no-check-dest", *ends],
        {f"RCLONE_CONFIG_BENCH_{name}": value for name, value in settings.items()},
        job,
        measured,
    )


CLIENTS: Final[dict[str, Callable[[Job, Measured], None]]] = {
    "autodj": autodj,
    "s3transfer": s3transfer,
    "obstore": obstore,
    "obstore+sha256": obstore_checked,
    "s5cmd": s5cmd,
    "rclone": rclone,
}


def _tool(command: list[str], environment: dict[str, str], job: Job, measured: Measured) -> None:
    began = time.perf_counter()
    trusted = os.environ.get("SSL_CERT_FILE", "")  # noqa: TID251 - not the product
    told = {**environment, "SSL_CERT_FILE": trusted, "HOME": "/tmp"}
    subprocess.run(command, check=True, capture_output=True, env=told)
    measured.seconds = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    measured.cpu_s = used.ru_utime + used.ru_stime
    measured.peak_bytes = used.ru_maxrss * KB
    measured.count = len(job.files)


async def _a_few_at_a_time(work: list[Awaitable[None]], at_once: int = AT_ONCE) -> None:
    waiting = iter(work)

    async def do() -> None:
        for each in waiting:
            await each

    await asyncio.gather(*(do() for _ in range(at_once)))


def _run(job: Job, work: Coroutine[Any, Any, None]) -> None:
    if job.uvloop:
        import uvloop

        uvloop.run(work)
        return
    with asyncio.Runner() as runner:
        runner.get_loop().set_default_executor(ThreadPoolExecutor(max_workers=AT_ONCE * 2))
        runner.run(work)


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _resident(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * KB
    raise AssertionError(name)


if __name__ == "__main__":
    main()
