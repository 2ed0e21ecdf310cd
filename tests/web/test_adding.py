from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.async_api import FilePayload, Page, Route, expect

from tests.web.conftest import Visiting
from tests.web.house import House, Person

pytestmark = pytest.mark.asyncio(loop_scope="session")

NOTES = FilePayload(name="notes.txt", mimeType="text/plain", buffer=b"no music at all\n" * 20)
REMEMBER_WORDS = """
  () => {
    window.marker = "not reloaded";
    window.words = new Set();
    new MutationObserver(() => {
      for (const each of document.querySelectorAll(".upload-words")) {
        window.words.add(each.textContent);
      }
    }).observe(document.body, { subtree: true, childList: true, characterData: true });
  }
"""


async def remembered(page: Page) -> list[str]:
    words: list[str] = await page.evaluate("() => [...window.words]")
    return words


@contextmanager
def serving_folder(folder: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


async def test_chosen_files_show_progress_and_become_ready_without_a_reload(
    local_house: House, newcomer: Person, visit: Visiting, clips: list[Path]
) -> None:
    guest = await visit(local_house, newcomer)
    await guest.open()
    await guest.page.evaluate(REMEMBER_WORDS)
    await guest.page.set_input_files("#files", clips)
    for clip, bpm in zip(clips, [120, 126], strict=True):
        row = guest.row(clip.stem)
        await expect(row.locator(".state")).to_have_text("Ready", timeout=120_000)
        await expect(row.locator(".key")).to_have_text("8A")
        tempo, _ = (await row.locator(".tempo").inner_text()).split("\n")
        assert abs(float(tempo) - bpm) < 1
        await expect(row.locator(".source")).to_have_text("Local")
    await expect(guest.page.locator(".upload[data-state=done]")).to_have_count(2)
    await expect(guest.page.locator("#upload-news")).to_have_text(re.compile(r"\w+: Ready"))
    await expect(guest.page.locator("#count")).to_have_text("2 tracks")
    assert re.search(r"Sending \d+ %", " | ".join(await remembered(guest.page)))
    assert await guest.page.evaluate("() => window.marker") == "not reloaded"
    await guest.page.get_by_role("button", name="Clear finished").click()
    await expect(guest.page.locator("#upload-panel")).to_be_hidden()


async def test_a_dropped_file_is_added_and_the_same_bytes_again_are_told_kindly(
    local_house: House, newcomer: Person, visit: Visiting, clips: list[Path]
) -> None:
    guest = await visit(local_house, newcomer)
    await guest.open()
    dropped = await guest.page.evaluate_handle(
        """([name, content]) => {
          const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
          const transfer = new DataTransfer();
          transfer.items.add(new File([bytes], name, { type: "audio/flac" }));
          return transfer;
        }""",
        [clips[1].name, base64.b64encode(clips[1].read_bytes()).decode()],
    )
    await guest.page.dispatch_event("body", "dragover", {"dataTransfer": dropped})
    await expect(guest.page.get_by_text("Drop to add to your library")).to_be_visible()
    await guest.page.dispatch_event("body", "drop", {"dataTransfer": dropped})
    await expect(guest.page.locator(".dropzone")).to_be_hidden()
    await expect(guest.row("Lantern")).to_have_count(1)

    await guest.page.dispatch_event("body", "drop", {"dataTransfer": dropped})
    again = guest.page.locator(".upload").nth(1)
    await expect(again).to_contain_text("Already in your library, nothing was added")
    await expect(guest.page.locator("#count")).to_have_text("1 track")


async def test_what_is_no_audio_is_refused_with_the_reason_and_can_be_tried_again(
    local_house: House, newcomer: Person, visit: Visiting
) -> None:
    guest = await visit(local_house, newcomer)
    guest.expected.append("415")
    await guest.open()
    await guest.page.set_input_files("#files", NOTES)
    refusal = guest.page.locator(".upload[data-state=refused]")
    await expect(refusal).to_contain_text("Send MP3, FLAC, WAV")
    async with guest.page.expect_response(lambda answer: answer.request.method == "POST"):
        await refusal.get_by_role("button", name="Retry").click()
    await expect(refusal).to_contain_text("Send MP3, FLAC, WAV")
    keys = {
        request.headers["idempotency-key"] for request in guest.requests if request.method == "POST"
    }
    assert len(keys) == 1


async def test_a_file_whose_sending_broke_off_can_be_sent_again(
    local_house: House, newcomer: Person, visit: Visiting, clips: list[Path]
) -> None:
    guest = await visit(local_house, newcomer)
    guest.expected.append("ERR_CONNECTION_RESET")
    await guest.open()

    async def cut(route: Route) -> None:
        await route.abort("connectionreset")

    await guest.page.route("**/api/v1/tracks?name=*", cut, times=1)
    await guest.page.set_input_files("#files", clips[0])
    refusal = guest.page.locator(".upload[data-state=refused]")
    await expect(refusal).to_contain_text("autodj does not answer")
    await refusal.get_by_role("button", name="Retry").click()
    await expect(guest.row("Harbour")).to_have_count(1)


async def test_an_address_is_fetched_and_a_dead_one_is_told(
    local_house: House, newcomer: Person, visit: Visiting, clips: list[Path]
) -> None:
    guest = await visit(local_house, newcomer)
    await guest.open()
    with serving_folder(clips[0].parent) as address:
        await guest.page.get_by_label("Address of a track").fill(f"{address}/Harbour.mp3")
        await guest.page.get_by_role("button", name="Fetch").click()
        await expect(guest.row("Harbour")).to_have_count(1)
        await guest.page.get_by_label("Address of a track").fill(f"{address}/gone.mp3")
        await guest.page.keyboard.press("Enter")
        refusal = guest.page.locator(".upload[data-state=refused]")
        await expect(refusal).to_contain_text("404")
