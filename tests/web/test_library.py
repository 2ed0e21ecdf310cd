from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from playwright.async_api import expect

from autodj.db import JobKind, JobState, jobs
from tests.builders import MOMENT, make_track
from tests.web.conftest import Visiting
from tests.web.house import House, Person

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def stock(house: House, person: Person, *rows: dict[str, object]) -> None:
    """Rows without bytes, the first one newest."""
    async with house.database() as db, db.transaction() as session:
        for age, row in enumerate(rows):
            created_at = MOMENT - timedelta(minutes=age)
            done = {"analysis_state": "done", "analysis_version": 1}
            session.add(make_track(person.id, **{"created_at": created_at, **done, **row}))


def numbered(count: int) -> list[dict[str, object]]:
    return [{"title": f"Track {number:03}"} for number in range(count)]


CRATE: list[dict[str, object]] = [
    {
        "title": "Undertow",
        "artist": "June Arro",
        "bpm": 124.0,
        "bpm_confidence": 0.93,
        "bpm_alternative": 62.0,
        "musical_key": "A minor",
        "camelot": "8A",
        "key_confidence": 0.8,
        "integrated_lufs": -9.3,
    },
    {"title": "Glasshaus", "bpm": 87.0, "musical_key": "C major", "camelot": "8B"},
    {"title": "Untitled", "analysis_state": "failed", "analysis_failure": "undecodable"},
]


async def test_a_row_tells_what_was_measured_and_how_sure_it_is(
    local_house: House, newcomer: Person, visit: Visiting
) -> None:
    await stock(local_house, newcomer, *CRATE)
    guest = await visit(local_house, newcomer)
    await guest.open()
    row = guest.row("Undertow")
    await expect(row.locator(".tempo")).to_have_text("124.0high confidence")
    await expect(row.locator(".tempo")).to_have_attribute(
        "title", "124.00 BPM, measured with 93 % confidence; could also be 62.00"
    )
    await expect(row.locator(".key")).to_have_text("8A")
    await expect(row.locator(".c-lufs")).to_have_text("\u22129.3 LUFS")
    await expect(row.locator(".c-length")).to_have_text("3:00")
    failed = guest.row("Untitled").locator(".state")
    await expect(failed).to_have_text(
        "Not analysed. Plays, but has no tempo and key: the audio could not be decoded to its end"
    )
    await expect(failed).to_have_attribute(
        "title", "Plays, but has no tempo and key: the audio could not be decoded to its end"
    )


async def test_search_and_filters_narrow_the_list(
    local_house: House, newcomer: Person, visit: Visiting
) -> None:
    await stock(local_house, newcomer, *CRATE)
    guest = await visit(local_house, newcomer)
    await guest.open()
    titles = guest.page.locator("tr.track .title")
    await expect(titles).to_have_count(3)
    await guest.page.get_by_role("searchbox").fill("arro")
    await expect(titles).to_have_text(["Undertow"])
    await guest.page.get_by_role("searchbox").fill("")
    await guest.page.get_by_label("BPM to").fill("100")
    await expect(titles).to_have_text(["Glasshaus"])
    await guest.page.get_by_role("button", name="Key: Any key").click()
    await guest.page.get_by_role("button", name="8A, A minor").click()
    await expect(guest.page.get_by_role("heading", name="Nothing matches")).to_be_visible()
    await guest.page.get_by_role("button", name="Clear filters").click()
    await expect(titles).to_have_count(3)
    await expect(guest.page.get_by_label("BPM to")).to_have_value("")
    await guest.page.get_by_text("S3", exact=True).click()
    await expect(guest.page.get_by_role("heading", name="Nothing matches")).to_be_visible()
    await guest.page.get_by_role("group", name="Source").get_by_text("Local").click()
    await expect(titles).to_have_count(3)


async def test_a_long_library_is_loaded_as_it_is_scrolled(
    local_house: House, newcomer: Person, visit: Visiting
) -> None:
    await stock(local_house, newcomer, *numbered(120))
    guest = await visit(local_house, newcomer)
    await guest.open()
    rows = guest.page.locator("tr.track")
    await expect(guest.page.locator("#count")).to_have_text("50 of 120 tracks")
    for shown in (100, 120):
        await guest.page.evaluate("() => scrollTo(0, document.body.scrollHeight)")
        await expect(rows).to_have_count(shown)
    await expect(guest.page.locator("#more")).to_be_hidden()
    titles = await rows.locator(".title").all_inner_texts()
    assert titles == [row["title"] for row in numbered(120)]


