"""``python -m bench.storage``: how fast, at what cost and in how much memory, beside others."""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import random
import secrets
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from autodj.laptop.s3server import S3Server, open_s3_server
from autodj.storage.s3 import S3Config, S3Storage, open_s3
from bench.storage.task import CLIENTS, Job, Measured

BUCKET: Final = "bench"
MB: Final = 1_000_000
BLOCK_BYTES: Final = 4 * 1024**2
PYTHON: Final = ("autodj", "s3transfer", "obstore")
SEEDS_AT_ONCE: Final = 32


@dataclass(frozen=True, slots=True)
class Load:
    """So many files of so many bytes."""

    name: str
    count: int
    size_bytes: int


def main() -> None:
    asyncio.run(_go(_options()))


async def _go(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="autodj-storage-", dir=options.folder) as name:
        root = Path(name)
        async with open_s3_server(root) as server:
            config = S3Config(
                BUCKET,
                server.region,
                server.endpoint_url,
                access_key=server.access_key,
                secret_key=server.secret_key,
                path_style=True,
            )
            async with open_s3(config) as store:
                await store.ensure_bucket()
                await _measure(root, server, store, options)


async def _measure(
    root: Path, server: S3Server, store: S3Storage, options: argparse.Namespace
) -> None:
    for load in (
        Load("small", options.small, options.small_mb * MB),
        Load("large", options.large, options.large_mb * MB),
    ):
        if load.count:
            await asyncio.to_thread(compare, root, server, load, options)
    if options.keys:
        await seed_keys(store, options.keys)
        await asyncio.to_thread(compare_lists, server, options)
    if options.huge_gb:
        await asyncio.to_thread(huge, root, server, options)


def compare(root: Path, server: S3Server, load: Load, options: argparse.Namespace) -> None:
    """Every client in turn, in another order each round, up and then down again."""
    folder = root / load.name
    made = make_files(folder, load)
    total_mb = load.count * load.size_bytes / MB
    found: dict[tuple[str, str], list[Measured]] = {}
    for number in range(options.rounds):
        order = random.Random(number).sample(options.clients, len(options.clients))
        for client in order:
            prefix = f"{load.name}-{client}-{number}-{secrets.token_hex(4)}"
            job = Job(
                client,
                "upload",
                server.endpoint_url,
                server.access_key,
                server.secret_key,
                BUCKET,
                prefix,
                [(path.name, str(path)) for path in sorted(made)],
                {path.name: digest for path, digest in made.items()},
                options.uvloop,
                load.size_bytes,
            )
            found.setdefault((client, "upload"), []).append(run(job))
            with tempfile.TemporaryDirectory(dir=root) as target:
                back = [(key, str(Path(target, key))) for key, _ in job.files]
                down = replace(job, task="download", files=back)
                found.setdefault((client, "download"), []).append(run(down))
                check(back, job.sha256)
            print(".", end="", flush=True)
    print(
        f"\n{load.count} files of {load.size_bytes / MB:g} MB, medians of {options.rounds} rounds"
    )
    for task in ("upload", "download"):
        tell(task, {c: found[c, task] for c in options.clients}, total_mb)


def tell(task: str, found: dict[str, list[Measured]], total_mb: float) -> None:
    speeds = {c: total_mb / statistics.median(m.seconds for m in each) for c, each in found.items()}
    best = max((speeds[c] for c in PYTHON if c in speeds and c != "autodj"), default=None)
    print(f"{task:10}{'MB/s':>8}{'CPU s/GB':>10}{'peak MB':>9}")
    for client, each in found.items():
        cpu_s = statistics.median(m.cpu_s for m in each) / total_mb * 1000
        peak_mb = max(m.peak_bytes for m in each) / MB
        print(f"{client:10}{speeds[client]:8.0f}{cpu_s:10.2f}{peak_mb:9.0f}")
    if best is not None and "autodj" in speeds:
        print(f"autodj / fastest other Python client: {speeds['autodj'] / best:.2f}")


