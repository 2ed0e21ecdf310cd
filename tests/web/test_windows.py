"""Many windows of one browser on the page: they share six connections to the server."""

from __future__ import annotations

from uuid import UUID

import pytest
from playwright.async_api import Page, expect

from autodj.api.jobs import STREAMS_OF_A_BROWSER
from autodj.db import JobKind, JobState, jobs
from tests.web.conftest import Visiting
from tests.web.house import House, Person
from tests.web.test_library import numbered, stock
from tests.web.visit import Visit

pytestmark = pytest.mark.asyncio(loop_scope="session")

WINDOWS = 8


async def another(guest: Visit, address: str = "", *, light: str = "Live") -> Page:
    """One more window of the same browser."""
    page = await guest.page.context.new_page()
    page.on("console", guest.heard)
    page.on("request", guest.asked)
    await page.goto(address or guest.house.url)
    await expect(page.locator("#live")).to_have_text(light)
    return page


async def one_track(house: House, person: Person) -> UUID:
    """The one track of somebody, which has no bytes."""
    await stock(house, person, *numbered(1))
    return UUID((await house.ask(person, "GET", "/tracks"))["items"][0]["id"])


async def begin(house: House, person: Person, track_id: UUID) -> UUID:
    """A job of the track that goes on until a test ends it."""
    async with house.database() as db, db.transaction() as session:
        now, kind = await db.now(), JobKind.PROCESS
        job = jobs.add(
            session, owner_id=person.id, kind=kind, step="analyze", now=now, track_id=track_id
        )
        return job.id


async def end(house: House, job_id: UUID) -> None:
    async with house.database() as db, db.transaction() as session:
        await jobs.change(session, job_id, now=await db.now(), state=JobState.DONE, step="done")


async def test_more_windows_than_connections_all_hear_of_what_happens(
    local_house: House, newcomer: Person, visit: Visiting
) -> None:
    guest = await visit(local_house, newcomer)
    await guest.open()
    windows = [guest.page, *[await another(guest) for _ in range(WINDOWS - 1)]]
    seen = [await each.evaluate("() => document.visibilityState") for each in windows]
    assert seen == ["visible"] * WINDOWS
    await begin(local_house, newcomer, await one_track(local_house, newcomer))
    for page in windows:
        await expect(page.locator("tr.track .title")).to_have_text(["Track 000"])


async def test_a_window_that_is_one_too_many_says_so_and_waits_for_its_turn(
    local_house: House, newcomer: Person, visit: Visiting
) -> None:
    guest = await visit(local_house, newcomer)
    guest.expected.append("429")
    await guest.page.context.add_init_script("delete window.SharedWorker")
    await guest.open()
    others = [await another(guest) for _ in range(STREAMS_OF_A_BROWSER - 1)]
    last = await another(guest, light="Reconnecting")
    alert = last.locator("#alerts .toast")
    await expect(alert).to_contain_text("Too many windows of autodj are open")
    await expect(alert).to_contain_text("tries again every 5 seconds")
    await others[0].close()
    await expect(last.locator("#live")).to_have_text("Live")
    await expect(alert).to_have_count(0)


async def test_a_window_that_comes_later_hears_what_is_under_way_and_outlives_the_first(
    local_house: House, newcomer: Person, visit: Visiting
) -> None:
    track = await one_track(local_house, newcomer)
    guest = await visit(local_house, newcomer)
    await guest.open()
    job = await begin(local_house, newcomer, track)
    state = "tr.track .state[data-state=busy]"
    await expect(guest.page.locator(state)).to_have_count(1)
    later = await another(guest)
    await expect(later.locator(state)).to_have_count(1)
    await guest.page.close()
    await end(local_house, job)
    await expect(later.locator("tr.track .state")).to_have_text("Ready")


async def test_who_logs_in_after_somebody_hears_nothing_of_theirs(
    local_house: House, newcomer: Person, visit: Visiting
) -> None:
    before = await local_house.person("before")
    theirs, own = [await one_track(local_house, each) for each in (before, newcomer)]
    guest = await visit(local_house, before)
    await guest.open()
    window = await another(guest, await local_house.login_link(newcomer))
    await begin(local_house, before, theirs)
    await expect(guest.page.locator("tr.track .state[data-state=busy]")).to_have_count(1)
    await begin(local_house, newcomer, own)
    await expect(window.locator("tr.track .state[data-state=busy]")).to_have_count(1)
    asked = [each.url for each in guest.requests if each.frame == window.main_frame]
    assert asked
    assert not any(url.endswith(str(theirs)) for url in asked)
