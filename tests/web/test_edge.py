from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import APIResponse, Route, expect

from autodj.cdn.signer import CloudFrontSigner
from tests.web.conftest import Visiting
from tests.web.house import House, Person

pytestmark = pytest.mark.asyncio(loop_scope="session")

SHORT_LIFE_S = 2
_names = count(1)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def owner(edge_house: House, long_clip: Path) -> Person:
    """Somebody whose long track has been published."""
    person = await edge_house.person("owner")
    await edge_house.add(person, long_clip)
    return person


def signer_of(house: House) -> CloudFrontSigner:
    cdn = house.settings.cdn
    assert cdn.origin is not None
    return CloudFrontSigner(cdn.origin, cdn.key_pair_id, cdn.private_key)


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
    await expect(row.locator(".source")).to_have_text("S3", timeout=40_000)
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
    await guest.page.get_by_role("slider", name="Position").focus()
    for _ in range(6):
        await guest.page.keyboard.press("PageUp")
    assert await guest.reached(96) < 110
    hosts = {urlsplit(each.url).hostname for each in guest.audio_responses()}
    assert hosts == {"localhost"}
    assert urlsplit(edge_house.url).hostname == "127.0.0.1"
    assert {each.status for each in guest.audio_responses()} == {206}


async def test_a_link_that_the_edge_refuses_is_replaced(
    edge_house: House, owner: Person, visit: Visiting
) -> None:
    guest = await visit(edge_house, owner)
    guest.expected.append("403")

    await guest.page.route("**/audio/url", tamper, times=1)
    await guest.open("#t=95")
    await guest.page.get_by_role("button", name="Play", exact=True).click()
    assert 95 <= await guest.reached(95.2) < 100
    assert {each.status for each in guest.audio_responses()} == {403, 206}


async def test_a_link_that_ends_while_it_plays_is_replaced_and_the_seek_kept(
    edge_house: House, owner: Person, visit: Visiting
) -> None:
    guest = await visit(edge_house, owner)
    guest.expected.append("403")
    [track] = (await edge_house.ask(owner, "GET", "/tracks"))["items"]
    key = urlsplit((await edge_house.ask(owner, "GET", f"/tracks/{track['id']}/audio/url"))["url"])
    ends = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=SHORT_LIFE_S)
    short = signer_of(edge_house).link(key.path.lstrip("/"), expires_at=ends)

    async def shorten(route: Route) -> None:
        await answer_with(route, await route.fetch(), url=short)

    await guest.page.route("**/audio/url", shorten, times=1)
    await guest.open()
    await guest.play("Voyage")
    await guest.reached(SHORT_LIFE_S + 1)
    assert datetime.now(UTC) > ends
    wave = guest.page.locator("wave-view")
    box = await wave.bounding_box()
    assert box is not None
    await wave.click(position={"x": box["width"] * 0.9, "y": 20})
    assert 161 < await guest.reached(162.5) < 168
    await guest.playing()
    statuses = [each.status for each in guest.audio_responses()]
    assert statuses.count(403) == 1
    assert statuses[-1] == 206
    await expect(guest.page.locator("#alerts")).to_be_empty()


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