def run(job: Job) -> Measured:
    command = [sys.executable, "-m", "bench.storage.task", json.dumps(asdict(job))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{job.client} {job.task}: {done.returncode} {done.stderr[-2000:]}")
    return Measured(**json.loads(done.stdout))


def check(files: Sequence[tuple[str, str]], sha256: dict[str, str]) -> None:
    """What is fast and wrong does not count."""
    for key, path in files:
        with Path(path).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        assert digest == sha256[key], f"{key} came back as something else"


def make_files(folder: Path, load: Load) -> dict[Path, str]:
    """Files of noise with their hashes; each differs from the others."""
    folder.mkdir()
    chance = random.Random(load.name)
    block = chance.randbytes(BLOCK_BYTES)
    made = {}
    for number in range(load.count):
        path = folder / f"{number:06}.bin"
        digest = hashlib.sha256()
        with path.open("wb") as file:
            left = load.size_bytes
            while left > 0:
                piece = (chance.randbytes(16) + block)[:left]
                file.write(piece)
                digest.update(piece)
                left -= len(piece)
        made[path] = digest.hexdigest()
    return made


async def seed_keys(store: S3Storage, count: int) -> None:
    waiting = iter(range(count))

    async def work() -> None:
        for number in waiting:
            await store._client.put_object(  # noqa: SLF001 - seeding needs none of the promises
                Bucket=BUCKET, Key=f"keys/{number:07}", Body=b""
            )

    await asyncio.gather(*(work() for _ in range(SEEDS_AT_ONCE)))


def compare_lists(server: S3Server, options: argparse.Namespace) -> None:
    found: dict[str, list[Measured]] = {}
    for _ in range(options.rounds):
        for client in (c for c in options.clients if c in PYTHON):
            job = Job(
                client, "list", server.endpoint_url, server.access_key, server.secret_key,
                BUCKET, "keys", [], {}, options.uvloop,
            )  # fmt: skip
            found.setdefault(client, []).append(run(job))
    print(f"\nlist of {options.keys} keys, medians of {options.rounds} rounds")
    for client, each in found.items():
        assert {m.count for m in each} == {options.keys}, client
        seconds = statistics.median(m.seconds for m in each)
        print(f"{client:10}{seconds:8.2f} s{options.keys / seconds:10.0f} keys/s")


def huge(root: Path, server: S3Server, options: argparse.Namespace) -> None:
    """One file that no memory would hold, up and down."""
    load = Load("huge", 1, int(options.huge_gb * 1000) * MB)
    made = make_files(root / load.name, load)
    [(path, digest)] = made.items()
    job = Job(
        "autodj", "upload", server.endpoint_url, server.access_key, server.secret_key,
        BUCKET, "huge", [(path.name, str(path))], {path.name: digest}, options.uvloop,
        load.size_bytes,
    )  # fmt: skip
    up = run(job)
    path.unlink()
    down = run(replace(job, task="download"))
    check(job.files, job.sha256)
    for task, measured in (("upload", up), ("download", down)):
        speed = load.size_bytes / MB / measured.seconds
        print(
            f"\n{options.huge_gb:g} GB {task}: {measured.peak_bytes / MB:.0f} MB above start, "
            f"{speed:.0f} MB/s"
        )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.storage", description=__doc__)
    parser.add_argument("--small", type=int, default=200, help="small files (200)")
    parser.add_argument("--small-mb", type=int, default=5, help="MB of each (5)")
    parser.add_argument("--large", type=int, default=2, help="large files (2)")
    parser.add_argument("--large-mb", type=int, default=250, help="MB of each (250)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each client runs (3)")
    parser.add_argument("--keys", type=int, default=0, help="also list so many keys")
    parser.add_argument("--huge-gb", type=float, default=0, help="also one file of so many GB")
    parser.add_argument("--uvloop", action="store_true", help="asyncio clients on uvloop")
    parser.add_argument("--folder", type=Path, help="where the files go (the system's choice)")
    parser.add_argument(
        "--clients", nargs="+", choices=[*CLIENTS], default=[*CLIENTS], help="which (all)"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
