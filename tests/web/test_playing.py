from __future__ import annotations

import re

import pytest
from playwright.async_api import Locator, expect

from tests.web.conftest import Visiting
from tests.web.house import House, Person
from tests.web.visit import PAGE_ASKS_AGAIN_MS, Visit

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_local_track_sounds_through_ranges(
    local_house: House, listener: Person, visit: Visiting
) -> None:
    guest = await visit(local_house, listener)
    await guest.open()
    await guest.play("Harbour")
    assert await guest.loudest() > 0.05
    await guest.reached(1)
    await expect(guest.page.locator("#time")).to_contain_text("/ 0:36")
    [first, *_] = guest.audio_responses()
    assert first.status == 206
    assert first.request.headers["range"] == "bytes=0-"
    assert first.url.startswith(local_house.url)
    crossorigin = await guest.page.locator("#audio").get_attribute("crossorigin")
    assert crossorigin == "anonymous"


async def test_a_far_seek_by_click_asks_for_a_far_range(
    local_house: House, listener: Person, visit: Visiting
) -> None:
    guest = await visit(local_house, listener)
    await guest.open()
    await guest.play("Voyage")
    await guest.reached(0.2)
    await guest.click_wave(0.9)
    await guest.sent_to(160, 164)
    await guest.reached(160)
    far = [
        int(found[1])
        for each in guest.audio_responses()
        if each.status == 206
        and (found := re.match(r"bytes=(\d+)-", each.request.headers["range"]))
    ]
    assert max(far) > 25_000_000


async def test_the_waveform_is_a_slider_for_the_keyboard(
    local_house: House, listener: Person, visit: Visiting
) -> None:
    guest = await visit(local_house, listener)
    await guest.open_at("Voyage", 0)
    await guest.measured()
    slider = guest.page.get_by_role("slider", name="Position")
    await expect(slider).to_have_attribute("aria-valuetext", re.compile(r"0:00 of 3:00"))
    await slider.focus()
    await guest.page.keyboard.press("ArrowRight")
    await expect(slider).to_have_attribute("aria-valuenow", "1.0")
    await guest.page.keyboard.press("Shift+ArrowRight")
    await expect(slider).to_have_attribute("aria-valuenow", re.compile(r"1\.[456]"))
    await guest.page.keyboard.press("PageUp")
    await expect(slider).to_have_attribute("aria-valuetext", re.compile(r"0:17 of 3:00, bar \d+"))
    await guest.page.keyboard.press("PageDown")
    await expect(slider).to_have_attribute("aria-valuetext", re.compile("0:01 of 3:00"))
    await guest.page.keyboard.press("End")
    await expect(slider).to_have_attribute("aria-valuetext", re.compile("2:59 of 3:00"))
    await guest.page.keyboard.press("Home")
    await expect(slider).to_have_attribute("aria-valuenow", "0.0")


async def test_keys_work_everywhere_but_in_fields(
    local_house: House, listener: Person, visit: Visiting
) -> None:
    guest = await visit(local_house, listener)
    await guest.open()
    player = guest.page.locator("#player")
    await guest.play("Lantern")
    await guest.page.locator("#now-title").click()
    await guest.page.keyboard.press("Space")
    await expect(player).to_have_attribute("data-state", "paused")
    await guest.page.keyboard.press("Space")
    await guest.playing()
    await guest.page.keyboard.press("/")
    search = guest.page.get_by_role("searchbox")
    await expect(search).to_be_focused()
    await guest.page.keyboard.type("har bour?")
    await expect(search).to_have_value("har bour?")
    await guest.playing()
    await expect(guest.page.locator("#help")).to_be_hidden()
    await search.fill("")
    await search.blur()
    await guest.page.keyboard.press("?")
    await expect(guest.page.get_by_role("dialog", name="Keys")).to_be_visible()
    await guest.page.keyboard.press("Escape")
    await guest.page.keyboard.press("m")
    await expect(guest.page.get_by_role("button", name="Mute")).to_have_attribute(
        "aria-pressed", "true"
    )


async def paused_on_the_second(guest: Visit) -> tuple[Locator, list[str]]:
    """By keys alone, from the first track that was clicked; the title that is told, and all."""
    await guest.open()
    title = guest.page.locator("#now-title")
    titles = await guest.page.locator("tr.track .title").all_inner_texts()
    await guest.play(titles[0])
    await guest.page.keyboard.press("n")
    await expect(title).to_have_text(titles[1])
    await guest.playing()
    await guest.page.keyboard.press("Space")
    return title, titles


