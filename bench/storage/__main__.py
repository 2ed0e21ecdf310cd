"""``python -m bench.storage``: how fast, at what cost and in how much memory, beside others.

Every measurement has a server of its own that is empty at its start, so that none finds what
another left, and begins when the disk has taken all that was written before it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

from autodj.laptop.s3server import S3Server, open_s3_server
from autodj.storage.s3 import S3Config, open_s3
from bench.storage.encrypted import Papers, open_s3_server_over_tls, papers, trust
from bench.storage.files import MB, Load, check, make_files
from bench.storage.seeding import seed_keys
from bench.storage.table import CHECKS, OTHERS, tell, tell_lists
from bench.storage.task import CLIENTS, Job, Measured

BUCKET: Final = "bench"
LISTERS: Final = ("autodj", *OTHERS)


def main() -> None:
    asyncio.run(_go(_options()))


async def _go(options: argparse.Namespace) -> None:
    print(CHECKS)
    with tempfile.TemporaryDirectory(prefix="autodj-storage-", dir=options.folder) as name:
        root = Path(name)
        options.shown = papers(root) if options.tls else None
        if options.shown:
            trust(options.shown)
        for load in (
            Load("small", options.small, options.small_mb * MB),
            Load("large", options.large, options.large_mb * MB),
        ):
            if load.count:
                await compare(root, load, options)
        if options.keys:
            await compare_lists(root, options)
        if options.huge_gb:
            await huge(root, options)


@asynccontextmanager
async def served(root: Path, shown: Papers | None) -> AsyncGenerator[S3Server, None]:
    """An empty server with a bucket; what it stored is gone afterwards."""
    with tempfile.TemporaryDirectory(dir=root, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        opening = open_s3_server_over_tls(folder, shown) if shown else open_s3_server(folder)
        async with opening as server:
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
            yield server


async def compare(root: Path, load: Load, options: argparse.Namespace) -> None:
    """Every client in turn, in another order each round, up and then down again."""
    require_room(root, load)
    made = await asyncio.to_thread(make_files, root / load.name, load)
    found: dict[tuple[str, str], list[Measured]] = {}
    try:
        await _rounds(root, load, options, made, found)
    finally:
        _tell(load, options, found)
    shutil.rmtree(root / load.name)


async def _rounds(
    root: Path,
    load: Load,
    options: argparse.Namespace,
    made: Mapping[Path, str],
    found: dict[tuple[str, str], list[Measured]],
) -> None:
    for number in range(options.rounds):
        for client in random.Random(number).sample(options.clients, len(options.clients)):
            async with served(root, options.shown) as server:
                job = _job(client, server, options, made, load)
                found.setdefault((client, "upload"), []).append(await run(job))
                with tempfile.TemporaryDirectory(dir=root) as target:
                    back = [(key, str(Path(target, key))) for key, _ in job.files]
                    down = replace(job, task="download", files=back)
                    found.setdefault((client, "download"), []).append(await run(down))
                    await asyncio.to_thread(check, back, job.sha256)
            print(".", end="", flush=True)


def _tell(
    load: Load, options: argparse.Namespace, found: Mapping[tuple[str, str], list[Measured]]
) -> None:
    """Whatever there is, also when something ended the rounds early."""
    size_mb = load.size_bytes / MB
    print(f"\n\n{load.count} files of {size_mb:g} MB, medians of {options.rounds} rounds")
    for task in ("upload", "download"):
        known = {c: found[c, task] for c in options.clients if (c, task) in found}
        if known:
            tell(task, known, load)
        few = [c for c in options.clients if len(found.get((c, task), ())) < options.rounds]
        if few:
            print(f"NOT COMPLETE: {task} of {', '.join(few)}")


def require_room(root: Path, load: Load) -> None:
    """The files, the server's copy, what comes back, and a quarter more that the server takes."""
    needed_mb = load.bodies_mb + 2.25 * load.total_mb
    free_mb = shutil.disk_usage(root).free / MB
    if free_mb < needed_mb:
        raise SystemExit(f"{root} has room for {free_mb:.0f} MB, and {needed_mb:.0f} are needed.")


