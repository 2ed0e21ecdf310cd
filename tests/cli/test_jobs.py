"""Looking at the work of a real running server, and cancelling it."""

from __future__ import annotations

import asyncio
import http.server
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from autodj.cli.client import Client, Document
from autodj.cli.running import find_running
from autodj.db import JobKind, JobState, open_database
from autodj.db import jobs as job_rows
from autodj.settings import load
from tests.cli.conftest import Here
from tests.cli.starting import Up, autodj

WITHIN_S = 120
FIFTH_OF_FIVE = {"tracks": 5, "done": 1, "failed": 0}


@contextmanager
def silent_address() -> Iterator[str]:
    """A URL that answers nobody until the end."""
    over = threading.Event()

    class Silent(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            over.wait(WITHIN_S)

        def log_message(self, *_args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Silent) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/mix.mp3"
        over.set()
        server.shutdown()
        thread.join()


def active(here: Here, up: Up) -> list[dict[str, Any]]:
    told = here("jobs", "--json", "--data", up.data_dir)
    assert told.code == 0, told.err
    found: list[dict[str, Any]] = json.loads(told.out)
    return found


def add_run(up: Up, state: JobState, job_id: UUID | None = None) -> UUID:
    """A run of measuring again that no worker is at."""

    async def add() -> UUID:
        running = find_running(up.data_dir)
        assert running is not None
        async with open_database(load(running.environment).database_url) as db:
            now = await db.now()
            async with db.transaction() as session:
                job = job_rows.add(
                    session,
                    job_id=job_id,
                    owner_id=running.user_id,
                    kind=JobKind.REANALYSIS,
                    step="reanalyze",
                    now=now,
                )
                job.state, job.result = state, FIFTH_OF_FIVE
                return job.id

    return asyncio.run(add())


def test_a_fetch_is_listed_while_it_runs_and_cancelled(here: Here, up: Up, home: Path) -> None:
    with silent_address() as url, ThreadPoolExecutor() as threads:
        asked = f"{url}?token=abc"
        adding = threads.submit(autodj, "add", asked, "--data", str(up.data_dir), home=home)
        deadline_s = time.monotonic() + WITHIN_S
        while not (found := active(here, up)) or found[0]["state"] != "running":
            assert time.monotonic() < deadline_s
        table = here("jobs", "--data", up.data_dir).out
        assert found[0]["id"][:8] in table
        assert f"fetch {url}..." in table
        ended = here("cancel", found[0]["id"][:8], "--data", up.data_dir)
        assert (ended.code, ended.err) == (0, "")
        assert ended.out == f"cancelled  {found[0]['id'][:8]}  fetch {url}...\n"
        added = adding.result()
    assert (added.returncode, added.stderr) == (
        1,
        f"{asked}: The job was cancelled. Ask for it again if you want it after all.\n",
    )
    assert active(here, up) == []
    assert here("jobs", "--data", up.data_dir).out == "Nothing is under way.\n"
    # Twice is as good as once.
    assert here("cancel", found[0]["id"], "--data", up.data_dir).code == 0


def test_a_run_of_measuring_again_tells_how_far_it_came(here: Here, up: Up) -> None:
    job_id = str(add_run(up, JobState.RUNNING))
    assert "measuring again, 1 of 5 tracks" in here("jobs", "--data", up.data_dir).out
    ended = here("cancel", job_id, "--data", up.data_dir)
    assert ended.out == f"cancelled  {job_id[:8]}  measuring again, 1 of 5 tracks\n"
    again = here("cancel", job_id, "--json", "--data", up.data_dir)
    [told] = json.loads(again.out)
    assert (told["problem"], told["job"]["state"]) == (None, "failed")


def test_what_is_over_is_told_and_stops_no_other(here: Here, up: Up) -> None:
    over, running = add_run(up, JobState.DONE), add_run(up, JobState.RUNNING)
    ended = here("cancel", over, running, "--data", up.data_dir)
    assert ended.code == 1
    assert ended.out.startswith(f"cancelled  {str(running)[:8]}  ")
    assert ended.err == f"{over}: The job is over. What it made is there; delete that instead.\n"
    told = json.loads(here("cancel", over, "--json", "--data", up.data_dir).out)
    assert [(each["job"], each["problem"]["code"]) for each in told] == [(None, "conflict")]


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ("ffffffffff", "No job's id starts with ffffffffff"),
        ("mix", "mix is not the id of a job"),
        ("", "'' is not the id of a job"),
        ("00000000-0000-4000-8000-000000000000", "There is nothing here for you"),
    ],
)
def test_a_job_that_is_not_there_is_told(here: Here, up: Up, named: str, told: str) -> None:
    ended = here("cancel", named, "--data", up.data_dir)
    assert (ended.code, ended.out) == (1, "")
    assert told in ended.err


def test_a_start_that_two_jobs_have_is_not_guessed(here: Here, up: Up) -> None:
    both = [UUID(f"abcdef01{uuid4().hex[8:]}") for _ in range(2)]
    for job_id in both:
        add_run(up, JobState.RUNNING, job_id)
    ended = here("cancel", "abcdef01", "--data", up.data_dir)
    assert "abcdef01 fits 2 jobs" in ended.err
    assert len(active(here, up)) == 2
    assert here("cancel", *both, "--data", up.data_dir).code == 0


def test_who_waits_for_a_run_that_is_cancelled_is_told(
    here: Here, up: Up, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = add_run(up, JobState.RUNNING)
    assert here("cancel", job_id, "--data", up.data_dir).code == 0

    async def ordered(client: Client, _path: str, _order: Document) -> Document:
        return await client.read(f"/jobs/{job_id}")

    monkeypatch.setattr(Client, "order", ordered)
    told = here("reanalyze", "--all", "--data", up.data_dir)
    assert (told.code, told.out) == (1, "Cancelled: 1 of 5 tracks measured again\n")
