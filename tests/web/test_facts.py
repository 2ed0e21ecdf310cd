"""What was measured, beside what the file says of itself, and where the document comes from."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from playwright.async_api import Request, expect

from tests.web.conftest import Visiting
from tests.web.form import give_form
from tests.web.house import House, Person

pytestmark = pytest.mark.asyncio(loop_scope="session")

MEASURED = {
    "integrated_lufs": -9.26,
    "loudness_range_lu": 5.04,
    "true_peak_dbtp": -0.31,
    "replaygain_db": -8.74,
    "energy": 7,
    "tuning_cents": 12.4,
    "metre": 4,
    "grid": "constant",
    "tags": {
        "bpm": "60",
        "key": "Dbm",
        "replaygain_track_gain": "-8.5 dB",
        "replaygain_track_peak": "0.5",
    },
}


async def test_the_facts_stand_beside_what_the_file_says_and_doubts_are_told(
    local_house: House, listener: Person, visit: Visiting
) -> None:
    guest = await visit(local_house, listener)
    await give_form(guest.page, **MEASURED)
    await guest.open_at("Harbour", 0)
    button = guest.page.get_by_role("button", name="all facts")
    await expect(button).to_have_text("Energy 7/10\u22129.3 LUFSall facts")
    await expect(button).to_have_attribute("data-doubted", "")
    await button.click()
    table = guest.page.get_by_role("dialog", name="What was measured")
    rows = {
        await row.locator("th").inner_text(): [
            " ".join((await cell.inner_text()).split()) for cell in await row.locator("td").all()
        ]
        for row in await table.locator("tbody tr").all()
    }
    assert rows["Tempo"][0].startswith("120.")
    assert "even beats" in rows["Tempo"][0]
    assert rows["Tempo"][1] == "60 half of ours"
    assert "+12 cents from A = 440 Hz" in rows["Key"][0]
    assert rows["Key"][1].startswith("Dbm")
    assert rows["Loudness"] == ["\u22129.3 LUFS", "\u2013"]
    assert rows["Range"] == ["5.0 LU", "\u2013"]
    assert rows["True peak"] == ["\u22120.3 dBTP", "\u22126.0 dB differs"]
    assert rows["ReplayGain"] == ["\u22128.7 dB", "-8.5 dB agrees"]
    assert rows["Energy"] == ["7 of 10", "\u2013"]
    assert await guest.violations() == []
    await guest.page.keyboard.press("Escape")
    await expect(table).to_be_hidden()


async def test_rows_draw_their_pictures_from_the_list_alone(
    local_house: House, listener: Person, visit: Visiting
) -> None:
    guest = await visit(local_house, listener)
    await guest.open()
    await expect(guest.page.locator("wave-thumb canvas")).to_have_count(3)
    await guest.outlined()
    assert not [each.url for each in guest.requests if "/analysis" in each.url]


async def test_the_document_of_a_published_track_comes_from_the_edge_gzipped(
    edge_house: House, owner: Person, visit: Visiting
) -> None:
    guest = await visit(edge_house, owner)
    await guest.open_at("Harbour", 0)
    await guest.measured()
    sent_on, there = [each for each in guest.responses if "/analysis" in each.url][-2:]
    assert (sent_on.status, there.status) == (307, 200)
    assert urlsplit(there.url).hostname == "localhost"
    assert urlsplit(there.url).path.endswith(".json.gz")
    assert (await there.header_value("content-encoding")) == "gzip"
    assert (await there.header_value("content-type")) == "application/json"


async def test_a_browser_that_may_not_read_the_document_there_gets_it_from_the_server(
    edge_house: House, owner: Person, visit: Visiting
) -> None:
    guest = await visit(edge_house, owner)
    guest.expected += ["net::ERR_FAILED", "CORS", "Failed to fetch"]
    asked: list[str] = []

    def heard(request: Request) -> None:
        asked.append(request.url)

    guest.page.on("request", heard)
    url = f"{edge_house.url}/api/v1/tracks/*/analysis"
    await guest.page.route(url, lambda route: route.abort())
    await guest.open_at("Harbour", 0)
    await guest.measured()
    assert [each for each in asked if each.endswith("/analysis?redirect=0")]
