"""Playing another file of a track than the one that was added."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Route, expect

from tests.clips import make_clip
from tests.web.conftest import Visiting
from tests.web.house import House, Person

pytestmark = pytest.mark.asyncio(loop_scope="session")

NONSENSE = b"nobody can play this" * 100


async def test_alac_plays_by_its_copy(
    local_house: House, newcomer: Person, visit: Visiting, tmp_path: Path
) -> None:
    tags = {"title": "Quarry", "artist": "Test Band"}
    clip = make_clip(tmp_path / "Quarry.m4a", 8, codec="alac", tags=tags)
    guest = await visit(local_house, newcomer)
    await guest.open()
    await guest.page.set_input_files("#files", clip)
    await guest.row("Quarry").get_by_role("button", name="Play").click()
    await expect(guest.page.locator("#now-form")).to_have_text("AAC copy", timeout=120_000)
    await guest.reached(0.5)
    assert await guest.loudest() > 0.05
    await expect(guest.page.locator("#alerts")).to_be_empty()


async def test_who_waits_for_a_copy_is_told_and_hears_it_when_it_is_there(
    local_house: House, listener: Person, visit: Visiting
) -> None:
    guest = await visit(local_house, listener)
    states = ["pending", "pending", "stable"]

    async def one_more(route: Route) -> None:
        state = states.pop(0)
        copy = {"name": "playback", "state": state, "ready": state == "stable", "failure": None}
        await route.fulfill(json={"items": [copy]})

    async def nonsense(route: Route) -> None:
        if states:
            await route.fulfill(body=NONSENSE, content_type="audio/mp4")
        else:
            await route.continue_()

    await guest.page.route("**/renditions", one_more)
    await guest.page.route("**/audio/stream*", nonsense)
    await guest.open()
    await guest.row("Harbour").get_by_role("button", name="Play").click()
    news = "A copy that this browser can play is being made; it starts by itself"
    await guest.told(news)
    await guest.reached(0.2)
    await guest.playing()
    assert await guest.told(news) == [news]
    await expect(guest.page.locator("#alerts")).to_be_empty()


async def test_a_kind_without_a_copy_that_plays_is_told_with_what_to_do(
    local_house: House, listener: Person, visit: Visiting
) -> None:
    guest = await visit(local_house, listener)

    async def another_kind(route: Route) -> None:
        answer = await route.fetch()
        await route.fulfill(
            response=answer, json={**await answer.json(), "content_type": "audio/aiff"}
        )

    async def nonsense(route: Route) -> None:
        await route.fulfill(body=NONSENSE, content_type="audio/aiff")

    await guest.page.route("**/audio/url", another_kind)
    await guest.page.route("**/audio/stream*", nonsense)
    await guest.open()
    await guest.row("Harbour").get_by_role("button", name="Play").click()
    alert = guest.page.locator("#alerts .toast")
    await expect(alert).to_contain_text("This browser cannot play audio/aiff")
    await expect(alert).to_contain_text("have one made")
    await expect(guest.page.locator("#now-form")).to_have_text("Original, AIFF")


async def test_times_are_those_of_the_original_whatever_file_sounds(
    local_house: House, listener: Person, visit: Visiting
) -> None:
    guest = await visit(local_house, listener)

    async def shifted(route: Route) -> None:
        answer = await route.fetch()
        link: dict[str, Any] = await answer.json()
        link |= {"rendition": "playback", "start_offset_s": 2.5}
        await route.fulfill(response=answer, json=link)

    await guest.page.route("**/audio/url", shifted)
    await guest.open_at("Harbour", 20)
    time = guest.page.locator("#time")
    await expect(guest.page.locator("#now-form")).to_have_text("MP3 copy")
    await guest.stands_at(17.5)
    await expect(time).to_contain_text("0:20 / 0:36")
    await guest.page.keyboard.press("ArrowRight")
    await expect(time).to_contain_text("0:25 / 0:36")
    await guest.stands_at(22.5)
    await guest.page.locator("wave-view").focus()
    await guest.page.keyboard.press("Home")
    await guest.stands_at(0)
