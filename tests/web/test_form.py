"""Bars, cues and sections on the waveform."""

from __future__ import annotations

import pytest
from playwright.async_api import Locator, expect

from tests.web.conftest import Visiting
from tests.web.form import give_form
from tests.web.house import House, Person
from tests.web.visit import Visit

pytestmark = pytest.mark.asyncio(loop_scope="session")

PINK = "rgb(255, 122, 184)"


async def opened(visit: Visiting, house: House, person: Person, **form: object) -> Visit:
    """The page at a paused track whose form is known."""
    guest: Visit = await visit(house, person)
    await give_form(guest.page, **form)
    await guest.open_at("Harbour", 0)
    await guest.measured()
    return guest


async def expect_place(guest: Visit, words: str) -> None:
    wave = guest.page.get_by_role("slider", name="Position")
    await expect(wave).to_have_attribute("aria-valuetext", words)


async def test_cues_are_buttons_with_names_and_the_keys_1_to_5(
    local_house: House, listener: Person, visit: Visiting
) -> None:
    guest = await opened(visit, local_house, listener)
    cues = guest.page.get_by_role("group", name="Cues").get_by_role("button")
    await expect(cues).to_have_text(
        ["1In 0:00", "2Intro end 0:08", "3Drop 0:08", "4Outro 0:30", "5Out 0:34"]
    )
    for key, words in [
        ("3", "0:08 of 0:36, bar 5"),
        ("1", "0:00 of 0:36, bar 1"),
        ("5", "0:34 of 0:36, bar 18"),
        ("2", "0:08 of 0:36, bar 5"),
        ("4", "0:30 of 0:36, bar 16"),
    ]:
        await guest.page.keyboard.press(key)
        await expect_place(guest, words)
    await guest.stands_at(30.5)
    await guest.page.get_by_role("button", name="Drop 0:08").click()
    await expect_place(guest, "0:08 of 0:36, bar 5")


async def test_a_track_without_cues_shows_none_and_its_keys_stay_still(
    local_house: House, listener: Person, visit: Visiting
) -> None:
    guest = await opened(visit, local_house, listener, cues=None, sections=[], downbeats_s=None)
    await expect(guest.page.locator("#cues")).to_be_hidden()
    await expect(guest.page.locator(".wave-strip")).to_be_hidden()
    await guest.page.keyboard.press("ArrowRight")
    await expect_place(guest, "0:05 of 0:36, bar 3")
    await guest.page.keyboard.press("3")
    await expect_place(guest, "0:05 of 0:36, bar 3")


async def test_pages_are_eight_bars_by_the_downbeats(
    local_house: House, listener: Person, visit: Visiting
) -> None:
    slow = [0.5, 2.5, 4.5, *(7.5 + 3 * bar for bar in range(9))]
    guest = await opened(visit, local_house, listener, downbeats_s=slow, sections=[])
    await guest.page.keyboard.press("1")
    await guest.page.locator("wave-view").focus()
    await guest.page.keyboard.press("PageUp")
    await expect_place(guest, "0:22 of 0:36, bar 9")
    await guest.page.keyboard.press("PageDown")
    await expect_place(guest, "0:00 of 0:36, bar 1")


async def test_sections_are_told_and_a_click_goes_to_where_one_begins(
    local_house: House, listener: Person, visit: Visiting
) -> None:
    guest = await opened(visit, local_house, listener)
    wave, strip = guest.page.locator("wave-view"), guest.page.locator(".wave-strip")
    told = "intro from 0:00, drop from 0:08, break from 0:24, outro from 0:30"
    await expect(wave).to_have_attribute("aria-description", told)
    box = await strip.bounding_box()
    assert box is not None
    await strip.click(position={"x": box["width"] * 20 / 36, "y": 8})
    await expect_place(guest, "0:08 of 0:36, bar 5")


async def test_cues_sections_and_a_legend_of_the_bands_are_drawn(
    local_house: House, listener: Person, visit: Visiting
) -> None:
    guest = await opened(visit, local_house, listener)
    main, strip = guest.page.locator(".wave-main"), guest.page.locator(".wave-strip")
    assert await colour_at(main, 8.5) == PINK
    assert await colour_at(main, 20) != PINK
    loud, quiet = await opacity_at(strip, 23.5), await opacity_at(strip, 29.5)
    assert loud == 255
    assert 100 < quiet < 200
    assert await opacity_at(strip, 0.2) == 0
    bands = guest.page.locator(".legend span")
    await expect(bands).to_have_text(["low", "mid", "high"])
    heights = await bands.evaluate_all(
        "(spans) => spans.map((span) => getComputedStyle(span, '::before').height)"
    )
    assert len(set(heights)) == 3


async def pixel(canvas: Locator, seconds: float) -> list[int]:
    """Red, green, blue and opacity near the top of a picture of the whole track."""
    found: list[int] = await canvas.evaluate(
        """async (canvas, share) => {
          await new Promise((seen) => requestAnimationFrame(() => requestAnimationFrame(seen)));
          const x = Math.round(share * canvas.width);
          return [...canvas.getContext("2d").getImageData(x, 1, 1, 1).data];
        }""",
        seconds / 36,
    )
    return found


async def colour_at(canvas: Locator, seconds: float) -> str:
    red, green, blue, _ = await pixel(canvas, seconds)
    return f"rgb({red}, {green}, {blue})"


async def opacity_at(canvas: Locator, seconds: float) -> int:
    return (await pixel(canvas, seconds))[3]


async def test_a_picture_is_drawn_again_only_when_it_would_look_different(
    local_house: House, listener: Person, visit: Visiting
) -> None:
    guest = await opened(visit, local_house, listener)
    drawn = await guest.page.evaluate(
        """async () => {
          const wave = document.createElement("wave-view");
          document.body.append(wave);
          wave.show(180, null);
          const { prototype } = CanvasRenderingContext2D;
          const { clearRect } = prototype;
          let count = 0;
          prototype.clearRect = function (...area) {
            if (this.canvas.parentNode === wave) count += 1;
            return clearRect.apply(this, area);
          };
          const frame = () => new Promise(requestAnimationFrame);
          const drawnAt = async (seconds) => {
            wave.at = seconds;
            const before = count;
            await frame();
            await frame();
            return count - before;
          };
          await drawnAt(10);
          await frame();
          const pixel_s = 180 / wave.querySelector(".wave-main").width;
          return [await drawnAt(10 + 1e-6), await drawnAt(10 + pixel_s), await drawnAt(20)];
        }"""
    )
    assert drawn == [0, 1, 1]
