"""A library measured again while everything is killed: ``python -m bench.reanalysis``.

Starts ``autodj up``, adds tracks and corrects each, makes their analyses old, and orders a run.
At random moments of a fixed seed the whole of it (web, worker, broker, decoder) gets SIGKILL and is
started again. While it is up, every track is played. Printed are the kills, how often a
track was played and how often not, and whether at the end every track is measured by the new
version, keeps its corrections, its bytes and its place, and nothing else lies on the disk.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import aiohttp
from sqlalchemy import update

from autodj.audio.facts import ANALYSIS_VERSION
from autodj.cli.running import Running, find_running
from autodj.cli.where import own_token
from autodj.db import Track, open_database
from autodj.settings import environment, load
from tests.clips import make_clip

CORRECTION: Final = {"bpm": 121.5, "nudge_ms": 7.0, "downbeat_s": 3.0, "metre": 3}
# What a dead worker had in hand waits for as long as the longest job may take.
SETTINGS: Final = {
    "REANALYSIS_AT_ONCE": "2",
    "ANALYSIS_TIMEOUT_S": "20",
    "FETCH_TOTAL_S": "20",
    "JOB_TIMEOUT_S": "30",
    "RENDER_TIMEOUT_S": "30",
    "RENDITIONS": "never",
}
STARTS_WITHIN_S: Final = 180
ENDS_WITHIN_S: Final = 600


class House:
    """One data folder, and the ``autodj up`` on it that is killed and started again."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "autodj", "up", "--port", "0", "--data"]
        self.process = subprocess.Popen(
            [*command, str(self.data_dir)],
            env={**environment(), **SETTINGS},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    async def running(self) -> Running:
        """Once it answers."""
        async with asyncio.timeout(STARTS_WITHIN_S):
            while True:
                found = find_running(self.data_dir)
                if found is not None and await _answers(found.url):
                    return found
                await asyncio.sleep(0.1)

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        assert self.process is not None
        if how is signal.SIGKILL:
            os.killpg(self.process.pid, how)
        else:
            self.process.send_signal(how)
        self.process.wait()


async def _answers(url: str) -> bool:
    try:
        async with aiohttp.ClientSession() as http, http.get(f"{url}/readyz") as answer:
            return answer.status == 200
    except (aiohttp.ClientError, OSError):
        return False


def client(running: Running) -> aiohttp.ClientSession:
    token = own_token(load(running.environment), running.user_id)
    return aiohttp.ClientSession(running.url, headers={"Authorization": f"Bearer {token}"})


async def stock(house: House, clips: Path, count: int) -> dict[str, Mapping[str, Any]]:
    """The tracks as they are after their correction, by id; their analyses are old."""
    running = await house.running()
    for number in range(count):
        make_clip(clips / f"{number}.mp3", 20, bpm=90 + number)
    command = ("-m", "autodj", "add", str(clips), "--wait", "--data", str(house.data_dir))
    adding = await asyncio.create_subprocess_exec(
        sys.executable, *command, stdout=subprocess.DEVNULL
    )
    assert await adding.wait() == 0
    tracks = {}
    async with client(running) as http:
        async with http.get("/api/v1/tracks") as answer:
            listed = (await answer.json())["items"]
        for track in listed:
            path = f"/api/v1/tracks/{track['id']}"
            async with http.patch(path, json=CORRECTION) as answer:
                tracks[track["id"]] = await answer.json()
    settings = load(running.environment)
    async with open_database(settings.database_url) as db, db.transaction() as session:
        await session.execute(update(Track).values(analysis_version=ANALYSIS_VERSION - 1))
    return tracks


async def play(http: aiohttp.ClientSession, tracks: Mapping[str, Mapping[str, Any]]) -> int:
    """How many tracks do not give their own bytes."""
    silent = 0
    for track_id, track in tracks.items():
        async with http.get(f"/api/v1/tracks/{track_id}/audio/stream?rendition=original") as answer:
            content = await answer.read()
            silent += hashlib.sha256(content).hexdigest() != track["sha256"]
    return silent


async def attack(house: House, tracks: Mapping[str, Mapping[str, Any]], kills: int) -> int:
    """Order, kill and start again until the run is over; how many tracks were wrong at the end."""
    chance = random.Random(1)
    played = silent = killed = 0
    began_s = time.monotonic()
    running = await house.running()
    async with client(running) as http, http.post("/api/v1/reanalysis", json={}) as answer:
        job = await answer.json()
    while time.monotonic() - began_s < ENDS_WITHIN_S:
        until_s = time.monotonic() + chance.uniform(0.5, 4.0)
        async with client(await house.running()) as http:
            while killed == kills or time.monotonic() < until_s:
                silent += await play(http, tracks)
                played += len(tracks)
                async with http.get(f"/api/v1/jobs/{job['id']}") as answer:
                    now = await answer.json()
                if now["state"] == "done":
                    break
                await asyncio.sleep(0.5)
            if now["state"] == "done":
                print(f"killed {killed} times; played {played} times, {silent} times not")
                print(f"the job says {now['result']} after {time.monotonic() - began_s:.0f} s")
                return silent + await wrong(http, house, tracks)
        print(f"killed at {now['result']}", flush=True)
        house.kill()
        killed += 1
        house.start()
    raise SystemExit("the run did not end")


async def wrong(
    http: aiohttp.ClientSession, house: House, tracks: Mapping[str, Mapping[str, Any]]
) -> int:
    """How many tracks are not as they should be."""
    count = await play(http, tracks)
    for track_id, before in tracks.items():
        async with http.get(f"/api/v1/tracks/{track_id}") as answer:
            after = await answer.json()
        same = ("corrections", "sha256", "file_source", "file_state", "bpm")
        kept = all(after[name] == before[name] for name in same)
        count += not kept or after["analysis"]["version"] != ANALYSIS_VERSION
    left = [path for path in (house.data_dir / "media" / ".incoming").glob("*") if path.is_file()]
    print(f"of {len(tracks)} tracks {count} are wrong; {len(left)} files left behind")
    return count + len(left)


async def measure(count: int, kills: int) -> int:
    with tempfile.TemporaryDirectory(prefix="autodj-reanalysis-") as folder:
        (clips := Path(folder) / "clips").mkdir()
        house = House(Path(folder) / "data")
        house.start()
        try:
            tracks = await stock(house, clips, count)
            return await attack(house, tracks, kills)
        finally:
            house.kill(signal.SIGINT)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.reanalysis", description=__doc__)
    parser.add_argument("--tracks", type=int, default=8)
    parser.add_argument("--kills", type=int, default=3)
    options = parser.parse_args()
    return 1 if asyncio.run(measure(options.tracks, options.kills)) else 0


if __name__ == "__main__":
    raise SystemExit(main())
