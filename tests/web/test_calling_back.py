"""Fetches and runs of measuring again that are called back, wherever they were ordered."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest
from playwright.async_api import Locator, Route, expect

from autodj.db import Job, JobKind, JobState
from autodj.db import jobs as job_rows
from tests.web.conftest import Visiting
from tests.web.house import House, Person
from tests.web.visit import Visit

pytestmark = pytest.mark.asyncio(loop_scope="session")

CANCELS = "**/api/v1/jobs/*/cancel"
LONGEST_WAIT_S = 120
NOT_WHOLE = (
    "Its address is not shown whole, for it may hold a key: order it again where you have it."
)


@contextmanager
def slow_folder(folder: Path) -> Iterator[tuple[str, Event]]:
    """An address that answers nobody before the event is set."""
    release = Event()

    class Slow(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            release.wait(LONGEST_WAIT_S)
            super().do_GET()

        def log_message(self, *_: object) -> None:
            pass

        def copyfile(self, *files: object) -> None:
            with suppress(OSError):  # who asked does not want it any more
                super().copyfile(*files)  # type: ignore[arg-type] # two files

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Slow, directory=folder)) as server:
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", release
        release.set()
        server.shutdown()
        thread.join()


async def fetch(guest: Visit, url: str) -> Locator:
    """Ask for the address; its line."""
    await guest.page.get_by_label("Address of a track").fill(url)
    await guest.page.get_by_role("button", name="Fetch").click()
    return guest.page.locator(".upload", has=guest.page.locator(f"[title='{url}']"))


async def is_running(house: House, person: Person) -> None:
    """Wait until a worker is at the fetch."""
    async with asyncio.timeout(LONGEST_WAIT_S):
        while not any(job["state"] == "running" for job in await jobs_of(house, person)):
            await asyncio.sleep(0.05)


async def jobs_of(house: House, person: Person) -> list[dict[str, str]]:
    items: list[dict[str, str]] = (await house.ask(person, "GET", "/jobs"))["items"]
    return items


async def run_of(house: House, person: Person) -> Job:
    """Three tracks are measured again, and no worker is at it."""
    async with house.database() as db:
        now = await db.now()
        async with db.transaction() as session:
            return job_rows.add(
                session, owner_id=person.id, kind=JobKind.REANALYSIS, step="reanalyze", now=now
            )


async def goes(house: House, run: Job, done: int) -> None:
    """The run has come so far."""
    async with house.database() as db:
        now = await db.now()
        values = {"state": JobState.RUNNING, "result": {"tracks": 3, "done": done, "failed": 0}}
        async with db.transaction() as session:
            await job_rows.change(session, run.id, now=now, **values)


async def test_a_fetch_is_called_back_and_asked_for_anew(
    local_house: House, newcomer: Person, visit: Visiting, clips: list[Path]
) -> None:
    guest = await visit(local_house, newcomer)
    await guest.open()
    with slow_folder(clips[0].parent) as (address, release):
        url = f"{address}/Harbour.mp3"
        line = await fetch(guest, url)
        await is_running(local_house, newcomer)
        await expect(line.locator(".upload-words")).to_contain_text("Fetching")
        await line.get_by_role("button", name=f"Cancel {url}").press("Enter")
        await expect(line.locator(".upload-words")).to_have_text("Cancelled")
        await expect(line.get_by_role("button", name="Retry")).to_be_focused()
        await expect(guest.page.locator("#upload-news")).to_have_text(f"{url}: Cancelled")
        await expect(line.locator("[data-act=cancel]")).to_be_hidden()
        [job] = await jobs_of(local_house, newcomer)
        assert job["step"] == "cancelled"
        release.set()
        await guest.page.keyboard.press("Enter")
        await expect(guest.row("Harbour")).to_have_count(1)
    await expect(guest.page.locator(".upload")).to_have_count(1)


async def test_a_fetch_is_called_back_before_its_order_is_answered(
    local_house: House, newcomer: Person, visit: Visiting, clips: list[Path]
) -> None:
    guest = await visit(local_house, newcomer)
    await guest.open()
    answer = asyncio.Event()

    async def hold(route: Route) -> None:
        response = await route.fetch()
        await answer.wait()
        await route.fulfill(response=response)

    await guest.page.route("**/api/v1/tracks", hold)
    with slow_folder(clips[0].parent) as (address, _):
        line = await fetch(guest, f"{address}/Harbour.mp3")
        await is_running(local_house, newcomer)
        cancel = line.locator("[data-act=cancel]")
        await cancel.press("Enter")
        await expect(line.locator(".upload-words")).to_have_text("Cancelling")
        await expect(guest.page.locator("#upload-news")).to_contain_text("Cancelling")
        await expect(cancel).to_be_focused()
        await expect(cancel).to_have_attribute("aria-disabled", "true")
        await cancel.press("Enter")
        answer.set()
        await expect(line.locator(".upload-words")).to_have_text("Cancelled")
        await expect(line.get_by_role("button", name="Retry")).to_be_focused()
        [job] = await jobs_of(local_house, newcomer)
        assert job["step"] == "cancelled"
    await expect(guest.page.locator(".upload")).to_have_count(1)


async def test_what_is_called_back_too_late_is_told_to_be_there(
    local_house: House, newcomer: Person, visit: Visiting, clips: list[Path]
) -> None:
    guest = await visit(local_house, newcomer)
    guest.expected.append("409")
    await guest.open()
    arrived = asyncio.Event()

    async def hold(route: Route) -> None:
        await arrived.wait()
        await route.continue_()

    await guest.page.route(CANCELS, hold)
    with slow_folder(clips[0].parent) as (address, release):
        line = await fetch(guest, f"{address}/Harbour.mp3")
        await is_running(local_house, newcomer)
        async with guest.page.expect_response(CANCELS) as refused:
            await line.locator("[data-act=cancel]").click()
            release.set()
            await expect(guest.row("Harbour")).to_have_count(1)
            arrived.set()
        assert (await refused.value).status == 409
    words = line.locator(".upload-words")
    await expect(words).to_have_text("Too late to cancel, it is in your library")
    await expect(guest.page.locator("#uploads")).to_be_focused()


async def test_what_could_not_be_called_back_goes_on_and_can_be_again(
    local_house: House, newcomer: Person, visit: Visiting, clips: list[Path]
) -> None:
    guest = await visit(local_house, newcomer)
    guest.expected.append("ERR_CONNECTION_RESET")
    await guest.open()

    async def cut(route: Route) -> None:
        await route.abort("connectionreset")

    await guest.page.route(CANCELS, cut, times=1)
    with slow_folder(clips[0].parent) as (address, _):
        line = await fetch(guest, f"{address}/Harbour.mp3")
        await is_running(local_house, newcomer)
        cancel = line.locator("[data-act=cancel]")
        await cancel.press("Enter")
        alert = guest.page.locator("#alerts .toast")
        await expect(alert).to_contain_text("Cancelling: autodj does not answer")
        await expect(cancel).to_be_focused()
        await expect(cancel).to_have_attribute("aria-disabled", "false")
        await cancel.press("Enter")
        await expect(line.locator(".upload-words")).to_have_text("Cancelled")


async def test_a_fetch_that_failed_is_made_again_by_retry(
    local_house: House, newcomer: Person, visit: Visiting, clips: list[Path], tmp_path: Path
) -> None:
    guest = await visit(local_house, newcomer)
    await guest.open()
    with slow_folder(tmp_path) as (address, release):
        release.set()
        line = await fetch(guest, f"{address}/late.mp3")
        await expect(line).to_have_attribute("data-state", "refused")
        (tmp_path / "late.mp3").symlink_to(clips[0])
        await line.get_by_role("button", name="Retry").click()
        await expect(guest.row("Harbour")).to_have_count(1)


async def test_fetches_from_elsewhere_are_shown_until_they_are_over(
    local_house: House, newcomer: Person, visit: Visiting, clips: list[Path]
) -> None:
    guest = await visit(local_house, newcomer)
    with slow_folder(clips[0].parent) as (address, release):
        for clip in clips:
            body = {"url": f"{address}/{clip.name}"}
            await local_house.ask(newcomer, "POST", "/tracks", json=body)
        await guest.open()
        lines = guest.page.locator(".upload", has_text=address)
        await expect(lines).to_have_count(2)
        await lines.first.get_by_role("button", name=f"Cancel {address}").press("Space")
        await expect(lines.first.locator(".upload-words")).to_have_text("Cancelled")
        await expect(lines.first.get_by_role("button", name="Retry")).to_be_focused()
        release.set()
        await expect(guest.page.locator("tr.track")).to_have_count(1)
        await expect(lines).to_have_count(1)
    await guest.page.get_by_role("button", name="Clear finished").press("Enter")
    await expect(guest.page.locator("#upload-panel")).to_be_hidden()
    await expect(guest.page.locator(".add [data-pick=files]")).to_be_focused()


async def test_a_fetch_from_elsewhere_is_made_again_as_it_was_ordered(
    local_house: House, newcomer: Person, visit: Visiting, clips: list[Path]
) -> None:
    guest = await visit(local_house, newcomer)
    with slow_folder(clips[0].parent) as (address, release):
        body = {"url": f"{address}/{clips[0].name}", "visibility": "public"}
        await local_house.ask(newcomer, "POST", "/tracks", json=body)
        await guest.open()
        line = guest.page.locator(".upload", has_text=body["url"])
        await line.get_by_role("button", name="Cancel").click()
        await line.get_by_role("button", name="Retry").press("Enter")
        await expect(line).to_have_count(1)
        await expect(guest.page.locator("#uploads")).to_be_focused()
        release.set()
        await expect(guest.row("Harbour")).to_have_count(1)
    [track] = (await local_house.ask(newcomer, "GET", "/tracks"))["items"]
    assert track["visibility"] == "public"


async def test_a_fetch_from_elsewhere_with_a_query_says_why_it_has_no_retry(
    local_house: House, newcomer: Person, visit: Visiting, tmp_path: Path
) -> None:
    guest = await visit(local_house, newcomer)
    with slow_folder(tmp_path) as (address, release):
        for query in ("waits", "fails"):
            body = {"url": f"{address}/{query}.mp3?key={query}"}
            await local_house.ask(newcomer, "POST", "/tracks", json=body)
        await guest.open()
        lines = guest.page.locator(".upload", has_text=address)
        waits = lines.filter(has_text="/waits.mp3...")
        fails = lines.filter(has_text="/fails.mp3...")
        await expect(fails).to_have_count(1)
        await waits.get_by_role("button", name="Cancel").click()
        words = waits.locator(".upload-words")
        await expect(words).to_have_text(f"Cancelled. {NOT_WHOLE}")
        await expect(waits.get_by_role("button")).to_have_count(0)
        release.set()
        await expect(fails.locator(".upload-words")).to_contain_text(f" {NOT_WHOLE}")
        await expect(fails.get_by_role("button")).to_have_count(0)
        assert "key=" not in await guest.page.content()


async def test_a_run_of_measuring_again_is_shown_and_called_back(
    local_house: House, newcomer: Person, visit: Visiting
) -> None:
    guest = await visit(local_house, newcomer)
    await guest.open()
    run = await run_of(local_house, newcomer)
    await goes(local_house, run, done=1)
    line = guest.page.locator(".upload", has_text="Measuring again")
    words = line.locator(".upload-words")
    await expect(words).to_have_text("Measured 1 of 3 tracks")
    await goes(local_house, run, done=2)
    await expect(words).to_have_text("Measured 2 of 3 tracks")
    assert await guest.violations() == []
    await line.get_by_role("button", name="Cancel Measuring again").click()
    await expect(words).to_have_text("Cancelled. Measured 2 of 3 tracks")
    [job] = await jobs_of(local_house, newcomer)
    assert (job["state"], job["step"]) == ("failed", "cancelled")
