"""Uploads that are called back, tried again, or left under way."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
from functools import cache
from io import BytesIO
from pathlib import Path

import pytest
from playwright.async_api import FilePayload, Locator, Page, Route, expect
from sqlalchemy import select
from sqlmodel import col

from autodj.db import Track
from autodj.storage.local_disk import INCOMING
from tests.web.conftest import Visiting
from tests.web.house import House, Person
from tests.web.visit import Visit

pytestmark = pytest.mark.asyncio(loop_scope="session")

SENDS = "**/api/v1/tracks?name=*"
SLOW_BYTES_PER_S = 400_000
WITHIN_S = 60
LONGEST_PAUSE_MS = 60_000
# The list cuts off what stands over its edge.
RING_IS_WHOLE = """(button) => {
  const { outlineOffset, outlineWidth, outlineStyle } = getComputedStyle(button);
  const reach = parseFloat(outlineOffset) + parseFloat(outlineWidth);
  const edge = document.querySelector("#uploads").getBoundingClientRect().right;
  return outlineStyle === "solid" && button.getBoundingClientRect().right + reach <= edge;
}"""
STILL_RUNNING = json.dumps(
    {"code": "still_running", "detail": "A request with this Idempotency-Key is still running"}
)


async def throttle(page: Page, bytes_per_s: int) -> None:
    devtools = await page.context.new_cdp_session(page)
    speed = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": bytes_per_s}
    await devtools.send("Network.emulateNetworkConditions", {"offline": False, **speed})


async def held_back(page: Page) -> asyncio.Event:
    """What is sent waits on its way until the event is set."""
    release = asyncio.Event()

    async def hold(route: Route) -> None:
        await release.wait()
        await route.continue_()

    await page.route(SENDS, hold)
    return release


def item(guest: Visit, name: str) -> Locator:
    return guest.page.locator(".upload", has=guest.page.locator(f"[title='{name}']"))


@cache
def sha256(clip: Path) -> str:
    return hashlib.sha256(clip.read_bytes()).hexdigest()


def files(house: House, *clips: Path) -> set[Path]:
    """What is being received, and what is kept of these."""
    hashes = [sha256(clip) for clip in clips]
    found = [each for each in house.settings.media_root.rglob("*") if each.is_file()]
    return {
        each
        for each in found
        if each.parent.name == INCOMING or any(known in each.name for known in hashes)
    }


async def tracks_of(house: House, person: Person) -> int:
    """Rows in any state, also those that no list shows."""
    async with house.database() as db, db.read_session() as session:
        rows = await session.execute(select(Track).where(col(Track.owner_id) == person.id))
        return len(rows.scalars().all())


def sent_keys(guest: Visit) -> list[str]:
    return [each.headers["idempotency-key"] for each in guest.requests if each.method == "POST"]


async def test_a_file_that_is_being_sent_is_called_back_and_leaves_nothing(
    local_house: House,
    newcomer: Person,
    visit: Visiting,
    long_clip: Path,
    clips: list[Path],
    tmp_path: Path,
) -> None:
    guest = await visit(local_house, newcomer)
    # One that had arrived when it was called back: the page hears of it and asks for it.
    guest.expected.append("404")
    await guest.open()
    before = files(local_house, long_clip, clips[0])
    await throttle(guest.page, SLOW_BYTES_PER_S)
    twin = Path(shutil.copy(long_clip, tmp_path / "Twin.wav"))
    await guest.page.set_input_files("#files", long_clip)
    await guest.page.set_input_files("#files", twin)
    await guest.page.set_input_files("#files", clips[0])
    voyage, harbour = item(guest, long_clip.name), item(guest, clips[0].name)
    await expect(voyage.locator(".upload-words")).to_contain_text("Sending")
    async with asyncio.timeout(WITHIN_S):
        while len(files(local_house, long_clip, clips[0]) - before) < 2:
            await asyncio.sleep(0.05)
    await expect(harbour.locator(".upload-words")).to_have_text("Waiting")

    await voyage.get_by_role("button", name=f"Cancel {long_clip.name}").press("Enter")
    await expect(voyage.locator(".upload-words")).to_have_text("Cancelled")
    await expect(voyage.get_by_role("button", name="Retry")).to_be_focused()
    await expect(guest.page.locator("#upload-news")).to_have_text(f"{long_clip.name}: Cancelled")
    await expect(harbour.locator(".upload-words")).to_contain_text("Sending")
    for name in ("Twin.wav", clips[0].name):
        await item(guest, name).get_by_role("button", name="Cancel").click()
        await expect(item(guest, name)).to_have_attribute("data-state", "cancelled")
    async with asyncio.timeout(WITHIN_S):
        while files(local_house, long_clip, clips[0]) - before:
            await asyncio.sleep(0.05)
        while await tracks_of(local_house, newcomer):
            await asyncio.sleep(0.05)

    await throttle(guest.page, -1)
    await harbour.get_by_role("button", name="Retry").click()
    await expect(guest.row("Harbour")).to_have_count(1)
    assert len(set(sent_keys(guest))) == 4


async def test_a_file_that_waits_for_its_turn_is_never_sent_once_cancelled(
    local_house: House, newcomer: Person, visit: Visiting, clips: list[Path]
) -> None:
    guest = await visit(local_house, newcomer)
    await guest.open()
    release = await held_back(guest.page)
    third = FilePayload(name="third.txt", mimeType="text/plain", buffer=b"no music")
    await guest.page.set_input_files("#files", clips)
    await guest.page.set_input_files("#files", [third])
    waiting = item(guest, "third.txt")
    cancel = waiting.get_by_role("button", name="Cancel third.txt")
    await cancel.focus()
    assert await cancel.evaluate(RING_IS_WHOLE)
    await cancel.press("Space")
    await expect(waiting.locator(".upload-words")).to_have_text("Cancelled")
    release.set()
    for clip in clips:
        await expect(guest.row(clip.stem)).to_have_count(1)
    assert len(sent_keys(guest)) == 2


async def test_what_may_have_arrived_is_deleted_when_it_is_called_back(
    local_house: House, newcomer: Person, visit: Visiting, clips: list[Path]
) -> None:
    guest = await visit(local_house, newcomer)
    # Whoever asks for a track that goes meanwhile hears that there is none.
    guest.expected.append("404")
    await guest.open()
    before = files(local_house, clips[0])
    release = await held_back(guest.page)
    await guest.page.set_input_files("#files", clips[0])
    words = item(guest, clips[0].name).locator(".upload-words")
    await guest.page.get_by_role("button", name=f"Cancel {clips[0].name}").click()
    await expect(words).to_have_text("Cancelling")
    release.set()
    await expect(words).to_have_text("Cancelled")
    async with asyncio.timeout(WITHIN_S):
        while await tracks_of(local_house, newcomer) or files(local_house, clips[0]) - before:
            await asyncio.sleep(0.05)
    deleted = [each for each in guest.requests if each.method == "DELETE"]
    assert len(deleted) == 1
    await expect(guest.page.locator("tr.track")).to_have_count(0)


async def test_a_try_that_is_still_running_is_waited_for(
    local_house: House, newcomer: Person, visit: Visiting, clips: list[Path]
) -> None:
    guest = await visit(local_house, newcomer)
    guest.expected.extend(["ERR_CONNECTION_RESET", "409"])
    await guest.open()
    answers = iter(["broken", "running"])

    async def answer(route: Route) -> None:
        match next(answers, "real"):
            case "broken":
                await route.abort("connectionreset")
            case "running":
                await route.fulfill(status=409, body=STILL_RUNNING)
            case _:
                await route.continue_()

    await guest.page.route(SENDS, answer)
    await guest.page.set_input_files("#files", clips[0])
    upload = item(guest, clips[0].name)
    await upload.get_by_role("button", name="Retry").click()
    await expect(upload.locator(".upload-words")).to_contain_text("still at the first try")
    await expect(guest.row("Harbour")).to_have_count(1)
    await expect(upload.locator(".upload-words")).to_have_text("Ready")
    assert len(sent_keys(guest)) == 3
    assert len(set(sent_keys(guest))) == 1


async def test_a_try_that_never_ends_is_given_up(
    local_house: House, newcomer: Person, visit: Visiting, clips: list[Path]
) -> None:
    guest = await visit(local_house, newcomer)
    guest.expected.append("409")
    await guest.page.clock.install()
    await guest.open()

    async def running(route: Route) -> None:
        await route.fulfill(status=409, body=STILL_RUNNING)

    await guest.page.route(SENDS, running)
    await guest.page.set_input_files("#files", clips[0])
    words = item(guest, clips[0].name).locator(".upload-words")
    refused = item(guest, clips[0].name).and_(guest.page.locator("[data-state=refused]"))
    async with asyncio.timeout(WITHIN_S):
        while not await refused.count():
            await expect(words).to_contain_text("still")
            await guest.page.clock.fast_forward(LONGEST_PAUSE_MS)
    await expect(words).to_contain_text("still running")
    assert 5 < len(sent_keys(guest)) < 30


async def test_a_retry_that_hears_of_a_job_that_is_over_does_not_wait_for_it(
    local_house: House, newcomer: Person, visit: Visiting, clips: list[Path]
) -> None:
    guest = await visit(local_house, newcomer)
    guest.expected.append("ERR_CONNECTION_RESET")
    await guest.open()

    async def arrive_and_break(route: Route) -> None:
        headers = {"Content-Type": "application/octet-stream"}
        headers["Idempotency-Key"] = route.request.headers["idempotency-key"]
        body = BytesIO(clips[0].read_bytes())
        path = f"/tracks?name={clips[0].name}"
        await local_house.ask(newcomer, "POST", path, data=body, headers=headers)
        await route.abort("connectionreset")

    await guest.page.route(SENDS, arrive_and_break, times=1)
    await guest.page.set_input_files("#files", clips[0])
    upload = item(guest, clips[0].name)
    await expect(upload).to_have_attribute("data-state", "refused")
    await expect(guest.row("Harbour").locator(".state")).to_have_text("Ready")
    await upload.get_by_role("button", name="Retry").click()
    await expect(guest.page.locator(".upload .upload-words")).to_have_text("Ready")


async def test_leaving_asks_first_only_while_something_is_being_sent(
    local_house: House, newcomer: Person, visit: Visiting, clips: list[Path]
) -> None:
    guest = await visit(local_house, newcomer)
    await guest.open()
    release = await held_back(guest.page)
    await guest.page.set_input_files("#files", clips[0])
    await guest.page.locator("#upload-panel h2").click()
    async with guest.page.expect_event("dialog") as asking:
        await guest.page.close(run_before_unload=True)
    question = await asking.value
    assert question.type == "beforeunload"
    await question.dismiss()
    release.set()
    await expect(guest.row("Harbour")).to_have_count(1)
    async with guest.page.expect_event("close"):
        await guest.page.close(run_before_unload=True)