async def test_a_track_is_corrected_in_its_place(
    local_house: House, newcomer: Person, visit: Visiting
) -> None:
    await stock(local_house, newcomer, *CRATE)
    guest = await visit(local_house, newcomer)
    await guest.open()
    await guest.page.get_by_role("button", name="Edit Undertow").click()
    form = guest.page.get_by_role("form", name="Edit Undertow")
    await expect(form.get_by_label("Title")).to_be_focused()
    await form.get_by_label("Title").fill("Undertow (Dub)")
    await form.get_by_role("button", name="\u00f72").click()
    await expect(form.get_by_label("BPM")).to_have_value("62")
    await form.get_by_label("BPM").fill("123.45")
    await form.get_by_label("Key").select_option("E minor")
    await form.get_by_role("button", name="Save").click()
    row = guest.row("Undertow (Dub)")
    await expect(row.locator(".tempo")).to_have_text("123.5set by you")
    await expect(row.locator(".key")).to_have_text("9A")
    await expect(guest.page.get_by_role("button", name="Edit Undertow (Dub)")).to_be_focused()
    half, patch = [each for each in guest.requests if each.method == "PATCH"]
    assert half.post_data_json == {"tempo": "half"}
    assert patch.headers["if-match"] == '"v2"'
    assert patch.post_data_json == {"title": "Undertow (Dub)", "key": "E minor", "bpm": 123.45}

    await guest.page.get_by_role("button", name="Edit Undertow (Dub)").click()
    await guest.page.get_by_role("button", name="Reset grid").click()
    await guest.page.get_by_role("button", name="Close").click()
    await expect(row.locator(".tempo")).to_have_text("124.0high confidence")


async def test_a_correction_of_an_older_version_is_told_and_can_be_repeated(
    local_house: House, newcomer: Person, visit: Visiting
) -> None:
    await stock(local_house, newcomer, *CRATE)
    guest = await visit(local_house, newcomer)
    guest.expected.append("412")
    await guest.open()
    await guest.page.get_by_role("button", name="Edit Glasshaus").click()
    [track] = (await local_house.ask(newcomer, "GET", "/tracks?q=Glass"))["items"]
    await local_house.ask(newcomer, "PATCH", f"/tracks/{track['id']}", json={"artist": "Ferro"})
    await guest.page.get_by_label("Title", exact=True).fill("Glashaus")
    await guest.page.get_by_role("button", name="Save").click()
    alert = guest.page.locator("#alerts .toast")
    await expect(alert).to_contain_text("Saving: The stored version is not the one")
    await guest.page.get_by_role("button", name="Save").click()
    await expect(guest.row("Glashaus")).to_have_count(1)


async def test_a_value_that_may_not_be_is_explained(
    local_house: House, newcomer: Person, visit: Visiting
) -> None:
    await stock(local_house, newcomer, *CRATE)
    guest = await visit(local_house, newcomer)
    guest.expected.append("422")
    await guest.open()
    await guest.page.get_by_role("button", name="Edit Glasshaus").click()
    await guest.page.get_by_label("BPM", exact=True).fill("4000")
    await guest.page.get_by_role("button", name="Save").click()
    await expect(guest.page.locator("#alerts .toast")).to_contain_text("bpm")
    await guest.page.keyboard.press("Escape")
    await expect(guest.row("Glasshaus")).to_have_count(1)


async def test_deleting_asks_first(local_house: House, newcomer: Person, visit: Visiting) -> None:
    await stock(local_house, newcomer, *CRATE)
    guest = await visit(local_house, newcomer)
    await guest.open()
    dialog = guest.page.get_by_role("dialog", name="Delete this track?")
    for keep in ("Escape", "Enter"):
        await guest.page.get_by_role("button", name="Delete Glasshaus").click()
        await expect(dialog.get_by_text("Glasshaus")).to_be_visible()
        await guest.page.keyboard.press(keep)
        await expect(dialog).to_be_hidden()
        await expect(guest.row("Glasshaus")).to_have_count(1)
    await guest.page.get_by_role("button", name="Delete Glasshaus").click()
    await dialog.get_by_role("button", name="Delete").click()
    await expect(guest.row("Glasshaus")).to_have_count(0)
    await expect(guest.page.locator("#count")).to_have_text("2 tracks")


