from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.async_api import APIResponse, Route, expect

from tests.web.conftest import Visiting, signer_of
from tests.web.house import House, Person
from tests.web.visit import PAGE_ASKS_AGAIN_MS

pytestmark = pytest.mark.asyncio(loop_scope="session")

_names = count(1)


async def answer_with(route: Route, answer: APIResponse, **changes: object) -> None:
    await route.fulfill(response=answer, json={**await answer.json(), **changes})


async def tamper(route: Route) -> None:
    answer = await route.fetch()
    url = (await answer.json())["url"]
    await answer_with(route, answer, url=url.replace("Signature=", "Signature=AAAA"))


async def test_a_track_moves_to_s3_while_it_plays(
    edge_house: House, visit: Visiting, clips: list[Path]
) -> None:
    guest = await visit(edge_house, await edge_house.person(f"mover-{next(_names)}"))
    await guest.open()
    await guest.page.set_input_files("#files", clips[0])
    await guest.play("Harbour")
    before = await guest.reached(0.2)
    row = guest.row("Harbour")
    await expect(row.locator(".source")).to_have_text("S3", timeout=120_000)
    await expect(row.locator(".state")).to_have_text("Ready")
    await guest.reached(before + 0.5)


async def test_a_published_track_sounds_from_the_edge_on_another_host(
    edge_house: House, owner: Person, visit: Visiting
) -> None:
    guest = await visit(edge_house, owner)
    await guest.open()
    await expect(guest.row("Voyage").locator(".source")).to_have_text("S3")
    await guest.play("Voyage")
    assert await guest.loudest() > 0.05
    hosts = {urlsplit(each.url).hostname for each in guest.audio_responses()}
    assert hosts == {"localhost"}
    assert urlsplit(edge_house.url).hostname == "127.0.0.1"
    assert {each.status for each in guest.audio_responses()} == {206}


async def test_a_far_seek_asks_the_edge_for_a_far_range(
    edge_house: House, owner: Person, visit: Visiting
) -> None:
    guest = await visit(edge_house, owner)
    await guest.open()
    await guest.play("Voyage")
    await guest.reached(0.2)
    await guest.measured()
    await guest.page.get_by_role("slider", name="Position").focus()
    for _ in range(6):
        await guest.page.keyboard.press("PageUp")
    await guest.sent_to(96, 97)
    await guest.reached(96)
    assert {each.status for each in guest.audio_responses()} == {206}
    ranges = [each.headers["content-range"] for each in guest.audio_responses()]
    assert max(int(each.split()[1].partition("-")[0]) for each in ranges) > 10_000_000


async def test_a_link_that_the_edge_refuses_is_replaced(
    edge_house: House, owner: Person, visit: Visiting
) -> None:
    guest = await visit(edge_house, owner)
    guest.expected.append("403")
    refused = asyncio.Event()

    async def once_refused(route: Route) -> None:
        await refused.wait()
        await route.continue_()

    guest.page.on("response", lambda said: refused.set() if said.status == 403 else None)
    # A page that waits for six seconds asks again: it gets no other link before the refusal.
    await guest.page.route("**/audio/url", once_refused)
    await guest.page.route("**/audio/url", tamper, times=1)
    await guest.open()
    await guest.play("Voyage")
    await guest.reached(0.5)
    statuses = [each.status for each in guest.audio_responses()]
    assert (statuses[0], statuses[-1]) == (403, 206)
    await expect(guest.page.locator("#alerts")).to_be_empty()


async def test_a_link_that_ends_while_it_plays_is_replaced_and_the_seek_kept(
    edge_house: House, owner: Person, visit: Visiting
) -> None:
    guest = await visit(edge_house, owner)
    guest.expected.append("403")
    given: list[str] = []

    def link(key: str, life_s: float) -> str:
        expires_at = datetime.now(UTC) + timedelta(seconds=life_s)
        return signer_of(edge_house).link(key, expires_at=expires_at)

    async def another(route: Route) -> None:
        answer = await route.fetch()
        given.append(link(urlsplit((await answer.json())["url"]).path.lstrip("/"), 3600))
        await answer_with(route, answer, url=given[0])

    async def ended(route: Route) -> None:
        url = route.request.url
        is_over = url == given[0]
        await route.continue_(url=link(urlsplit(url).path.lstrip("/"), -1) if is_over else None)

    await guest.page.route("**/audio/url", another, times=1)
    await guest.open()
    await guest.play("Voyage")
    await guest.reached(0.5)
    assert {each.status for each in guest.audio_responses()} == {206}
    await guest.page.route(f"{edge_house.settings.cdn.origin}/**", ended)
    await guest.click_wave(0.9)
    await guest.sent_to(160, 164)
    await guest.reached(162.5)
    await guest.playing()
    statuses = [each.status for each in guest.audio_responses()]
    assert statuses.count(403) == 1
    assert statuses[-1] == 206
    await expect(guest.page.locator("#alerts")).to_be_empty()


async def test_a_store_that_says_nothing_is_asked_again(
    edge_house: House, owner: Person, visit: Visiting
) -> None:
    guest = await visit(edge_house, owner)
    guest.expected.append("ERR_FAILED")
    silent: list[Route] = []

    async def keep_waiting(route: Route) -> None:
        silent.append(route)

    await guest.page.clock.install()
    await guest.page.route(f"{edge_house.settings.cdn.origin}/**", keep_waiting, times=1)
    await guest.open()
    await guest.row("Voyage").get_by_role("button", name="Play").click()
    await expect(guest.page.locator("#player")).to_have_attribute("data-state", "waiting")
    while not silent:
        await guest.page.evaluate("() => new Promise(requestAnimationFrame)")
    await guest.page.clock.fast_forward(PAGE_ASKS_AGAIN_MS)
    await guest.reached(0.2)
    await silent[0].abort()


async def test_a_track_that_stays_unreadable_is_told_with_what_to_do(
    edge_house: House, owner: Person, visit: Visiting
) -> None:
    guest = await visit(edge_house, owner)
    guest.expected.append("403")

    await guest.page.route("**/audio/url", tamper)
    await guest.open()
    await guest.row("Voyage").get_by_role("button", name="Play").click()
    alert = guest.page.locator("#alerts .toast")
    await expect(alert).to_contain_text("The track could not be read")
    await expect(alert).to_contain_text("autodj doctor")
    await guest.page.unroute("**/audio/url")
    await guest.page.get_by_role("button", name="Play", exact=True).click()
    await guest.reached(0.2)
