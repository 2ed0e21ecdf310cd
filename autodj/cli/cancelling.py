"""Finding jobs, laying out what they are at, and ending them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from rich.console import JustifyMethod
from rich.table import Table
from rich.text import Text

from autodj.cli import words
from autodj.cli.client import Client, Document
from autodj.cli.console import document_of
from autodj.cli.listing import SHORTEST_PREFIX
from autodj.errors import AutodjError, CommandError

RECENT_JOBS = "200"
_NAMES: Mapping[str, str] = {"fetch": "fetch", "process": "track", "reanalysis": "measuring again"}


@dataclass(frozen=True, slots=True)
class Ended:
    """A job that was cancelled, as it is then."""

    named: str
    job: Document

    def document(self) -> Document:
        """As the command prints it with --json."""
        return {"job": self.job, "named": self.named, "problem": None}


@dataclass(frozen=True, slots=True)
class NotEnded:
    """Why the job of that name could not be cancelled."""

    named: str
    fault: AutodjError

    def document(self) -> Document:
        return {"job": None, "named": self.named, "problem": document_of(self.fault)}


Outcome: TypeAlias = Ended | NotEnded


async def active_jobs(client: Client) -> list[Document]:
    """What waits or is under way, newest first."""
    listed = await client.read("/jobs", {"active": "true", "limit": RECENT_JOBS})
    return list(listed["items"])


async def cancel_all(client: Client, named: Sequence[str]) -> list[Outcome]:
    """End each of them; one that cannot be ended stops no other."""
    return [await _ended(client, name) for name in named]


async def find_job(client: Client, named: str) -> Document:
    """The job of that id, or the only recent one whose id starts so; CommandError otherwise."""
    wanted = named.lower()
    try:
        return await client.read(f"/jobs/{UUID(wanted)}")
    except ValueError:
        pass
    if not re.fullmatch(rf"[0-9a-f-]{{{SHORTEST_PREFIX},36}}", wanted):
        raise CommandError(
            f"{named or repr(named)} is not the id of a job",
            hint=f"`autodj jobs` shows them; {SHORTEST_PREFIX} characters are enough if unique.",
        )
    recent = (await client.read("/jobs", {"limit": RECENT_JOBS}))["items"]
    found = [job for job in recent if job["id"].startswith(wanted)]
    if len(found) == 1:
        return dict(found[0])
    if not found:
        raise CommandError(f"No job's id starts with {named}", hint="`autodj jobs` shows them.")
    raise CommandError(f"{named} fits {len(found)} jobs", hint="Give more of the id.")


def table_of(jobs: Sequence[Document]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("id", "what", "state", "step", "done", "track"):
        justify: JustifyMethod = "right" if name == "done" else "left"
        table.add_column(name, justify=justify, no_wrap=name != "what", overflow="fold")
    for job in jobs:
        table.add_row(
            job["id"][: words.SHORT_ID],
            Text(about(job)),
            job["state"],
            job["step"],
            f"{job['progress']:.0%}",
            (job["track_id"] or "")[: words.SHORT_ID],
        )
    return table


def about(job: Document) -> str:
    """``fetch https://example.org/a.mp3``, ``measuring again, 12 of 300 tracks``."""
    name = _NAMES[job["kind"]]
    if order := job["order"]:
        more = "" if order["url_is_whole"] else "..."
        return words.printable(f"{name} {order['url']}{more}")
    result = job["result"]
    if job["kind"] != "reanalysis" or not result:
        return name
    return f"{name}, {result['done']} of {words.plural(result['tracks'], 'track')}"


async def _ended(client: Client, named: str) -> Outcome:
    try:
        job = await find_job(client, named)
        return Ended(named, await client.order(f"/jobs/{job['id']}/cancel"))
    except AutodjError as fault:
        return NotEnded(named, fault)
