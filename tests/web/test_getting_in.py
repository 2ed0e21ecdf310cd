from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from tests.web.conftest import Visiting
from tests.web.house import House, Person
from tests.web.visit import visiting

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_link_that_autodj_up_prints_opens_the_page_once(
    local_house: House, browser: Browser
) -> None:
    owner = await local_house.person("dj")
    async with visiting(browser, local_house, owner) as visit:
        await visit.page.goto(local_house.first_link)
        await visit.seen()
        assert visit.page.url == f"{local_house.url}/"
        await expect(visit.page.locator("#user")).to_have_text("dj")

    async with visiting(browser, local_house, owner) as again:
        again.expected.append("401")
        await again.page.goto(local_house.first_link)
        await expect(again.page.locator("body")).to_contain_text("autodj login")


async def test_without_a_login_the_page_says_how_to_get_one(
    local_house: House, newcomer: Person, visit: Visiting
) -> None:
    stranger = await visit(local_house, newcomer)
    stranger.expected.append("401")
    await stranger.page.goto(local_house.url)
    screen = stranger.page.get_by_role("alert").filter(has_text="This library is private")
    await expect(screen.locator("code")).to_have_text("autodj login")
    await expect(stranger.page.locator("#tracks")).to_be_hidden()
    assert await stranger.violations() == []


async def test_an_empty_library_teaches_how_to_fill_it(
    local_house: House, newcomer: Person, visit: Visiting
) -> None:
    guest = await visit(local_house, newcomer)
    await guest.open()
    await expect(guest.page.get_by_role("heading", name="Your crate is empty")).to_be_visible()
    await expect(guest.page.get_by_text("autodj add ~/Music")).to_be_visible()
    assert await guest.violations() == []


async def test_a_server_that_is_gone_is_told_with_what_to_do(
    local_house: House, listener: Person, visit: Visiting
) -> None:
    guest = await visit(local_house, listener)
    guest.expected.append("ERR_INTERNET_DISCONNECTED")
    await guest.open()
    await guest.page.context.set_offline(True)
    await guest.page.get_by_role("searchbox").fill("harbour")
    alert = guest.page.locator("#alerts .toast")
    await expect(alert).to_contain_text("autodj does not answer")
    await expect(alert).to_contain_text("autodj up")
    await guest.page.context.set_offline(False)
    await guest.page.get_by_role("searchbox").fill("harb")
    await expect(guest.page.locator("tr.track")).to_have_count(1)


async def test_logging_out_makes_the_browser_a_stranger(
    local_house: House, newcomer: Person, visit: Visiting
) -> None:
    guest = await visit(local_house, newcomer)
    guest.expected.append("401")
    await guest.open()
    await guest.page.get_by_role("button", name="Keyboard help").click()
    await guest.page.get_by_role("button", name="Log out of this browser").click()
    await expect(guest.page.get_by_role("heading", name="This library is private")).to_be_visible()
