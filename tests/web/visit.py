"""One visit of one person to the page, and everything that the browser noticed on it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, ConsoleMessage, Locator, Page, Request, Response, expect

from tests.web.house import House, Person

PATIENCE_MS = 60_000
# By then the page has asked again for what has stood still, or for what nobody answered.
PAGE_ASKS_AGAIN_MS = 6500
expect.set_options(timeout=PATIENCE_MS)

# A machine that is slow now and then looks too late for what passes: it is written down.
REMEMBER = """
  window.remembered = { notices: [], places: [] };
  addEventListener("seeking", ({ target }) => remembered.places.push(target.currentTime), true);
  new MutationObserver((changes) => {
    for (const node of changes.flatMap((change) => [...change.addedNodes])) {
      if (node.matches?.("#notices .toast")) remembered.notices.push(node.innerText);
    }
  }).observe(document, { childList: true, subtree: true });
"""


@dataclass
class Visit:
    """A page, and its log. ``expected`` holds parts of console errors that are in order."""

    page: Page
    house: House
    person: Person
    errors: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    responses: list[Response] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    async def open(self, hash_: str = "") -> None:
        """Log in, and wait for the library."""
        link = await self.house.login_link(self.person)
        if hash_:
            await self.page.context.request.get(link, max_redirects=0)
            link = f"{self.house.url}/{hash_}"
        await self.page.goto(link)
        await self.seen()

    async def open_at(self, title: str, seconds: int) -> None:
        """Come by a link to a place in a track."""
        found = await self.house.ask(self.person, "GET", f"/tracks?q={title}")
        await self.open(f"#track={found['items'][0]['id']}&t={seconds}")
        await expect(self.page.locator("#now-title")).to_have_text(title)

    async def seen(self) -> None:
        """Wait until the library is on the page and hears of its jobs."""
        await expect(self.page.locator("body:not([data-view=loading])")).to_be_visible()
        await expect(self.page.locator("#live")).to_have_text("Live")

    async def measured(self) -> None:
        """Wait until the player has the analysis of its track: until then steps are in seconds,
        and there are neither bars nor cues."""
        await expect(self.page.locator("#player:not([data-plain])")).to_be_visible()

    def row(self, title: str) -> Locator:
        return self.page.locator("tr.track", has=self.page.get_by_text(title, exact=True))

    async def play(self, title: str) -> None:
        await self.row(title).get_by_role("button", name="Play").click()
        await self.playing()

    async def playing(self) -> None:
        await expect(self.page.locator("#player")).to_have_attribute("data-state", "playing")

    async def told(self, words: str) -> list[str]:
        """Wait for a notice, one of those that go by themselves; all that there were."""
        await self.page.wait_for_function(
            "(words) => remembered.notices.some((said) => said.includes(words))", arg=words
        )
        notices: list[str] = await self.page.evaluate("() => remembered.notices")
        return notices

    async def outlined(self) -> None:
        """Wait until every row shows the outline of its track."""
        await self.page.wait_for_function(
            """() => [...document.querySelectorAll("wave-thumb canvas")].every((canvas) =>
              canvas.width && canvas.getContext("2d")
                .getImageData(0, 0, canvas.width, canvas.height).data.some(Boolean))"""
        )

    async def click_wave(self, share: float) -> None:
        """Click on the waveform, from 0 at its left end to 1."""
        wave = self.page.locator("wave-view")
        box = await wave.bounding_box()
        assert box is not None
        await wave.click(position={"x": box["width"] * share, "y": 20})

    async def sent_to(self, earliest: float, latest: float) -> None:
        """Wait until the player is sent to a place between these, wherever it has gone since."""
        await self.page.wait_for_function(
            "([from, to]) => remembered.places.some((place) => from <= place && place <= to)",
            arg=[earliest, latest],
        )

    async def stands_at(self, seconds: float) -> None:
        """Wait until what is paused stands at this very time."""
        await self.page.wait_for_function(
            "(seconds) => document.querySelector('#audio').currentTime === seconds", arg=seconds
        )

    async def reached(self, seconds: float) -> float:
        """Wait until the music plays at or behind a time; where it is then."""
        found: float = await self.page.locator("#audio").evaluate(
            """async (audio, [wanted, patience_ms]) => {
              const end = performance.now() + patience_ms;
              while (audio.currentTime < wanted || audio.seeking || audio.error) {
                if (performance.now() > end) break;
                await new Promise(requestAnimationFrame);
              }
              return audio.currentTime;
            }""",
            [seconds, PATIENCE_MS],
        )
        assert found >= seconds
        return found

    async def buffered(self) -> None:
        """Wait until the player has the whole file."""
        await self.page.locator("#audio").evaluate(
            """async (audio) => {
              const isWhole = () => audio.buffered.length > 0 &&
                audio.buffered.end(audio.buffered.length - 1) >= audio.duration - 0.5;
              while (!isWhole()) await new Promise(requestAnimationFrame);
            }"""
        )

    async def loudest(self) -> float:
        """The largest sample that Web Audio gets from the player, until one is loud."""
        found: float = await self.page.locator("#audio").evaluate(
            """async (audio, patience_ms) => {
              audio.loop = true;
              if (audio.ended) await audio.play();
              const context = new AudioContext();
              const analyser = context.createAnalyser();
              context.createMediaElementSource(audio).connect(analyser);
              analyser.connect(context.destination);
              const samples = new Float32Array(analyser.fftSize);
              const end = performance.now() + patience_ms;
              let peak = 0;
              while (peak < 0.05 && performance.now() < end) {
                await new Promise(requestAnimationFrame);
                analyser.getFloatTimeDomainData(samples);
                peak = Math.max(peak, ...samples.map(Math.abs));
              }
              return peak;
            }""",
            PATIENCE_MS,
        )
        return found

    def heard(self, said: ConsoleMessage) -> None:
        if said.type == "error":
            self.errors.append(f"{said.text} {said.location['url']}")

    def asked(self, request: Request) -> None:
        self.requests.append(request)

    def answered(self, response: Response) -> None:
        self.responses.append(response)

    def audio_responses(self) -> list[Response]:
        """Answers with audio bytes, or refusals of them."""
        return [each for each in self.responses if each.request.resource_type == "media"]

    async def violations(self) -> list[str]:
        """What axe-core finds wrong on the page as it is, with no colour half-way to another."""
        await self.page.emulate_media(reduced_motion="reduce")
        results = await Axe().run(self.page)
        return [
            f"{rule['id']}: {node['target']}"
            for rule in results.response["violations"]
            for node in rule["nodes"]
        ]

    def complaints(self) -> list[str]:
        """Console errors that no test expects, and requests to anybody else."""
        origins = {_origin(request.url) for request in self.requests}
        strangers = [each for each in origins if each and each not in self.house.hosts]
        unexpected = [
            error for error in self.errors if not any(part in error for part in self.expected)
        ]
        return [*unexpected, *strangers]


@asynccontextmanager
async def visiting(
    browser: Browser, house: House, person: Person, **context: Any
) -> AsyncGenerator[Visit]:
    """A fresh browser profile on the house; in the end the page must have had no complaint."""
    profile = await browser.new_context(**{"color_scheme": "dark", **context})
    page = await profile.new_page()
    page.set_default_timeout(PATIENCE_MS)
    await page.add_init_script(REMEMBER)
    visit = Visit(page, house, person)
    page.on("console", visit.heard)
    page.on("pageerror", lambda error: visit.errors.append(str(error)))
    page.on("request", visit.asked)
    page.on("response", visit.answered)
    yield visit
    await profile.close()
    complaints = visit.complaints()
    assert not complaints, complaints


def _origin(url: str) -> str | None:
    """None for what does not leave the browser."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in {"http", "https"} else None