async def test_next_and_previous_follow_the_list(
    local_house: House, listener: Person, visit: Visiting
) -> None:
    guest = await visit(local_house, listener)
    title, titles = await paused_on_the_second(guest)
    await guest.page.keyboard.press("ArrowRight")
    previous = guest.page.get_by_role("button", name="Previous track")
    await previous.click()
    await guest.stands_at(0)
    await expect(title).to_have_text(titles[1])
    await previous.click()
    await expect(title).to_have_text(titles[0])
    await expect(guest.page.locator("tr[aria-current=true] .title")).to_have_text(titles[0])


async def test_the_space_bar_means_a_button_only_where_keys_have_led_to_it(
    local_house: House, listener: Person, visit: Visiting
) -> None:
    guest = await visit(local_house, listener)
    title, titles = await paused_on_the_second(guest)
    await expect(guest.page.locator("#player")).to_have_attribute("data-state", "paused")
    await expect(title).to_have_text(titles[1])
    await guest.page.keyboard.press("ArrowDown")
    await guest.page.keyboard.press("ArrowDown")
    await guest.page.keyboard.press("Space")
    await expect(title).to_have_text(titles[2])


async def test_the_end_of_a_track_is_the_start_of_the_next(
    local_house: House, listener: Person, visit: Visiting
) -> None:
    guest = await visit(local_house, listener)
    await guest.open()
    titles = await guest.page.locator("tr.track .title").all_inner_texts()
    await guest.play(titles[0])
    await guest.page.get_by_role("slider", name="Position").focus()
    await guest.page.keyboard.press("End")
    await expect(guest.page.locator("#now-title")).to_have_text(titles[1])
    await guest.playing()


async def lost_at_a_far_place(guest: Visit) -> None:
    """Send the player where it has read nothing yet, with no network, and have it notice."""
    await guest.page.clock.install()
    await guest.open()
    await guest.play("Voyage")
    await guest.reached(0.2)
    await guest.page.route("**/*", lambda route: route.abort("internetdisconnected"))
    await guest.click_wave(0.9)
    await guest.sent_to(160, 164)
    await expect(guest.page.locator("#player")).to_have_attribute("data-state", "waiting")


async def test_music_waits_for_the_network_and_goes_on_by_itself(
    local_house: House, listener: Person, visit: Visiting
) -> None:
    guest = await visit(local_house, listener)
    guest.expected.append("ERR_INTERNET_DISCONNECTED")
    await lost_at_a_far_place(guest)
    await guest.page.clock.fast_forward(PAGE_ASKS_AGAIN_MS)
    await guest.told("the music goes on as soon as it does")
    await expect(guest.page.locator("#player")).to_have_attribute("data-state", "waiting")
    for _ in range(3):
        await guest.page.clock.fast_forward(PAGE_ASKS_AGAIN_MS)
    await guest.page.unroute("**/*")
    await guest.page.clock.fast_forward(PAGE_ASKS_AGAIN_MS)
    await guest.reached(160)
    await guest.playing()
    await expect(guest.page.locator("#time")).to_have_text(re.compile(r"2:4\d / 3:00"))
    said = [each for each in await guest.told("") if "goes on" in each]
    assert len(said) == 1
    await expect(guest.page.locator("#alerts")).to_be_empty()


async def test_what_was_given_up_does_not_sound_when_the_store_is_back(
    local_house: House, listener: Person, visit: Visiting
) -> None:
    guest = await visit(local_house, listener)
    guest.expected.extend(["ERR_INTERNET_DISCONNECTED", "503"])
    await lost_at_a_far_place(guest)
    problem = {"status": 503, "title": "The store is away", "code": "store_unavailable"}
    await guest.page.route("**/audio/url", lambda route: route.fulfill(status=503, json=problem))
    await guest.page.clock.fast_forward(PAGE_ASKS_AGAIN_MS)
    await expect(guest.page.locator("#alerts .toast")).to_contain_text("The store is away")
    await expect(guest.page.locator("#player")).to_have_attribute("data-state", "paused")
    assert await guest.page.locator("#audio").evaluate("(audio) => audio.paused")
    await guest.page.unroute_all()
    await guest.page.get_by_role("button", name="Play", exact=True).click()
    await guest.reached(160)
    await expect(guest.page.locator("#time")).to_have_text(re.compile(r"2:4\d / 3:00"))


