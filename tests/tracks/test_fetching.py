"""A URL becomes a track, or a job that says precisely why not."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from autodj.audio.facts import DecodeLimits
from autodj.audio.sandbox import Sandbox
from autodj.db import Database, FileSource, Job, JobState, Origin, Visibility
from autodj.db import jobs as job_rows
from autodj.db import tracks as track_rows
from autodj.errors import DiskFull, UrlNotAllowed
from autodj.jobs import Jobs
from autodj.storage.local import LocalStorage
from autodj.tracks.fetch_limits import FetchLimits
from autodj.tracks.fetching import MAX_BEGUN, MAX_FETCHES, request_fetch, run_fetch

LOOPBACK = FetchLimits(allow_private=True, allowed_ports=range(1, 65536), total_s=10)
STRICT = FetchLimits()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        return None


@pytest.fixture
def site(clip: Path) -> Generator[str]:
    """The folder of the clip over HTTP on loopback."""
    handler = partial(Quiet, directory=str(clip.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class Stalling:
    """The site, whose first answer is no file, and does not come before ``go`` is set."""

    def __init__(self, folder: Path) -> None:
        self.asked, self.go = threading.Event(), threading.Event()
        stalling = self

        class Handler(Quiet):
            def do_GET(self) -> None:
                if stalling.asked.is_set():
                    super().do_GET()
                else:
                    stalling.asked.set()
                    stalling.go.wait()
                    self.send_error(503)

        self.handler = partial(Handler, directory=str(folder))


@pytest.fixture
def stalling(clip: Path) -> Generator[tuple[Stalling, str]]:
    site = Stalling(clip.parent)
    with ThreadingHTTPServer(("127.0.0.1", 0), site.handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield site, f"http://127.0.0.1:{server.server_port}/{clip.name}"
        site.go.set()
        server.shutdown()
        thread.join()


class Fetcher:
    """The flow with its dependencies filled in."""

    def __init__(
        self, db: Database, local: LocalStorage, sandbox: Sandbox, jobs: Jobs, owner_id: UUID
    ) -> None:
        self.db, self.local, self.sandbox, self.jobs = db, local, sandbox, jobs
        self.owner_id = owner_id

    async def request(self, url: str, limits: FetchLimits = LOOPBACK) -> Job:
        return await request_fetch(
            self.db,
            self.jobs,
            limits,
            job_id=uuid4(),
            owner_id=self.owner_id,
            url=url,
            visibility=Visibility.PRIVATE,
        )

    async def run(self, job: Job, limits: FetchLimits = LOOPBACK) -> Job:
        await run_fetch(
            self.db, self.local, self.sandbox, self.jobs, DecodeLimits(), limits, job.id
        )
        async with self.db.transaction() as session:
            return await job_rows.get(session, job.id)

    def leftovers(self) -> list[Path]:
        return [path for path in self.local.root.rglob("*") if path.is_file()]


@pytest.fixture
def fetcher(
    db: Database, local: LocalStorage, sandbox: Sandbox, jobs: Jobs, owner_id: UUID
) -> Fetcher:
    return Fetcher(db, local, sandbox, jobs, owner_id)


async def test_a_url_becomes_a_local_track_that_remembers_where_it_came_from(
    fetcher: Fetcher, site: str, clip: Path
) -> None:
    url = f"{site}/{clip.name}"
    job = await fetcher.run(await fetcher.request(url))
    assert (job.state, job.progress, job.problem) == (JobState.DONE, 1.0, None)
    assert job.result == {"tracks": 1, "created": True, "sources": {"local": 1, "s3": 0}}
    assert job.track_id is not None
    async with fetcher.db.transaction() as session:
        track = await track_rows.get(session, job.track_id)
    assert (track.origin, track.origin_url) == (Origin.URL, url)
    assert track.file_source is FileSource.LOCAL
    assert track.original_name == clip.name


async def test_fetching_the_same_bytes_again_finds_the_first_track(
    fetcher: Fetcher, site: str, clip: Path
) -> None:
    url = f"{site}/{clip.name}"
    first = await fetcher.run(await fetcher.request(url))
    second = await fetcher.run(await fetcher.request(url))
    assert second.track_id == first.track_id
    assert second.result is not None
    assert second.result["created"] is False


async def test_a_finished_job_is_not_run_again(fetcher: Fetcher, site: str, clip: Path) -> None:
    job = await fetcher.run(await fetcher.request(f"{site}/{clip.name}"))
    again = await fetcher.run(job)
    assert again.version == job.version


@pytest.mark.parametrize(
    ("path", "code"), [("nothing.mp3", "fetch_failed"), ("", "unsupported_media")]
)
async def test_what_cannot_be_used_is_the_jobs_problem_and_leaves_nothing(
    fetcher: Fetcher, site: str, path: str, code: str
) -> None:
    job = await fetcher.run(await fetcher.request(f"{site}/{path}"))
    assert job.state is JobState.FAILED
    assert job.problem is not None
    assert job.problem["code"] == code
    assert job.problem["hint"]
    assert fetcher.leftovers() == []


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.net/a.mp3",
        "file:///etc/passwd",
        "http://127.0.0.1/a.mp3",
        "http://[::1]/a.mp3",
        "http://169.254.169.254/latest",
        "http://user@example.net/a.mp3",
        "http://example.net:22/a.mp3",
    ],
)
async def test_an_address_that_is_never_fetched_is_refused_at_once(
    fetcher: Fetcher, url: str
) -> None:
    with pytest.raises(UrlNotAllowed):
        await fetcher.request(url, STRICT)


async def test_a_name_that_cannot_be_decoded_is_left_to_the_lookup(fetcher: Fetcher) -> None:
    assert (await fetcher.request("http://xn--a.example/a.mp3", STRICT)).state is JobState.QUEUED


async def test_a_private_address_fails_the_job(fetcher: Fetcher, site: str) -> None:
    job = await fetcher.request(site.replace("127.0.0.1", "localhost"))
    strict = FetchLimits(allowed_ports=range(1, 65536))
    assert (await fetcher.run(job, strict)).problem is not None
    async with fetcher.db.transaction() as session:
        row = await job_rows.get(session, job.id)
    assert row.problem is not None
    assert row.problem["code"] == "url_not_allowed"


async def test_a_fault_of_ours_is_tried_again_later_and_then_told(
    fetcher: Fetcher, site: str, clip: Path
) -> None:
    def full(step: str) -> None:
        if step == "rename":
            raise DiskFull

    job = await fetcher.request(f"{site}/{clip.name}")
    fetcher.local = LocalStorage(fetcher.local.root, step=full)
    states = [(await fetcher.run(job)).state for _ in range(MAX_FETCHES)]
    assert states == [JobState.QUEUED, JobState.QUEUED, JobState.FAILED]
    async with fetcher.db.transaction() as session:
        row = await job_rows.get(session, job.id)
    assert row.problem is not None
    assert (row.problem["code"], row.next_attempt_at) == ("disk_full", None)
    assert fetcher.leftovers() == []


async def test_a_fault_nobody_foresaw_ends_the_job(fetcher: Fetcher, site: str, clip: Path) -> None:
    def broken(_: str) -> None:
        raise ZeroDivisionError

    job = await fetcher.request(f"{site}/{clip.name}")
    fetcher.local = LocalStorage(fetcher.local.root, step=broken)
    ended = await fetcher.run(job)
    assert ended.problem is not None
    assert (ended.state, ended.problem["code"]) == (JobState.FAILED, "internal")


@pytest.mark.parametrize(
    ("ended", "state"), [(MAX_BEGUN - 1, JobState.DONE), (MAX_BEGUN, JobState.FAILED)]
)
async def test_a_fetch_that_no_worker_outlives_ends(
    fetcher: Fetcher, site: str, clip: Path, ended: int, state: JobState
) -> None:
    job = await fetcher.request(f"{site}/{clip.name}")
    now = await fetcher.db.now()
    for _ in range(ended):
        async with fetcher.db.transaction() as session:
            await job_rows.begin(session, job.id, now=now, step="fetch")
    assert (await fetcher.run(job)).state is state


async def under_way(fetcher: Fetcher, site: Stalling, job: Job) -> asyncio.Task[Job]:
    """A try of the job that waits for the site's answer."""
    trying = asyncio.create_task(fetcher.run(job))
    await asyncio.to_thread(site.asked.wait)
    return trying


async def test_who_fails_after_another_worker_has_ended_the_job_takes_nothing_back(
    fetcher: Fetcher, stalling: tuple[Stalling, str]
) -> None:
    site, url = stalling
    job = await fetcher.request(url)
    slow = await under_way(fetcher, site, job)
    ended = await fetcher.run(job)
    assert ended.state is JobState.DONE
    site.go.set()
    assert (await slow).version == ended.version


async def test_who_fails_after_another_worker_has_begun_leaves_the_job_to_him(
    fetcher: Fetcher, stalling: tuple[Stalling, str]
) -> None:
    site, url = stalling
    job = await fetcher.request(url)
    slow = await under_way(fetcher, site, job)
    now = await fetcher.db.now()
    async with fetcher.db.transaction() as session:
        await job_rows.begin(session, job.id, now=now, step="fetch")
    site.go.set()
    left = await slow
    assert (left.state, left.attempts) == (JobState.RUNNING, 2)
