"""A browser hears each rendition when its stored offset says."""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from playwright.async_api import Page, async_playwright

from autodj.audio.encode import encode
from autodj.audio.recipes import Recipe, RenditionName
from tests.audio.test_rendition import click_times, heard, make
from tests.clips import AWKWARD, RATE_HZ, clicks, make_awkward

pytestmark = pytest.mark.asyncio(loop_scope="session")

DECODE = """async (coded) => {
  const bytes = Uint8Array.from(atob(coded), (letter) => letter.charCodeAt(0));
  const context = new OfflineAudioContext(1, 1, 44100);
  const samples = (await context.decodeAudioData(bytes.buffer)).getChannelData(0);
  const times = [];
  for (let at = 0; at < samples.length; at += 1) {
    if (Math.abs(samples[at]) > 0.2) {
      times.push(at / 44100);
      at += 44100 / 5;
    }
  }
  return times;
}"""
CASES = [
    ("clicks.aiff", Recipe(RenditionName.PLAYBACK, "m4a", bit_rate_bps=256_000)),
    ("clicks.aiff", Recipe(RenditionName.PLAYBACK, "mp3", bit_rate_bps=256_000)),
    ("clicks.aiff", Recipe(RenditionName.LOSSLESS, "flac")),
    ("clicks.aiff", Recipe(RenditionName.PREVIEW, "m4a", 128_000, start_s=2.2, length_s=3)),
    ("clicks.aac", Recipe(RenditionName.PLAYBACK, "m4a", copied=True)),
    ("moov at the end.m4a", Recipe(RenditionName.PLAYBACK, "m4a", copied=True)),
    ("fragments.m4a", Recipe(RenditionName.PLAYBACK, "m4a", copied=True)),
    ("no Xing.mp3", Recipe(RenditionName.PLAYBACK, "mp3", copied=True)),
]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def page(chromium: str) -> AsyncGenerator[Page]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium)
        yield await browser.new_page()
        await browser.close()


@pytest.mark.parametrize(
    ("name", "recipe"), CASES, ids=[f"{n}-{r.name}-{r.extension}" for n, r in CASES]
)
async def test_chromium_hears_every_click_where_the_offset_says(
    page: Page, tmp_path: Path, name: str, recipe: Recipe
) -> None:
    samples = clicks(7)
    if name in AWKWARD:
        source = make_awkward(tmp_path, name, samples)
    else:
        source = tmp_path / name
        encode(samples, RATE_HZ, source, codec=source.suffix[1:])
    output = tmp_path / f"rendition.{recipe.extension}"
    made = make(source, recipe, output)
    assert made is not None
    times = await page.evaluate(DECODE, base64.b64encode(output.read_bytes()).decode())
    found_s = np.array(times) + made.start_offset_s
    beats_s = click_times(heard(source))
    nearest_s = beats_s[np.abs(beats_s[:, None] - found_s).argmin(axis=0)]
    assert found_s.size >= (14 if recipe.length_s is None else 4)
    assert found_s == pytest.approx(nearest_s, abs=1e-3)
