from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.web.conftest import Visiting
from tests.web.form import give_form
from tests.web.house import House, Person
from tests.web.visit import Visit

pytestmark = pytest.mark.asyncio(loop_scope="session")

# Whatever holds words, and how large they are.
SIZES = """() => {
  const isWord = (node) => node.nodeType === Node.TEXT_NODE && node.data.trim() !== "";
  const all = [...document.querySelectorAll("body *")];
  const held = all.filter((each) => [...each.childNodes].some(isWord) || each.matches("input"));
  return Object.fromEntries(held.map((each) => {
    const words = each.textContent.trim() || each.name || each.id;
    return [words, parseFloat(getComputedStyle(each).fontSize)];
  }));
}"""
SCHEMES = pytest.mark.parametrize("scheme", ["dark", "light"])


@SCHEMES
async def test_every_part_of_the_page_is_accessible(
    local_house: House, listener: Person, visit: Visiting, tmp_path: Path, scheme: str
) -> None:
    guest = await visit(local_house, listener, color_scheme=scheme)
    page = guest.page
    await give_form(page)
    await guest.open()
    found = {"library": await guest.violations()}
    await guest.play("Harbour")
    await page.get_by_role("button", name="Zoom in").click()
    await expect(page.locator("#cues")).to_be_visible()
    found["player"] = await guest.violations()
    await page.screenshot(path=tmp_path / f"{scheme}.png")
    await page.get_by_role("button", name="Edit Lantern").click()
    found["edit"] = await guest.violations()
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Key: Any key").click()
    found["wheel"] = await guest.violations()
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Keyboard help").click()
    found["help"] = await guest.violations()
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Delete Lantern").click()
    found["delete"] = await guest.violations()
    await page.keyboard.press("Escape")
    assert {part: wrong for part, wrong in found.items() if wrong} == {}


async def test_the_look_follows_the_system_and_the_button(
    local_house: House, listener: Person, visit: Visiting
) -> None:
    guest = await visit(local_house, listener, color_scheme="light")
    await guest.open()
    await guest.play("Harbour")
    await guest.measured()
    light = await painted(guest)
    await guest.page.get_by_role("button", name="Switch between light and dark").click()
    dark = await painted(guest)
    assert light[0] > 200
    assert dark[0] < 40
    assert light[1] != dark[1]
    await guest.page.reload()
    await guest.seen()
    assert (await painted(guest))[0] == dark[0]


async def painted(guest: Visit) -> tuple[int, list[int]]:
    """How bright the background is, 0 to 255, and the pixels in the middle of the waveform."""
    brightness, pixels = await guest.page.evaluate(
        """async () => {
          await new Promise((seen) => requestAnimationFrame(() => requestAnimationFrame(seen)));
          const style = getComputedStyle(document.body);
          const canvas = document.querySelector(".wave-main");
          const middle = canvas.height / 2;
          const pixels = canvas.width
            ? canvas.getContext("2d").getImageData(0, middle, canvas.width, 1).data : [];
          return [Number(style.backgroundColor.match(/\\d+/)[0]), [...pixels]];
        }"""
    )
    return brightness, pixels


async def test_a_phone_shows_everything_without_scrolling_sideways(
    local_house: House, listener: Person, visit: Visiting
) -> None:
    guest = await visit(
        local_house, listener, viewport={"width": 390, "height": 844}, has_touch=True
    )
    await give_form(guest.page)
    await guest.open()
    await guest.play("Voyage")
    await expect(guest.page.locator("#cues")).to_be_visible()
    widths = "() => [document.documentElement.scrollWidth, innerWidth]"
    assert await guest.page.evaluate(widths) == [390, 390]
    for part in ("tr.track .title", "tr.track .tempo", "tr.track .key", "tr.track .source"):
        await expect(guest.page.locator(part).first).to_be_in_viewport()
    assert await guest.violations() == []
    await guest.page.get_by_role("button", name="Edit Harbour").click()
    assert await guest.page.evaluate(widths) == [390, 390]


async def test_words_are_as_large_as_the_reader_has_set_them_to_be(
    local_house: House, listener: Person, visit: Visiting
) -> None:
    guest = await visit(local_house, listener)
    await give_form(guest.page)
    devtools = await guest.page.context.new_cdp_session(guest.page)
    sizes: dict[int, list[dict[str, float]]] = {390: [], 1024: [], 1440: []}
    await guest.open_at("Harbour", 0)
    for size_px in (16, 24):
        await devtools.send("Page.setFontSizes", {"fontSizes": {"standard": size_px}})
        await guest.page.reload()
        await guest.seen()
        await guest.measured()
        for width, found in sizes.items():
            await guest.page.set_viewport_size({"width": width, "height": 900})
            await guest.page.get_by_role("button", name="Edit Lantern").click()
            found.append(await guest.page.evaluate(SIZES))
            widths = "() => [document.documentElement.scrollWidth, innerWidth]"
            assert await guest.page.evaluate(widths) == [width, width]
            await guest.page.keyboard.press("Escape")
    for usual, large in sizes.values():
        assert len(usual) > 40
        assert usual.keys() == large.keys()
        # Where there is less room some are a step smaller than others, as in a narrow window.
        assert {words for words, size in usual.items() if large[words] < 1.25 * size} == set()


async def test_a_form_takes_no_room_from_the_other_rows(
    local_house: House, listener: Person, visit: Visiting
) -> None:
    guest = await visit(local_house, listener, viewport={"width": 1024, "height": 768})
    await guest.open()
    before = await guest.row("Harbour").bounding_box()
    title = guest.row("Harbour").locator(".c-track")
    width = await title.evaluate("(cell) => cell.clientWidth")
    await guest.page.get_by_role("button", name="Edit Voyage").click()
    await expect(guest.page.locator("tr.editing")).to_be_visible()
    assert await title.evaluate("(cell) => cell.clientWidth") == width
    assert await guest.row("Harbour").bounding_box() == before


