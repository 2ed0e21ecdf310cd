"""The picture of the page in the README: ``python -m bench.picture docs/page.png``.

Starts all of ``autodj up --s3``, adds the demonstration pieces, and photographs Chromium playing
one of them from the edge. Needs Chromium, and the tests' dependencies.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from playwright.async_api import async_playwright

from autodj.audio.synth import PIECES, write
from tests.servers import browser_path
from tests.web.house import open_house
from tests.web.visit import visiting

SIZE: Final = {"width": 1440, "height": 900}
PLAYED: Final = "Harbour Lights"
PLACE_S: Final = 66
CLOSER: Final = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--scheme", choices=("dark", "light"), default="dark")
    parser.add_argument("--width", type=int, default=SIZE["width"])
    chosen = parser.parse_args()
    asyncio.run(photograph(chosen.path, chosen.scheme, {**SIZE, "width": chosen.width}))


async def photograph(path: Path, scheme: str, size: dict[str, int]) -> None:
    """Write the picture as PNG."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="autodj-bench-")))
        house = await stack.enter_async_context(open_house(folder / "house", "--s3"))
        person = await house.person("dj")
        pieces = [write(piece, folder) for piece in PIECES]
        await house.add(person, *pieces)
        playwright = await stack.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(executable_path=browser_path())
        stack.push_async_callback(browser.close)
        looks = {"color_scheme": scheme, "viewport": size}
        visit = await stack.enter_async_context(visiting(browser, house, person, **looks))
        await visit.open_at(PLAYED, PLACE_S)
        await visit.page.get_by_role("button", name="Play", exact=True).click()
        await visit.measured()
        for _ in range(CLOSER):
            await visit.page.get_by_role("button", name="Zoom in").click()
        await visit.reached(PLACE_S + 0.5)
        await visit.page.mouse.move(SIZE["width"] / 2, 1)
        await visit.page.screenshot(path=path)


if __name__ == "__main__":
    main()
