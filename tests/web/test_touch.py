"""The page under a finger, which points at nothing without pressing it."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.web.conftest import Visiting
from tests.web.house import House, Person

pytestmark = pytest.mark.asyncio(loop_scope="session")

WIDTH_PX = 360
PHONE = {"viewport": {"width": WIDTH_PX, "height": 740}, "has_touch": True, "is_mobile": True}


async def test_what_pointing_tells_is_told_to_a_tap(
    local_house: House, listener: Person, visit: Visiting
) -> None:
    guest = await visit(local_house, listener, **PHONE)
    await guest.open()
    hint = guest.page.locator("#hint")
    for told in (".tempo", ".source", ".title"):
        mark = guest.row("Harbour").locator(told)
        await mark.tap()
        await expect(hint).to_be_visible()
        assert await hint.inner_text() == await mark.get_attribute("title")
        box = await hint.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= WIDTH_PX
    assert await guest.violations() == []
    await guest.page.locator("#count").tap()
    await expect(hint).to_be_hidden()


async def test_a_tap_on_a_button_only_presses_it(
    local_house: House, listener: Person, visit: Visiting
) -> None:
    guest = await visit(local_house, listener, **PHONE)
    await guest.open()
    await guest.page.get_by_role("button", name="Any key").tap()
    key = guest.page.locator("#wheel .key[title='A minor']")
    await key.tap()
    await expect(guest.page.locator("#key-button-text")).to_have_text("8A A minor")
    await expect(guest.page.locator("#hint")).to_be_hidden()


async def test_a_mouse_has_the_hints_of_the_browser(
    local_house: House, listener: Person, visit: Visiting
) -> None:
    guest = await visit(local_house, listener)
    await guest.open()
    await guest.row("Harbour").locator(".tempo").click()
    await expect(guest.page.locator("#hint")).to_be_hidden()


async def test_rows_show_a_finger_that_they_play(
    local_house: House, listener: Person, visit: Visiting
) -> None:
    guest = await visit(local_house, listener, **PHONE)
    await guest.open()
    sign = guest.row("Harbour").locator(".over")
    await expect(sign).to_have_css("opacity", "1")
