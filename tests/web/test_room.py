"""The page where there is little room, on paper, and with words that run the other way."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.web.conftest import Visiting
from tests.web.form import give_form
from tests.web.house import House, Person
from tests.web.test_library import CRATE, stock

pytestmark = pytest.mark.asyncio(loop_scope="session")

HEBREW = "שיר ארוך מאוד בעברית שאין לו מקום בשורה אחת של הטבלה"
# Where the first letter stands, from the left edge of what holds it, and how wide that is.
FIRST_LETTER = """(held) => {
  const letter = document.createRange();
  letter.setStart(held.firstChild, 0);
  letter.setEnd(held.firstChild, 1);
  const [box, place] = [held.getBoundingClientRect(), letter.getBoundingClientRect()];
  return [place.left - box.left, place.right - box.left, box.width];
}"""
IS_CUT = "(held) => held.scrollWidth > held.clientWidth"


async def test_a_low_window_is_half_library_and_half_player(
    local_house: House, listener: Person, visit: Visiting
) -> None:
    guest = await visit(local_house, listener)
    await give_form(guest.page)
    await guest.open_at("Voyage", 0)
    await guest.measured()
    await guest.page.get_by_role("button", name="Zoom in").click()
    await expect(guest.page.locator(".wave-map")).to_be_visible()
    # A phone on its side, and a laptop's window at twice its size.
    for width, height in ((740, 360), (720, 450)):
        await guest.page.set_viewport_size({"width": width, "height": height})
        player = await guest.page.locator("#player").bounding_box()
        assert player is not None
        assert player["height"] <= height / 2
        controls = guest.page.locator("#player button:visible")
        assert await controls.count() > 10
        for control in await controls.all():
            await expect(control).to_be_in_viewport(ratio=1)
        assert await guest.page.evaluate("() => document.documentElement.scrollWidth") == width
        assert await guest.violations() == []


async def test_a_small_phone_shows_who_plays_and_every_cue_in_a_line(
    local_house: House, listener: Person, visit: Visiting
) -> None:
    guest = await visit(local_house, listener, viewport={"width": 360, "height": 740})
    await give_form(guest.page)
    await guest.open_at("Voyage", 0)
    await expect(guest.page.locator("#now-form")).to_be_visible()
    assert not await guest.page.locator("#now-artist").evaluate(IS_CUT)
    cues = guest.page.locator(".cue")
    await expect(cues).to_have_count(5)
    tops = await cues.evaluate_all("(all) => all.map((each) => each.getBoundingClientRect().top)")
    assert len(set(tops)) == 1
    assert await guest.page.evaluate("() => document.documentElement.scrollWidth") == 360


async def test_words_from_right_to_left_are_cut_at_their_end(
    local_house: House, newcomer: Person, visit: Visiting
) -> None:
    await stock(local_house, newcomer, {"title": HEBREW, "artist": "אמן"}, {"title": "Short"})
    guest = await visit(local_house, newcomer, viewport={"width": 390, "height": 844})
    await guest.open()
    title = guest.row(HEBREW).locator(".title")
    assert await title.evaluate(IS_CUT)
    left, right, width = await title.evaluate(FIRST_LETTER)
    assert 0 <= left < right <= width
    _, right, width = await guest.row(HEBREW).locator(".artist").evaluate(FIRST_LETTER)
    assert right < width / 2


async def test_what_failed_and_what_is_long_take_no_more_room_than_others(
    local_house: House, newcomer: Person, visit: Visiting
) -> None:
    day = {"title": "A day", "duration_s": 86_399.0}
    await stock(local_house, newcomer, *CRATE, day)
    guest = await visit(local_house, newcomer)
    await guest.open()
    await expect(guest.page.get_by_role("button", name="Measure again: Untitled")).to_be_visible()
    length = guest.row("A day").locator(".c-length")
    await expect(length).to_have_text("23:59:59")
    for width in (1440, 1024, 820):
        await guest.page.set_viewport_size({"width": width, "height": 768})
        heights = await guest.page.locator("tr.track").evaluate_all(
            "(rows) => rows.map((row) => row.getBoundingClientRect().height)"
        )
        assert max(heights) - min(heights) < 1, width
        assert not await length.evaluate(IS_CUT), width


async def test_what_is_printed_is_the_list(
    local_house: House, listener: Person, visit: Visiting
) -> None:
    guest = await visit(local_house, listener, color_scheme="dark")
    await guest.open("#t=0")
    await guest.page.emulate_media(media="print")
    await expect(guest.row("Voyage").locator(".title")).to_be_visible()
    await expect(guest.page.locator("#count")).to_have_text("3 tracks")
    pressed = guest.page.locator("button:visible, input:visible").and_(
        guest.page.locator(":not(.play-cover)")
    )
    await expect(pressed).to_have_count(0)
    await expect(guest.page.locator("#player")).to_be_hidden()
    background = "() => Number(getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0])"
    assert await guest.page.evaluate(background) > 200
