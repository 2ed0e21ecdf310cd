"""How long a track takes from its upload to each of its stations: ``python -m bench.path``.

Runs the laptop installation for real (broker, worker, web process, S3 server and edge) and sends
it tracks over HTTP, one after the other. Each is played as soon as it is acknowledged, by its
link, and then watched until it is analysed and published.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp
import numpy as np
from rich.console import Console

from autodj.audio.encode import encode
from autodj.audio.synth import PIECES, RATE_HZ, render
from autodj.cli.client import Client, Document, open_client
from autodj.cli.house import House, Plan, live
from autodj.cli.parts import web_program
from autodj.cli.steps import Steps
from autodj.errors import CommandError
from autodj.laptop.binaries import WEED, find
from autodj.laptop.ports import free_ports
from autodj.laptop.process import running
from autodj.settings import environment

POLL_S: Final = 0.02
STARTS: Final = 5
PROC_KB: Final = 1024


@dataclass(frozen=True, slots=True)
class Stations:
    """Seconds from the last byte of the upload to each; ``published`` is None without S3."""

    acknowledged: float
    playing: float
    analysed: float
    published: float | None


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="autodj-bench-") as name:
        folder = Path(name)
        files = make_tracks(folder, options.tracks, options.minutes)
        size_mb = files[0].stat().st_size / 1e6
        print(f"{len(files)} MP3 files of {options.minutes:g} minutes, {size_mb:.1f} MB each")
        plan = Plan(folder / "data", 0, with_s3=_has_s3(), inherited=environment())
        steps = Steps(Console(quiet=True))

        async def stay(house: House) -> None:
            await measure(house, files, with_s3=plan.with_s3)

        asyncio.run(live(plan, steps, stay))


def make_tracks(folder: Path, count: int, minutes: float) -> Sequence[Path]:
    """Different MP3 files of one piece, each begun at another place."""
    piece = render(PIECES[0])
    size = round(minutes * 60 * RATE_HZ)
    long = np.tile(piece, -(-size // piece.shape[1]))[:, :size]
    files = []
    for number in range(count):
        path = folder / f"{number}.mp3"
        encode(np.roll(long, number * RATE_HZ, axis=1), RATE_HZ, path, codec="mp3")
        files.append(path)
    return files


async def measure(house: House, files: Sequence[Path], *, with_s3: bool) -> None:
    """Print the table for these files, sent to this installation."""
    await tell_starts(house)
    found = []
    async with open_client(house.server) as client, aiohttp.ClientSession() as player:
        for path in files:
            found.append(await travel(client, player, path, with_s3=with_s3))
            print(".", end="", flush=True)
    print(f"\n{'seconds after the last byte':28}{'median':>10}{'max':>10}")
    tell("acknowledged (201)", [each.acknowledged for each in found])
    tell("first byte of audio", [each.playing for each in found])
    tell("analysed", [each.analysed for each in found])
    published = [each.published for each in found if each.published is not None]
    if published:
        tell("published to S3", published)
    else:
        print("published to S3: not measured, the S3 server is not installed")


async def travel(
    client: Client, player: aiohttp.ClientSession, path: Path, *, with_s3: bool
) -> Stations:
    """Send one file and follow it."""
    uploaded_s = [0.0]

    def on_sent(sent_bytes: int) -> None:
        del sent_bytes  # the last call is that for the last byte
        uploaded_s[0] = time.perf_counter()

    track = (await client.send_file(path, on_sent)).track
    acknowledged = time.perf_counter() - uploaded_s[0]
    link = await client.read(f"/tracks/{track['id']}/audio/url")
    async with player.get(link["url"], headers={"Range": "bytes=0-65535"}) as answer:
        assert answer.status == 206
        await answer.content.readany()
        playing = time.perf_counter() - uploaded_s[0]
    analysed = published = None
    while analysed is None or (with_s3 and published is None):
        await asyncio.sleep(POLL_S)
        now = await client.read(f"/tracks/{track['id']}")
        passed = time.perf_counter() - uploaded_s[0]
        if analysed is None and _is_analysed(now):
            analysed = passed
        if published is None and now["file_source"] == "s3":
            published = passed
    return Stations(acknowledged, playing, analysed, published)


async def tell_starts(house: House) -> None:
    """Start more web processes on the same data, one after the other."""
    starts_s, resident_mb = [], []
    for _ in range(STARTS):
        [port] = free_ports(1)
        program = web_program(house.settings.data_dir, port, house.running.environment)
        began_s = time.perf_counter()
        async with running(program) as process:
            starts_s.append(time.perf_counter() - began_s)
            resident_mb.append(_resident_mb(process.pid))
    print(f"web process: ready after {statistics.median(starts_s):.2f} s, ", end="")
    print(f"{statistics.median(resident_mb):.0f} MB resident (medians of {STARTS} starts)")


def tell(what: str, seconds: Sequence[float]) -> None:
    print(f"{what:28}{statistics.median(seconds):10.3f}{max(seconds):10.3f}")


def _is_analysed(track: Document) -> bool:
    state = track["analysis"]["state"]
    assert state != "failed", track
    return bool(state == "done")


def _resident_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * PROC_KB / 1e6
    raise AssertionError("the process is gone")


def _has_s3() -> bool:
    try:
        find(WEED)
    except CommandError:
        return False
    return True


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.path", description=__doc__)
    parser.add_argument("--tracks", type=int, default=10, help="how many are sent (10)")
    parser.add_argument("--minutes", type=float, default=3.0, help="how long each is (3)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