async def test_a_row_tells_of_its_work_and_hears_a_press_that_began_before(
    local_house: House, newcomer: Person, visit: Visiting
) -> None:
    await stock(local_house, newcomer, {"title": "Undertow", "analysis_state": "pending"})
    guest = await visit(local_house, newcomer)
    await guest.open()
    row = guest.row("Undertow")
    button = row.get_by_role("button", name="Edit Undertow")
    await button.focus()
    await button.hover()
    await guest.page.mouse.down()
    track_id = UUID(await row.get_attribute("data-id"))
    async with local_house.database() as db:
        now = await db.now()
        async with db.transaction() as session:
            job = jobs.add(
                session,
                owner_id=newcomer.id,
                kind=JobKind.PROCESS,
                step="analyze",
                now=now,
                track_id=track_id,
            )
        for progress, words in [(0.25, "Analysing 25 %"), (0.5, "Analysing 50 %")]:
            now = await db.now()
            async with db.transaction() as session:
                told = {"state": JobState.RUNNING, "progress": progress}
                await jobs.change(session, job.id, now=now, **told)
            await expect(row.locator(".state")).to_have_text(words)
    await expect(button).to_be_focused()
    await guest.page.mouse.up()
    await expect(guest.page.get_by_role("form", name="Edit Undertow")).to_be_visible()


async def test_a_track_that_somebody_adds_elsewhere_appears_by_itself(
    local_house: House, newcomer: Person, visit: Visiting, clips: list[Path]
) -> None:
    guest = await visit(local_house, newcomer)
    await guest.open()
    await local_house.add(newcomer, clips[0])
    await expect(guest.row("Harbour").locator(".state")).to_have_text("Ready")
    await guest.play("Harbour")
    await guest.measured()


async def test_tracks_told_of_in_any_order_stand_where_they_belong(
    local_house: House, listener: Person, visit: Visiting
) -> None:
    guest = await visit(local_house, listener)
    await guest.open()
    shown = await guest.page.evaluate(
        """async () => {
          const beside = document.querySelector("script[type=module]").src;
          const { tracks } = await import(new URL("api.js", beside));
          const { Library } = await import(new URL("library.js", beside));
          const filter = { q: "", bpm_min: "", bpm_max: "", key: "", source: "" };
          const { items } = await tracks(filter, null, new AbortController().signal);
          const library = new Library({ play() {}, changed() {}, removed() {} });
          for (const at of [1, 2, 0]) library.put(items[at]);
          const rows = [...document.querySelectorAll("tr.track .title")];
          const newest = items.slice(0, 3).map((each) => each.title);
          return [newest, rows.map((each) => each.textContent)];
        }"""
    )
    newest_first, in_the_table = shown
    assert len(newest_first) == 3
    assert in_the_table == newest_first


async def test_a_tempo_that_is_no_number_keeps_what_was_set(
    local_house: House, newcomer: Person, visit: Visiting
) -> None:
    await stock(local_house, newcomer, {"title": "Undertow", "bpm": 124.0})
    guest = await visit(local_house, newcomer)
    await guest.open()
    [track] = (await local_house.ask(newcomer, "GET", "/tracks"))["items"]
    path = f"/tracks/{track['id']}"
    await local_house.ask(newcomer, "PATCH", path, json={"bpm": 130.0})
    await guest.page.reload()
    await guest.page.get_by_role("button", name="Edit Undertow").click()
    await guest.page.get_by_label("BPM", exact=True).press("End")
    await guest.page.keyboard.type("-5")
    await guest.page.get_by_role("button", name="Save").click()
    await expect(guest.page.locator("#alerts .toast")).to_contain_text("tempo is not a number")
    assert (await local_house.ask(newcomer, "GET", path))["bpm_corrected"]


async def test_a_form_that_is_sent_twice_is_saved_once(
    local_house: House, newcomer: Person, visit: Visiting
) -> None:
    await stock(local_house, newcomer, *CRATE)
    guest = await visit(local_house, newcomer)
    await guest.open()
    await guest.page.get_by_role("button", name="Edit Glasshaus").click()
    await guest.page.get_by_label("Title", exact=True).fill("Glashaus")
    await guest.page.get_by_role("form", name="Edit Glasshaus").evaluate(
        "(form) => { form.requestSubmit(); form.requestSubmit(); }"
    )
    await expect(guest.row("Glashaus")).to_have_count(1)
    assert len([each for each in guest.requests if each.method == "PATCH"]) == 1


async def test_filters_and_list_agree_when_somebody_comes_back(
    local_house: House, newcomer: Person, visit: Visiting
) -> None:
    await stock(local_house, newcomer, *CRATE)
    guest = await visit(local_house, newcomer)
    await guest.open()
    titles = guest.page.locator("tr.track .title")
    await guest.page.get_by_label("BPM to").fill("100")
    await expect(titles).to_have_text(["Glasshaus"])
    await guest.page.goto(f"{local_house.url}/docs")
    await guest.page.go_back()
    await guest.seen()
    await expect(titles).to_have_count(3)
    await expect(guest.page.get_by_label("BPM to")).to_have_value("")
