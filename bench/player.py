"""How soon the page plays on after the CDN has refused it: ``python -m bench.player``.

Starts all of ``autodj up --s3``, publishes a track of three minutes, and plays it in Chromium by
links that end after three seconds. Each time the end has passed, a far seek is refused with 403;
counted is the time in the page from the media element's ``error`` to its playing again at that
place, by a new link. Needs Chromium, and the tests' dependencies.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from playwright.async_api import Page, Route, async_playwright

from autodj.cdn.signer import CloudFrontSigner
from tests.clips import make_clip
from tests.servers import browser_path
from tests.web.house import House, open_house
from tests.web.visit import Visit, visiting

LIFE_S: Final = 3
DURATION_S: Final = 180
SAME_PLACE_S: Final = 0.5

WATCH: Final = """
(audio) => {
  let broken = null;
  let tell;
  window.recovery = new Promise((told) => { tell = told; });
  audio.addEventListener("error", () => {
    broken ??= { since_ms: performance.now(), place_s: audio.currentTime };
  });
  const look = () => {
    if (!broken || audio.error || audio.seeking || audio.paused) return;
    if (audio.readyState < HTMLMediaElement.HAVE_FUTURE_DATA) return;
    const took_ms = performance.now() - broken.since_ms;
    tell({ took_ms, off_s: audio.currentTime - broken.place_s });
    broken = null;
  };
  for (const name of ["playing", "seeked", "canplay"]) audio.addEventListener(name, look);
}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=5)
    asyncio.run(measure(parser.parse_args().times))


async def measure(times: int) -> None:
    """Print the recoveries, their median, and how far from the place they were."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="autodj-bench-")))
        house = await stack.enter_async_context(open_house(folder / "house", "--s3"))
        person = await house.person("listener")
        await house.add(person, make_clip(folder / "voyage.wav", DURATION_S, tags={"title": "Far"}))
        playwright = await stack.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(executable_path=browser_path())
        stack.push_async_callback(browser.close)
        visit = await stack.enter_async_context(visiting(browser, house, person))
        visit.expected.append("403")
        found = await recoveries(visit, times)
    took_ms = [each["took_ms"] for each in found]
    print("recovered after", ", ".join(f"{each:.0f}" for each in took_ms), "ms")
    print(f"median {statistics.median(took_ms):.0f} ms, longest {max(took_ms):.0f} ms")
    off_s = max(abs(each["off_s"]) for each in found)
    print(f"farthest from the place {off_s * 1000:.0f} ms")
    if off_s > SAME_PLACE_S:
        raise SystemExit("not at the same place")


async def recoveries(visit: Visit, times: int) -> list[dict[str, Any]]:
    """``took_ms`` and ``off_s`` of each, one for each time that the page was opened."""
    page = visit.page
    found = []
    for _ in range(times):
        await page.route("**/audio/url", lambda route: shorten(visit.house, route), times=1)
        await visit.open()
        await page.locator("#audio").evaluate(WATCH)
        await visit.play("Far")
        await visit.reached(LIFE_S + 0.5)
        found.append(await _refused(page))
    return found


async def shorten(house: House, route: Route) -> None:
    """The link as it is, but over soon, and without a word about it."""
    answer = await route.fetch()
    link = await answer.json()
    cdn = house.settings.cdn
    assert cdn.origin is not None
    signer = CloudFrontSigner(cdn.origin, cdn.key_pair_id, cdn.private_key)
    ends = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=LIFE_S)
    url = signer.link(urlsplit(link["url"]).path.lstrip("/"), expires_at=ends)
    await route.fulfill(response=answer, json={**link, "url": url})


async def _refused(page: Page) -> dict[str, Any]:
    wave = page.locator("wave-view")
    box = await wave.bounding_box()
    assert box is not None
    await wave.click(position={"x": box["width"] * 0.9, "y": 20})
    return dict(await page.evaluate("() => window.recovery"))


if __name__ == "__main__":
    main()