async def test_the_system_is_told_what_plays(
    local_house: House, listener: Person, visit: Visiting
) -> None:
    guest = await visit(local_house, listener)
    await guest.open()
    await guest.play("Harbour")
    told = await guest.page.evaluate(
        """() => {
          const { metadata, playbackState } = navigator.mediaSession;
          return [metadata.title, metadata.artist, playbackState];
        }"""
    )
    assert told == ["Harbour", "Test Band", "playing"]
    assert await guest.page.title() == "Harbour · autodj"


async def test_an_address_with_a_track_and_a_time_opens_there(
    local_house: House, listener: Person, visit: Visiting
) -> None:
    guest = await visit(local_house, listener)
    await guest.open_at("Voyage", 95)
    await expect(guest.page.locator("#time")).to_contain_text("1:35 / 3:00")
    await guest.page.get_by_role("button", name="Play", exact=True).click()
    await guest.sent_to(95, 95)
    await guest.reached(95.2)
    await guest.page.goto(f"{local_house.url}/#t=20")
    await guest.sent_to(20, 20)
    await guest.reached(20.2)


async def test_zooming_in_shows_the_beats_and_an_overview(
    local_house: House, listener: Person, visit: Visiting
) -> None:
    guest = await visit(local_house, listener)
    await guest.open_at("Voyage", 10)
    await guest.measured()
    overview = guest.page.locator(".wave-map")
    await expect(overview).to_be_hidden()
    for factor in (2, 4, 8, 16):
        await guest.page.get_by_role("button", name="Zoom in").click()
        await expect(guest.page.locator("#zoom")).to_have_text(f"{factor}\u00d7")
    await overview.click(position={"x": 5, "y": 5})
    await expect(guest.page.get_by_role("slider", name="Position")).to_have_attribute(
        "aria-valuetext", re.compile("0:00 of 3:00")
    )
    await guest.page.keyboard.press("-")
    await expect(guest.page.locator("#zoom")).to_have_text("8\u00d7")


async def test_a_link_to_this_place_can_be_copied(
    local_house: House, listener: Person, visit: Visiting
) -> None:
    guest = await visit(local_house, listener, permissions=["clipboard-read", "clipboard-write"])
    await guest.open_at("Voyage", 95)
    await expect(guest.page.locator("#time")).to_contain_text("1:35 / 3:00")
    await guest.page.get_by_role("button", name="Copy a link to this place").click()
    await guest.told("Copied a link to 1:35")
    copied = await guest.page.evaluate("() => navigator.clipboard.readText()")
    assert re.fullmatch(rf"{local_house.url}/#track=[0-9a-f-]{{36}}&t=95", copied)


async def test_the_volume_is_kept_for_the_next_visit(
    local_house: House, listener: Person, visit: Visiting
) -> None:
    guest = await visit(local_house, listener)
    await guest.open_at("Voyage", 0)
    await guest.page.get_by_role("slider", name="Volume").fill("50")
    await guest.page.reload()
    await guest.seen()
    assert await guest.page.locator("#audio").evaluate("(audio) => audio.volume") == 0.25


async def test_a_player_that_the_system_pauses_says_so(
    local_house: House, listener: Person, visit: Visiting
) -> None:
    guest = await visit(local_house, listener)
    await guest.open()
    await guest.play("Voyage")
    await guest.reached(0.2)
    # A call, or headphones that are pulled out: the element stops, and nobody pressed anything.
    await guest.page.locator("#audio").evaluate("(audio) => audio.pause()")
    await expect(guest.page.locator("#player")).to_have_attribute("data-state", "paused")
    await guest.page.keyboard.press("Space")
    await guest.playing()
    assert not await guest.page.locator("#audio").evaluate("(audio) => audio.paused")


async def test_a_key_that_is_held_down_counts_once(
    local_house: House, listener: Person, visit: Visiting
) -> None:
    guest = await visit(local_house, listener)
    await guest.open_at("Voyage", 0)
    await guest.measured()
    for _ in range(4):
        await guest.page.keyboard.down("m")
    await guest.page.keyboard.up("m")
    await expect(guest.page.get_by_role("button", name="Mute")).to_have_attribute(
        "aria-pressed", "true"
    )
