"""Setting the beat grid right, in the row of a track that plays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Locator, expect

from tests.web.conftest import Visiting
from tests.web.house import House, Person
from tests.web.test_library import CRATE, stock
from tests.web.visit import Visit

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def analysis(house: House, person: Person, track_id: str) -> dict[str, Any]:
    found: dict[str, Any] = await house.ask(person, "GET", f"/tracks/{track_id}/analysis")
    return found


async def expect_grid(guest: Visit, beats_s: list[float], downbeats_s: list[float]) -> None:
    """What the picture is drawn from."""
    await guest.page.wait_for_function("() => customElements.get('wave-view')")
    await guest.measured()
    await guest.page.wait_for_function(
        """(wanted) => {
          const { beats, bars } = document.querySelector("wave-view");
          return JSON.stringify([[...beats], [...bars]]) === JSON.stringify(wanted);
        }""",
        arg=[beats_s, downbeats_s],
    )


def tool(tools: Locator, name: str) -> Locator:
    return tools.get_by_role("button", name=name, exact=True)


async def test_a_grid_is_set_right_while_the_track_plays(
    local_house: House, newcomer: Person, visit: Visiting, clips: list[Path]
) -> None:
    [track_id] = await local_house.add(newcomer, clips[0])
    measured = await analysis(local_house, newcomer, track_id)
    guest = await visit(local_house, newcomer)
    await guest.open_at("Harbour", 10)
    await expect_grid(guest, measured["beats_s"], measured["downbeats_s"])
    await guest.page.get_by_role("button", name="Edit Harbour").click()
    tools = guest.page.get_by_role("group", name="Beat grid")
    said = tools.locator("output")
    await expect(said).to_have_text("As measured")
    await expect(tool(tools, "Undo")).to_be_disabled()
    await expect(tool(tools, "Reset grid")).to_be_disabled()

    await tool(tools, "\u00d72").click()
    await expect(said).to_have_text("Set by you: 240.00 BPM")
    await expect(guest.page.get_by_label("BPM", exact=True)).to_have_value("240")
    await expect(guest.page.locator("#now-bpm")).to_have_text("240.0 BPM")
    twice = await analysis(local_house, newcomer, track_id)
    await expect_grid(guest, twice["beats_s"], twice["downbeats_s"])
    assert set(measured["beats_s"]) < set(twice["beats_s"])
    await tool(tools, "\u00f72").click()
    await expect(said).to_have_text("As measured")

    for name in ("+5 ms", "+5 ms", "\u22121 ms"):
        await tool(tools, name).press("Enter")
    await expect(said).to_have_text("Set by you: +9 ms")
    later = await analysis(local_house, newcomer, track_id)
    await expect_grid(guest, later["beats_s"], later["downbeats_s"])
    assert later["beats_s"][3] == pytest.approx(measured["beats_s"][3] + 0.009, abs=1e-4)

    await tool(tools, "Downbeat here").click()
    await expect(said).to_have_text("Set by you: +9 ms, bars moved")
    moved = await analysis(local_house, newcomer, track_id)
    assert min(abs(at - 10) for at in moved["downbeats_s"]) < 0.251
    await tools.get_by_label("Beats in a bar").select_option("3")
    await expect(said).to_have_text("Set by you: +9 ms, bars moved, 3 beats in a bar")
    waltz = await analysis(local_house, newcomer, track_id)
    await expect_grid(guest, waltz["beats_s"], waltz["downbeats_s"])
    assert (
        waltz["downbeats_s"][1]
        == waltz["beats_s"][waltz["beats_s"].index(waltz["downbeats_s"][0]) + 3]
    )

    bar = sum(at <= 10 for at in waltz["downbeats_s"])
    await expect(guest.page.locator("#time")).to_have_text(f"0:10 / 0:36 \u00b7 bar {bar}")

    await tool(tools, "Undo").click()
    await expect(said).to_have_text("Set by you: +9 ms, bars moved")
    await tool(tools, "Reset grid").click()
    await expect(said).to_have_text("As measured")
    await expect_grid(guest, measured["beats_s"], measured["downbeats_s"])
    await guest.page.get_by_role("button", name="Close").click()
    await expect(guest.page.get_by_role("button", name="Edit Harbour")).to_be_focused()


async def test_a_grid_is_changed_upon_what_others_have_changed(
    local_house: House, newcomer: Person, visit: Visiting
) -> None:
    await stock(local_house, newcomer, *CRATE)
    guest = await visit(local_house, newcomer)
    guest.expected.append("412")
    await guest.open()
    await guest.page.get_by_role("button", name="Edit Glasshaus").click()
    [track] = (await local_house.ask(newcomer, "GET", "/tracks?q=Glass"))["items"]
    await local_house.ask(newcomer, "PATCH", f"/tracks/{track['id']}", json={"nudge_ms": 3})
    tools = guest.page.get_by_role("group", name="Beat grid")
    await tool(tools, "Downbeat here").click()
    await guest.told("Play this track")
    await tool(tools, "+1 ms").click()
    await expect(tools.locator("output")).to_have_text("Set by you: +4 ms")
    await expect(guest.page.locator("#alerts .toast")).to_have_count(0)


async def test_what_could_not_be_measured_can_be_tried_again(
    local_house: House, newcomer: Person, visit: Visiting
) -> None:
    await stock(local_house, newcomer, CRATE[2])
    guest = await visit(local_house, newcomer)
    await guest.open()
    again = guest.page.get_by_role("button", name="Measure again: Untitled")
    await again.click()
    await expect(guest.row("Untitled").locator(".state")).to_have_attribute("data-state", "busy")
    await expect(again).to_have_count(0)
    [order] = [each for each in guest.requests if each.method == "POST"]
    assert order.url.endswith("/reanalysis")
