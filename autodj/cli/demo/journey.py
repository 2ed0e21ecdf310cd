"""The stations of the demonstration, from a file on disk to bytes from the CDN."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from autodj.audio.pieces import PIECES
from autodj.cli import words
from autodj.cli.adding import follow
from autodj.cli.client import Client, open_client
from autodj.cli.demo.delivery import Player, link_check
from autodj.cli.demo.report import Bars, Report, Visit
from autodj.cli.demo.takes import Take, take_of, takes_in
from autodj.cli.house import House, Plan, live
from autodj.cli.steps import Steps
from autodj.cli.welcome import welcome
from autodj.errors import AutodjError, CommandError

PROCESS_S = 300


@dataclass(frozen=True, slots=True)
class Journey:
    """What was asked for; ``audio`` is a folder of files, None renders pieces."""

    plan: Plan
    audio: Path | None
    once: bool


async def travel(journey: Journey, steps: Steps) -> Report:
    """Go the whole way and tell of it; what was found, not finished when Ctrl-C ended it."""
    began_s = time.monotonic()
    report = Report(steps.out)
    report.opening(journey.plan.data_dir)

    with tempfile.TemporaryDirectory(prefix="autodj-audio-") as folder:
        takes = await _takes(journey.audio, Path(folder), report, steps)

        async def stay(house: House) -> None:
            await _visit_all(house, takes, report)
            report.closing(time.monotonic() - began_s)
            if not journey.once:
                link = await house.login_link()
                welcome(steps.out, journey.plan.data_dir, house.settings, link)
                await house.supervisor.until_stopped()

        report.heading("Start", "all that a real installation has, on this machine")
        await live(journey.plan, steps, stay)
    return report


async def _takes(audio: Path | None, folder: Path, report: Report, steps: Steps) -> Sequence[Take]:
    if audio is not None:
        takes = takes_in(audio)
        report.heading("Audio", f"{words.plural(len(takes), 'file')} of {audio}")
        return takes
    report.heading("Audio", "pieces of music, played by autodj itself")
    takes = []
    for piece in PIECES:
        about = f"{piece.codec}, {words.clock(piece.duration_s)}, {piece.bpm:g} BPM, {piece.key}"
        with steps.step(piece.title, about):
            takes.append(await asyncio.to_thread(take_of, piece, folder))
    return takes


async def _visit_all(house: House, takes: Sequence[Take], report: Report) -> None:
    async with open_client(house.server) as client, aiohttp.ClientSession() as http:
        player = Player(http, house.server)
        report.heading("Ingest", "POST /api/v1/tracks; playable from the answer on")
        visits = [await _ingest(client, player, take, report) for take in takes]
        taken = [visit for visit in visits if visit is not None]
        if not taken:
            raise CommandError("None of the files was taken")
        report.heading("Analyse and publish", "the worker measures, then uploads to S3")
        await _process(client, taken, report)
        for visit in taken:
            visit.after = await client.read(f"/tracks/{visit.track_id}")
        report.measured(taken)
        report.heading("Play", "as a player does; every byte is compared with the file")
        for visit in taken:
            await _play(client, player, visit, report, cdn_origin=house.settings.cdn.origin or "")


async def _ingest(client: Client, player: Player, take: Take, report: Report) -> Visit | None:
    """Send the file, play its start at once, and send it again; None when it is refused."""
    original = await asyncio.to_thread(take.path.read_bytes)
    began_s = time.monotonic()
    try:
        sent = await client.send_file(take.path)
    except CommandError as refusal:
        report.refused(take.path.name, refusal)
        return None
    visit = Visit(take, original, sent.track)
    answered_s = time.monotonic() - began_s
    start = await player.first_bytes(visit.track_id, original)
    again = await client.send_file(take.path)
    same = not again.created and again.track["id"] == visit.track_id
    report.ingested(visit, created=sent.created, took_s=answered_s, start=start, again_is_same=same)
    return visit


async def _process(client: Client, visits: Sequence[Visit], report: Report) -> None:
    """Follow every job to its end over server-sent events."""
    with report.bars(visits) as bars:

        async def one(visit: Visit) -> None:
            began_s = time.monotonic()
            fault = None
            try:
                await _follow(client, visit, bars)
            except AutodjError as error:
                fault = error
            bars.ends(visit, time.monotonic() - began_s, fault)

        async with asyncio.TaskGroup() as group:
            for visit in visits:
                group.create_task(one(visit))


async def _follow(client: Client, visit: Visit, bars: Bars) -> None:
    job_id = visit.before["job_id"]
    if job_id is not None:  # none is for a track that was finished before
        job = await client.read(f"/jobs/{job_id}")
        try:
            async with asyncio.timeout(PROCESS_S):
                await follow(client, job, lambda step, share: bars.goes(visit, step, share))
        except TimeoutError:
            raise CommandError(f"not finished after {PROCESS_S} s; see the worker's log") from None


async def _play(
    client: Client, player: Player, visit: Visit, report: Report, *, cdn_origin: str
) -> None:
    report.title(visit)
    link = await client.read(f"/tracks/{visit.track_id}/audio/url")
    report.check(link_check(link, visit.sha256, len(visit.original), cdn_origin))
    report.remark(f"until {link['expires_at']}, etag {link['etag'][:17]}...")
    report.remark(link["url"])
    location, redirect = await player.follow(visit.track_id)
    report.check(redirect)
    report.check(await player.ranges(location, visit.original))
    report.check(await player.whole(location, visit.original))
    report.check(await player.forged(location))
