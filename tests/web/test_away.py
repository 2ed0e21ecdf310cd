"""What the page does when the server is away, slow, or tells things out of order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from uuid import UUID

import pytest
import pytest_asyncio
from playwright.async_api import APIResponse, Page, Route, expect

from autodj.db import JobKind, JobState, jobs
from tests.web.conftest import Visiting
from tests.web.house import House, Person
from tests.web.test_library import numbered, stock
from tests.web.visit import Visit

pytestmark = pytest.mark.asyncio(loop_scope="session")

# A stream of events that says what a test wants it to, in a browser that has none for all windows.
STREAM = """
  delete window.SharedWorker;
  window.streams = [];
  window.EventSource = class extends EventTarget {
    static CLOSED = 2;
    readyState = 1;
    constructor() {
      super();
      streams.push(this);
      setTimeout(() => this.dispatchEvent(new Event("open")));
    }
    tell(job) {
      this.dispatchEvent(new MessageEvent("job", { data: JSON.stringify(job) }));
    }
    close() { this.readyState = 2; }
    refuse() {
      this.close();
      this.dispatchEvent(new Event("error"));
    }
  };
"""
TELL = "(job) => streams.at(-1).tell(job)"
FRAMES = """async (count) => {
  for (let each = 0; each < count; each += 1) await new Promise(requestAnimationFrame);
}"""


def job(track_id: str, **said: object) -> dict[str, object]:
    now = {"kind": "process", "state": "running", "step": "analyze", "progress": 0.1}
    changed = {"changed_at": "2026-01-01T00:00:00Z"}
    return {"id": f"job-{track_id}", "track_id": track_id, **now, **changed, **said}


@pytest_asyncio.fixture(loop_scope="session")
async def away(local_house: House, newcomer: Person, visit: Visiting) -> AsyncGenerator[Visit]:
    """Somebody with 60 tracks, whose events the test tells."""
    await stock(local_house, newcomer, *numbered(60))
    guest = await visit(local_house, newcomer)
    await guest.page.add_init_script(STREAM)
    await guest.open()
    yield guest


async def id_of(guest: Visit, title: str) -> str:
    found = await guest.house.ask(guest.person, "GET", f"/tracks?q={title[-3:]}")
    return str(found["items"][0]["id"])


async def test_pages_that_cannot_be_read_are_asked_for_again_by_hand_only(away: Visit) -> None:
    away.expected.append("ERR_CONNECTION_REFUSED")
    asked: list[str] = []

    async def refuse(route: Route) -> None:
        asked.append(route.request.url)
        await route.abort("connectionrefused")

    await away.page.route("**/api/v1/tracks?*", refuse)
    await away.page.evaluate("() => scrollTo(0, document.body.scrollHeight)")
    await expect(away.page.locator("#alerts .toast")).to_contain_text("autodj does not answer")
    await away.page.evaluate(FRAMES, 60)
    assert len(asked) == 1
    await away.page.unroute("**/api/v1/tracks?*")
    await away.page.get_by_role("button", name="Load more").click()
    await expect(away.page.locator("tr.track")).to_have_count(60)


async def test_work_on_a_track_far_down_is_not_looked_up_at_every_percent(away: Visit) -> None:
    last = await id_of(away, "Track 059")
    for progress in (0.1, 0.2, 0.3, 0.4):
        await away.page.evaluate(TELL, job(last, progress=progress))
    await away.page.evaluate(TELL, job(last, state="done", step="done", progress=1))
    await away.page.evaluate(FRAMES, 10)
    looks = [each for each in away.requests if each.url.endswith(f"/tracks/{last}")]
    assert len(looks) == 2


async def test_an_answer_that_was_overtaken_changes_nothing(away: Visit) -> None:
    track = await id_of(away, "Track 003")
    held: asyncio.Queue[tuple[Route, APIResponse]] = asyncio.Queue()

    async def hold(route: Route) -> None:
        if route.request.method == "GET":
            held.put_nowait((route, await route.fetch()))
        else:
            await route.continue_()

    await away.page.route(f"**/api/v1/tracks/{track}", hold)
    await away.page.evaluate(TELL, job(track))
    await away.page.evaluate(TELL, job(track, step="publish"))
    route, older = await held.get()
    await away.page.get_by_role("button", name="Edit Track 003").click()
    await away.page.get_by_label("Title", exact=True).fill("Renamed")
    await away.page.get_by_role("button", name="Save").click()
    await expect(away.row("Renamed")).to_have_count(1)
    async with away.page.expect_response(f"**/api/v1/tracks/{track}"):
        await route.fulfill(response=older)
    await away.page.evaluate(FRAMES, 10)
    await expect(away.row("Renamed")).to_have_count(1)


async def test_a_form_that_is_closed_shows_what_others_have_changed(away: Visit) -> None:
    track = await id_of(away, "Track 003")
    await away.page.get_by_role("button", name="Edit Track 003").click()
    await away.house.ask(away.person, "PATCH", f"/tracks/{track}", json={"title": "Renamed"})
    async with away.page.expect_response(f"**/api/v1/tracks/{track}"):
        await away.page.evaluate(TELL, job(track, state="done", step="done"))
    await away.page.evaluate(FRAMES, 10)
    await away.page.get_by_role("button", name="Close").click()
    await expect(away.row("Renamed")).to_have_count(1)


async def test_the_track_after_the_last_one_that_is_listed_comes_next(away: Visit) -> None:
    away.expected.extend(["404", "503", "500"])
    track = await id_of(away, "Track 049")
    await away.page.evaluate("(id) => { location.hash = `#track=${id}` }", track)
    title = away.page.locator("#now-title")
    await expect(title).to_have_text("Track 049")
    await away.page.keyboard.press("n")
    await expect(title).to_have_text("Track 050")


async def test_what_happened_while_a_stream_was_refused_is_caught_up(
    away: Visit, local_house: House, newcomer: Person
) -> None:
    track = await id_of(away, "Track 004")
    async with local_house.database() as db:
        now = await db.now()
        async with db.transaction() as session:
            row = jobs.add(
                session,
                owner_id=newcomer.id,
                kind=JobKind.PROCESS,
                step="analyze",
                now=now,
                track_id=UUID(track),
            )
        await away.page.evaluate(TELL, job(track, id=str(row.id), changed_at=now.isoformat()))
        state = away.row("Track 004").locator(".state")
        await expect(state).to_have_text("Analysing 10 %")
        async with db.transaction() as session:
            await jobs.change(session, row.id, now=now, state=JobState.DONE, step="done")
    await away.page.evaluate("() => streams.at(-1).refuse()")
    await expect(state).to_have_text("Ready")


async def test_a_page_that_nobody_sees_holds_no_stream(away: Visit) -> None:
    await show(away.page, visible=False)
    assert await away.page.evaluate("() => streams.map((each) => each.readyState)") == [2]
    await show(away.page, visible=True)
    await away.page.wait_for_function("() => streams.length === 2")
    assert await away.page.evaluate("() => streams.map((each) => each.readyState)") == [2, 1]


async def test_an_address_leads_to_tracks_only(away: Visit) -> None:
    away.expected.append("404")
    await away.page.evaluate("() => { location.hash = '#track=..%2Fme' }")
    await expect(away.page.locator("#alerts .toast")).to_contain_text("Opening the link")
    await expect(away.page.locator("#player")).to_be_hidden()


async def show(page: Page, *, visible: bool) -> None:
    await page.evaluate(
        """(hidden) => {
          Object.defineProperty(document, "hidden", { configurable: true, value: hidden });
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        not visible,
    )
