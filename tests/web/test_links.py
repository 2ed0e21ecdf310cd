"""What becomes of a listener whose link ends, or whose server changes its keys."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Route

from autodj.cdn.signer import CloudFrontSigner
from autodj.laptop.ports import free_ports
from tests.web.conftest import Visiting, signer_of
from tests.web.house import House, Person
from tests.web.rotation import KeyPair, edge_of, web_beside
from tests.web.visit import Visit

pytestmark = pytest.mark.asyncio(loop_scope="session")

LIFE_S = 60
WINDOW_REST_S = 20
Spoil = Callable[[CloudFrontSigner, str], str]


async def link_to(house: House, person: Person, title: str) -> str:
    """The link that everybody is given now, and for some time to come."""
    found = await house.ask(person, "GET", f"/tracks?q={title}")
    path = f"/tracks/{found['items'][0]['id']}/audio/url"
    link: dict[str, Any] = await house.ask(person, "GET", path)
    rest_s = (datetime.fromisoformat(link["renew_at"]) - datetime.now(UTC)).total_seconds()
    if rest_s < WINDOW_REST_S:
        await asyncio.sleep(rest_s + 1)
        link = await house.ask(person, "GET", path)
    return str(link["url"])


def statuses(guest: Visit) -> list[int]:
    return [each.status for each in guest.audio_responses()]


async def test_a_pause_past_the_end_of_a_link_goes_on_with_a_new_one(
    edge_house: House, owner: Person, visit: Visiting
) -> None:
    guest = await visit(edge_house, owner)
    given: list[dict[str, Any]] = []

    async def shorten(route: Route) -> None:
        answer = await route.fetch()
        link = await answer.json()
        if not given:
            end = datetime.now(UTC) + timedelta(seconds=LIFE_S)
            key = urlsplit(link["url"]).path.lstrip("/")
            url = signer_of(edge_house).link(key, expires_at=end)
            link |= {"url": url, "expires_at": end.isoformat(), "renew_at": None}
        given.append(link)
        await route.fulfill(response=answer, json=link)

    await guest.page.clock.install()
    await guest.page.route("**/audio/url", shorten)
    await guest.open()
    await guest.play("Voyage")
    await guest.page.get_by_role("button", name="Pause", exact=True).click()
    before = await guest.page.locator("#audio").evaluate("(audio) => audio.currentTime")
    await guest.page.clock.fast_forward(LIFE_S * 1000)
    await guest.page.get_by_role("button", name="Play", exact=True).click()
    assert before + 0.5 <= await guest.reached(before + 0.5) < before + 30
    assert len(given) == 2
    assert guest.audio_responses()[-1].url == given[1]["url"]
    assert set(statuses(guest)) == {206}


async def test_a_key_is_rotated_in_the_middle_of_a_track(
    edge_house: House, owner: Person, visit: Visiting, tmp_path: Path
) -> None:
    old, new = KeyPair.make("KOLDOLDOLD"), KeyPair.make("KNEWNEWNEW")
    [port] = free_ports(1)
    group = tmp_path / "group"
    group.mkdir()
    old.join(group)
    async with edge_of(edge_house, group, tmp_path / "cache") as edge:
        async with web_beside(edge_house, port, edge, old) as before:
            guest = await visit(before, owner)
            guest.expected += ["net::ERR_", "403"]
            await guest.open()
            await guest.play("Voyage")
            await guest.reached(0.3)
        new.join(group)
        async with web_beside(edge_house, port, edge, new, also=old):
            await guest.measured()
            await guest.click_wave(0.9)
            await guest.sent_to(160, 164)
            await guest.reached(160)
            assert {key_of(each.url) for each in guest.audio_responses()} == {old.id}
            assert set(statuses(guest)) == {206}
            old.leave(group)
            await guest.click_wave(0.25)
            await guest.sent_to(43, 47)
            await guest.reached(47)
            assert key_of(guest.audio_responses()[-1].url) == new.id
            assert statuses(guest)[-1] == 206
    assert 403 in statuses(guest)
    assert await guest.page.locator("#alerts").inner_text() == ""


def key_of(url: str) -> str:
    return url.partition("Key-Pair-Id=")[2].partition("&")[0]


def expired(signer: CloudFrontSigner, key: str) -> str:
    return signer.link(key, expires_at=datetime.now(UTC) - timedelta(seconds=1))


def tampered(signer: CloudFrontSigner, key: str) -> str:
    link = signer.link(key, expires_at=datetime.now(UTC) + timedelta(hours=1))
    return link.replace("Expires=1", "Expires=2")


@pytest.mark.parametrize("spoil", [expired, tampered])
async def test_the_edge_refuses_a_bad_link_in_a_way_that_the_page_can_read(
    edge_house: House, owner: Person, visit: Visiting, spoil: Spoil
) -> None:
    guest = await visit(edge_house, owner)
    guest.expected.append("403")
    await guest.open()
    good = await link_to(edge_house, owner, "Harbour")
    bad = spoil(signer_of(edge_house), urlsplit(good).path.lstrip("/"))
    answers = [
        await guest.page.evaluate(
            """async (url) => {
              const { status, type } = await fetch(url, { headers: { Range: "bytes=0-99" } });
              return [status, type];
            }""",
            url,
        )
        for url in (good, bad)
    ]
    assert answers == [[206, "cors"], [403, "cors"]]


async def test_what_was_heard_once_is_not_asked_for_again(
    edge_house: House, owner: Person, visit: Visiting
) -> None:
    guest = await visit(edge_house, owner)
    await guest.open()
    link = await link_to(edge_house, owner, "Harbour")
    await guest.play("Harbour")
    await guest.buffered()
    answers = await answers_of_the_edge(guest, link)
    assert answers
    await guest.play("Voyage")
    await guest.play("Harbour")
    await guest.reached(0.5)
    assert await guest.page.locator("#audio").evaluate("(audio) => audio.src") == link
    assert await answers_of_the_edge(guest, link) == answers


async def answers_of_the_edge(guest: Visit, url: str) -> set[str | None]:
    """The edge names each of its answers; what the browser kept has the name it had."""
    return {
        await each.header_value("x-amz-cf-id")
        for each in guest.audio_responses()
        if each.url == url
    }


async def test_a_plain_load_before_does_not_silence_the_player(
    edge_house: House, owner: Person, visit: Visiting
) -> None:
    guest = await visit(edge_house, owner)
    await guest.open()
    link = await link_to(edge_house, owner, "Harbour")
    await guest.page.evaluate(
        """async (url) => {
          const audio = new Audio(url);
          audio.muted = true;
          await new Promise((kept) => audio.addEventListener("canplaythrough", kept));
          audio.removeAttribute("src");
          audio.load();
        }""",
        link,
    )
    [plain, *_] = guest.audio_responses()
    assert plain.url == link
    assert "origin" not in await plain.request.all_headers()
    await guest.play("Harbour")
    assert await guest.page.locator("#audio").evaluate("(audio) => audio.src") == link
    assert await guest.loudest() > 0.05


async def test_playing_from_the_edge_breaks_no_rule_of_the_page(
    edge_house: House, owner: Person, visit: Visiting
) -> None:
    guest = await visit(edge_house, owner)
    guest.expected.append("Content Security Policy")
    await guest.page.add_init_script(
        """window.broken = [];
        addEventListener("securitypolicyviolation", (event) => {
          window.broken.push(event.effectiveDirective);
        });"""
    )
    await guest.open()
    await guest.play("Voyage")
    await guest.reached(0.5)
    await guest.page.locator("wave-view").focus()
    await guest.page.keyboard.press("PageUp")
    await guest.reached(15)
    before = await guest.page.evaluate(
        """() => new Promise((told) => {
          const before = [...window.broken];
          addEventListener("securitypolicyviolation", () => told(before), { once: true });
          document.body.setAttribute("style", "color: red");
        })"""
    )
    assert before == []
    assert await guest.page.evaluate("() => window.broken") == ["style-src-attr"]
    assert all("style" in error for error in guest.errors)