async def test_nothing_moves_by_itself_for_who_wants_no_motion(
    local_house: House, listener: Person, visit: Visiting
) -> None:
    guest = await visit(local_house, listener, reduced_motion="reduce")
    await guest.open()
    await guest.play("Harbour")
    await guest.page.locator("tr.track").first.hover()
    assert await guest.page.evaluate("() => document.getAnimations().length") == 0


async def test_nothing_behind_what_moves_is_blurred(
    local_house: House, listener: Person, visit: Visiting
) -> None:
    # Without a graphics card that takes a processor of its own for as long as a track plays.
    guest = await visit(local_house, listener)
    await guest.open("#t=0")
    await guest.page.evaluate("() => document.body.toggleAttribute('data-dragging', true)")
    filters = await guest.page.evaluate(
        """() => [...document.querySelectorAll("*")].map((each) => [
          each.localName + "#" + each.id, getComputedStyle(each).backdropFilter])"""
    )
    assert len(filters) > 100
    assert [name for name, blur in filters if blur != "none"] == []


async def test_every_control_shows_its_focus(
    local_house: House, listener: Person, visit: Visiting
) -> None:
    guest = await visit(local_house, listener)
    await guest.open("#t=0")
    seen: list[str] = []
    for _ in range(60):
        await guest.page.keyboard.press("Tab")
        name, outline = await guest.page.evaluate(
            """() => {
              const now = document.activeElement;
              const shown = now.matches("[type=radio]") ? now.nextElementSibling : now;
              const style = getComputedStyle(shown);
              return [now.tagName + "#" + now.id, style.outlineStyle + " " + style.outlineWidth];
            }"""
        )
        if name.startswith("BODY"):
            break
        assert outline == "solid 2px", name
        seen.append(name)
    assert len(seen) > 20
    assert "WAVE-VIEW#" in seen


async def test_rows_show_the_outline_of_their_track(
    local_house: House, listener: Person, visit: Visiting
) -> None:
    guest = await visit(local_house, listener, viewport={"width": 1440, "height": 900})
    await guest.open()
    await expect(guest.page.locator("wave-thumb canvas")).to_have_count(3)
    await guest.outlined()


async def test_the_modules_are_all_asked_for_at_once(
    local_house: House, listener: Person, visit: Visiting
) -> None:
    guest = await visit(local_house, listener)
    await guest.open()
    used = {
        each.url.removeprefix(local_house.url)
        for each in guest.requests
        if each.resource_type == "script"
    }
    [folder] = {each.rpartition("/")[0] for each in used}
    named = await guest.page.locator("link[rel=modulepreload]").evaluate_all(
        "(links) => links.map((link) => link.getAttribute('href'))"
    )
    begun = {f"{folder}/{name}.js" for name in ("app", "theme", "stream-worker")}
    assert used == {*named, *begun}


async def test_scripts_and_styles_come_from_files_alone(
    local_house: House, listener: Person, visit: Visiting
) -> None:
    guest = await visit(local_house, listener)
    guest.expected.append("Content Security Policy")
    await guest.open()
    await guest.page.evaluate(
        """() => {
          const script = document.createElement("script");
          script.textContent = "window.injected = true";
          document.body.append(script);
          document.body.setAttribute("style", "color: red");
        }"""
    )
    await asyncio.sleep(0)
    assert await guest.page.evaluate("() => window.injected") is None
    colour = await guest.page.evaluate("() => getComputedStyle(document.body).color")
    assert colour != "rgb(255, 0, 0)"


async def test_what_has_the_focus_is_under_neither_bar(
    local_house: House, listener: Person, visit: Visiting
) -> None:
    guest = await visit(local_house, listener, viewport={"width": 720, "height": 450})
    await guest.open()
    await guest.play("Harbour")
    await guest.measured()
    await guest.page.locator("#q").focus()
    seen: set[str] = set()
    for _ in range(40):
        await guest.page.keyboard.press("Tab")
        where, name, is_free = await guest.page.evaluate(
            """async () => {
              await new Promise((seen) => requestAnimationFrame(() => requestAnimationFrame(seen)));
              const now = document.activeElement;
              const shown = now.matches("[type=radio]") ? now.nextElementSibling : now;
              const box = shown.getBoundingClientRect();
              const top = document.querySelector(".top").getBoundingClientRect().bottom;
              const bottom = document.querySelector("#player").getBoundingClientRect().top;
              const name = now.id || now.getAttribute("aria-label") || now.textContent;
              return [now.closest("main, section") ? "main" : "", name,
                Boolean(now.closest("#player")) || (box.top >= top && box.bottom <= bottom)];
            }"""
        )
        if where:
            assert is_free, name
            seen.add(name)
    assert "Delete Harbour" in seen


async def test_colours_that_are_forced_leave_buttons_and_choices_to_be_seen(
    local_house: House, listener: Person, visit: Visiting
) -> None:
    guest = await visit(local_house, listener, forced_colors="active")
    await guest.open()
    await guest.play("Harbour")
    edges = await guest.page.locator("button:is(.plain, .primary, .big):visible").evaluate_all(
        "(all) => all.map((each) => [each.textContent, getComputedStyle(each).borderTopStyle])"
    )
    assert len(edges) > 4
    assert [name for name, style in edges if style != "solid"] == []
    chosen, other = await guest.page.locator(".segments span").evaluate_all(
        "(all) => all.slice(0, 2).map((each) => getComputedStyle(each).backgroundColor)"
    )
    assert chosen != other