async def compare_lists(root: Path, options: argparse.Namespace) -> None:
    found: dict[str, list[Measured]] = {}
    listers = [client for client in options.clients if client in LISTERS]
    async with served(root, options.shown) as server:
        await seed_keys(server, BUCKET, "keys", options.keys)
        for number in range(options.rounds):
            for client in random.Random(number).sample(listers, len(listers)):
                job = replace(_job(client, server, options), task="list", prefix="keys")
                found.setdefault(client, []).append(await run(job))
    print(f"\nlist of {options.keys} keys, medians of {options.rounds} rounds")
    tell_lists({client: found[client] for client in listers}, options.keys)


async def huge(root: Path, options: argparse.Namespace) -> None:
    """One file that no memory would hold, up and down."""
    load = Load("huge", 1, int(options.huge_gb * 1000) * MB)
    require_room(root, load)
    made = await asyncio.to_thread(make_files, root / load.name, load)
    async with served(root, options.shown) as server:
        job = _job("autodj", server, options, made, load)
        up = await run(job)
        await asyncio.to_thread(os.unlink, job.files[0][1])
        down = await run(replace(job, task="download"))
    await asyncio.to_thread(check, job.files, job.sha256)
    shutil.rmtree(root / load.name)
    for task, measured in (("upload", up), ("download", down)):
        print(
            f"\n{options.huge_gb:g} GB {task}: {measured.peak_bytes / MB:.0f} MB above start, "
            f"{load.total_mb / measured.seconds:.0f} MB/s"
        )


async def run(job: Job) -> Measured:
    await asyncio.to_thread(os.sync)
    for _, path in job.files:
        if not Path(path).parent.exists():
            raise SystemExit(f"Somebody cleared {Path(path).parent} while it was in use.")
    before_s = _children_cpu_s()
    measured = await asyncio.to_thread(_run, job)
    measured.server_cpu_s = _children_cpu_s() - before_s
    return measured


def _run(job: Job) -> Measured:
    command = [sys.executable, "-m", "bench.storage.task"]
    told = json.dumps(asdict(job))
    done = subprocess.run(command, input=told, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{job.client} {job.task}: {done.returncode} {done.stderr[-2000:]}")
    return Measured(**json.loads(done.stdout))


def _children_cpu_s() -> float:
    """What the processes that this one started and that still run (the server) have used."""
    ticks = 0
    for listed in Path("/proc/self/task").glob("*/children"):
        for child in listed.read_text().split():
            fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _job(
    client: str,
    server: S3Server,
    options: argparse.Namespace,
    made: Mapping[Path, str] | None = None,
    load: Load | None = None,
) -> Job:
    files = made or {}
    return Job(
        client,
        "upload",
        server.endpoint_url,
        server.access_key,
        server.secret_key,
        BUCKET,
        f"{load.name if load else 'keys'}-{client.replace('+', '-')}",
        [(path.name, str(path)) for path in sorted(files)],
        {path.name: digest for path, digest in files.items()},
        options.uvloop,
        load.size_bytes if load else 0,
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.storage", description=__doc__)
    parser.add_argument("--small", type=int, default=1000, help="small files (1000)")
    parser.add_argument("--small-mb", type=int, default=5, help="MB of each (5)")
    parser.add_argument("--large", type=int, default=4, help="large files (4)")
    parser.add_argument("--large-mb", type=int, default=500, help="MB of each (500)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each client runs (3)")
    parser.add_argument("--keys", type=int, default=0, help="also list so many keys")
    parser.add_argument("--huge-gb", type=float, default=0, help="also one file of so many GB")
    parser.add_argument("--tls", action="store_true", help="the server is reached over TLS")
    parser.add_argument("--uvloop", action="store_true", help="asyncio clients on uvloop")
    parser.add_argument("--folder", type=Path, help="where the files go (the system's choice)")
    parser.add_argument(
        "--clients", nargs="+", choices=[*CLIENTS], default=[*CLIENTS], help="which (all)"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
