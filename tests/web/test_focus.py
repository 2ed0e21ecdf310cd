"""Where keys go on after what was pressed has gone: never back to the top of the page."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Locator, expect

from tests.web.conftest import Visiting
from tests.web.house import House, Person
from tests.web.test_library import numbered, stock
from tests.web.visit import Visit

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def press(button: Locator) -> None:
    await button.focus()
    await button.press("Enter")


async def delete(guest: Visit, title: str) -> None:
    await press(guest.page.get_by_role("button", name=f"Delete {title}"))
    await press(guest.page.get_by_role("button", name="Delete", exact=True))
    await expect(guest.row(title)).to_have_count(0)


async def test_after_a_track_is_deleted_keys_go_on_at_the_one_beside_it(
    local_house: House, newcomer: Person, visit: Visiting
) -> None:
    await stock(local_house, newcomer, *numbered(3))
    guest = await visit(local_house, newcomer)
    await guest.open()
    await delete(guest, "Track 001")
    await expect(guest.page.get_by_role("button", name="Delete Track 002")).to_be_focused()
    await delete(guest, "Track 002")
    await expect(guest.page.get_by_role("button", name="Delete Track 000")).to_be_focused()
    await delete(guest, "Track 000")
    await expect(guest.page.locator(".add [data-pick=files]")).to_be_focused()


async def test_after_filters_are_cleared_keys_go_on_beside_them(
    local_house: House, newcomer: Person, visit: Visiting
) -> None:
    await stock(local_house, newcomer, *numbered(2))
    guest = await visit(local_house, newcomer)
    await guest.open()
    nothing = guest.page.get_by_role("heading", name="Nothing matches")
    await guest.page.get_by_role("searchbox").fill("000")
    await press(guest.page.get_by_role("button", name="Clear", exact=True))
    await expect(guest.page.get_by_role("radio", name="All")).to_be_focused()
    await guest.page.get_by_role("searchbox").fill("nowhere")
    await expect(nothing).to_be_visible()
    await press(guest.page.get_by_role("button", name="Clear filters"))
    await expect(guest.page.get_by_role("button", name="Play Track 000")).to_be_focused()


async def test_more_of_the_library_begins_where_it_was_asked_for(
    local_house: House, newcomer: Person, visit: Visiting
) -> None:
    await stock(local_house, newcomer, *numbered(60))
    guest = await visit(local_house, newcomer, viewport={"width": 1280, "height": 720})
    guest.expected.append("ERR_CONNECTION_REFUSED")
    await guest.open()
    more = guest.page.get_by_role("button", name="Load more")
    await guest.page.route("**/api/v1/tracks?*", lambda route: route.abort("connectionrefused"))
    await guest.page.evaluate("() => scrollTo(0, document.body.scrollHeight)")
    await expect(guest.page.locator("#alerts .toast")).to_be_visible()
    await press(more)
    await expect(more).to_be_focused()
    await guest.page.unroute("**/api/v1/tracks?*")
    await press(more)
    await expect(guest.page.get_by_role("button", name="Play Track 050")).to_be_focused()


async def test_a_message_that_is_closed_gives_back_the_focus(
    local_house: House, listener: Person, visit: Visiting
) -> None:
    guest = await visit(local_house, listener)
    guest.expected.append("404")
    await guest.open("#track=00000000-0000-0000-0000-000000000000")
    help_button = guest.page.get_by_role("button", name="Keyboard help")
    await help_button.focus()
    await press(guest.page.get_by_role("button", name="Dismiss"))
    await expect(guest.page.locator("#alerts .toast")).to_have_count(0)
    await expect(help_button).to_be_focused()


async def test_buttons_that_have_done_all_they_can_keep_the_focus(
    local_house: House, listener: Person, visit: Visiting
) -> None:
    guest = await visit(local_house, listener)
    await guest.open_at("Voyage", 0)
    closer = guest.page.get_by_role("button", name="Zoom in")
    wider = guest.page.get_by_role("button", name="Zoom out")
    for factor in (2, 4, 8, 16, 32):
        await press(closer)
        await expect(guest.page.locator("#zoom")).to_have_text(f"{factor}\u00d7")
    await expect(closer).to_have_attribute("aria-disabled", "true")
    await expect(closer).to_be_focused()
    for _ in range(5):
        await press(wider)
    await expect(guest.page.locator("#zoom")).to_have_text("1\u00d7")
    await expect(wider).to_have_attribute("aria-disabled", "true")
    await expect(wider).to_be_focused()
    # A track that is too short for it is not looked at more closely than it can be.
    for _ in range(5):
        await press(closer)
    await guest.play("Lantern")
    await expect(guest.page.locator("#zoom")).to_have_text("4\u00d7")


async def test_the_last_change_of_a_grid_is_undone_and_the_form_still_heard(
    local_house: House, newcomer: Person, visit: Visiting
) -> None:
    await stock(local_house, newcomer, *numbered(1))
    guest = await visit(local_house, newcomer)
    await guest.open()
    await press(guest.page.get_by_role("button", name="Edit Track 000"))
    said = guest.page.locator(".grid-said")
    for name in ("Undo", "Reset grid"):
        await press(guest.page.get_by_role("button", name="+1 ms"))
        await expect(said).to_have_text("Set by you: +1 ms")
        button = guest.page.get_by_role("button", name=name)
        await press(button)
        await expect(said).to_have_text("As measured")
        await expect(button).to_be_focused()
    await guest.page.keyboard.press("Escape")
    await expect(guest.page.get_by_role("button", name="Edit Track 000")).to_be_focused()


async def test_the_place_is_read_out_when_it_is_chosen_and_not_at_every_second(
    local_house: House, listener: Person, visit: Visiting
) -> None:
    guest = await visit(local_house, listener)
    await guest.open()
    await guest.play("Voyage")
    slider = guest.page.get_by_role("slider", name="Position")
    await guest.page.evaluate(
        """() => {
          window.told = [];
          new MutationObserver(() => told.push(document.querySelector("wave-view").ariaValueText))
            .observe(document.querySelector("wave-view"), { attributeFilter: ["aria-valuetext"] });
        }"""
    )
    await guest.reached(1.2)
    assert await guest.page.evaluate("() => told.length") >= 1
    await slider.focus()
    await guest.page.evaluate("() => { told.length = 0 }")
    await guest.reached(3.2)
    assert await guest.page.evaluate("() => told") == []
    await slider.press("PageUp")
    await guest.page.wait_for_function("() => told.length > 0")
    await expect(slider).to_have_attribute("aria-valuetext", re.compile(r"0:1\d of 3:00"))
