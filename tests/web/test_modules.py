"""The modules that need no page, asked for their values in the browser."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from itertools import pairwise
from typing import Any, Literal

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from autodj.audio.keynames import MODES, PITCHES, camelot
from tests.web.house import House
from tests.web.visit import visiting

pytestmark = pytest.mark.asyncio(loop_scope="session")

LABEL_GAP_PX = 44
READABLE = 4.5
BEATS = [0.25 + 0.5 * index for index in range(200)]
BARS = BEATS[::4]
TWO_CUES = [{"number": 1, "name": "In", "at": 0}, {"number": 3, "name": "Drop", "at": 9.5}]
CALL = """async ([module, name, given]) => (await import(`/static/${module}.js`))[name](...given)"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def page(local_house: House, browser: Browser) -> AsyncGenerator[Page]:
    async with visiting(browser, local_house, await local_house.person("reader")) as visit:
        await visit.open()
        yield visit.page


CASES: list[tuple[str, str, list[object], object]] = [
    ("format", "clock", [0], "0:00"),
    ("format", "clock", [111.9], "1:51"),
    ("format", "clock", [3661], "1:01:01"),
    ("format", "clock", [-3], "0:00"),
    ("format", "spokenPlace", [111, 180, []], "1:51 of 3:00"),
    ("format", "spokenPlace", [2.3, 180, BARS], "0:02 of 3:00, bar 2"),
    ("grid", "barAt", [BARS, 0.2], None),
    ("grid", "barAt", [BARS, 0.25], 1),
    ("grid", "barAt", [BARS, 2.25], 2),
    ("grid", "barAt", [[], 5], None),
    ("grid", "cuesOf", [None], []),
    ("grid", "cuesOf", [{"beats_s": []}], []),
    ("grid", "cuesOf", [{"cues": {"cue_in": 0, "drop": 9.5, "cue_out": None}}], TWO_CUES),
    ("links", "renewal_s", [{"life_s": 4000, "renew_s": 300}], 3955),
    ("links", "renewal_s", [{"life_s": 4000, "renew_s": 3990}], 3990),
    ("links", "renewal_s", [{"life_s": 4000, "renew_s": 9000}], 4000),
    ("links", "renewal_s", [{"life_s": 20, "renew_s": 0}], 10),
    ("links", "renewal_s", [{"life_s": -5, "renew_s": 0}], 1),
    ("links", "kindWord", ["audio/mpeg"], "MP3"),
    ("links", "kindWord", ["audio/flac"], "FLAC"),
    ("links", "kindWord", ["audio/x-caf"], "CAF"),
    ("format", "loudness", [-9.26], "\u22129.3"),
    ("format", "percent", [1.2], "100 %"),
    ("format", "bytes", [10], "1 kB"),
    ("format", "bytes", [4_200_000], "4.2 MB"),
    ("format", "bytes", [1_340_000_000], "1.34 GB"),
    ("format", "trust", [0.39], "low"),
    ("format", "trust", [0.4], "medium"),
    ("format", "trust", [0.7], "high"),
    ("format", "trust", [None], "low"),
    ("format", "readPlace", ["#track=a-b&t=95"], {"track": "a-b", "at": 95}),
    ("format", "readPlace", ["#t=95.5"], {"track": None, "at": 95.5}),
    ("format", "readPlace", ["#t=-1"], {"track": None, "at": None}),
    ("format", "readPlace", ["#t=soon"], {"track": None, "at": None}),
    ("format", "readPlace", [""], {"track": None, "at": None}),
    ("format", "writePlace", ["a-b", 95.9], "#track=a-b&t=95"),
    ("facts", "codeOf", ["8A"], "8A"),
    ("facts", "codeOf", ["08a"], "8A"),
    ("facts", "codeOf", ["13A"], None),
    ("facts", "codeOf", ["1m"], "8A"),
    ("facts", "codeOf", ["12d"], "7B"),
    ("facts", "codeOf", ["Am"], "8A"),
    ("facts", "codeOf", ["A minor"], "8A"),
    ("facts", "codeOf", ["C"], "8B"),
    ("facts", "codeOf", ["CM"], "8B"),
    ("facts", "codeOf", ["C♯min"], "12A"),
    ("facts", "codeOf", ["Dbm"], "12A"),
    ("facts", "codeOf", ["F#maj"], "2B"),
    ("facts", "codeOf", ["Gb major"], "2B"),
    ("facts", "codeOf", ["Cb"], "1B"),
    ("facts", "codeOf", ["H"], None),
    ("facts", "codeOf", [""], None),
    ("facts", "codeOf", ["Am/C"], None),
    ("facts", "tempoSign", [127.99, 128], "agrees"),
    ("facts", "tempoSign", [127.99, 64], "half"),
    ("facts", "tempoSign", [64.01, 128], "double"),
    ("facts", "tempoSign", [127.99, 129], "differs"),
    ("facts", "tempoSign", [127.99, 0], ""),
    ("camelot", "harmony", ["8A", "8A"], "same key"),
    ("camelot", "harmony", ["8A", "9A"], "one hour up"),
    ("camelot", "harmony", ["1A", "12A"], "one hour down"),
    ("camelot", "harmony", ["12B", "1B"], "one hour up"),
    ("camelot", "harmony", ["8A", "8B"], "relative key"),
    ("camelot", "harmony", ["8A", "9B"], None),
    ("camelot", "harmony", ["8A", "3A"], None),
    ("camelot", "harmony", [None, "3A"], None),
    ("camelot", "tempoChange", [124, 124], 0),
    ("camelot", "tempoChange", [87, 174], 0),
    ("camelot", "tempoChange", [128, 64], 0),
    ("camelot", "tempoChange", [126, 120], 0.05),
    ("camelot", "tempoChange", [None, 120], None),
    ("wave-draw", "visible", [100, 1, 30, False], {"from": 0, "to": 100}),
    ("wave-draw", "visible", [100, 4, 30, False], {"from": 17.5, "to": 42.5}),
    ("wave-draw", "visible", [100, 4, 2, False], {"from": 0, "to": 25}),
    ("wave-draw", "visible", [100, 4, 99, False], {"from": 75, "to": 100}),
    ("wave-draw", "visible", [100, 4, 30, True], {"from": 25, "to": 50}),
]


async def call(page: Page, module: str, name: str, *given: object) -> Any:
    return await page.evaluate(CALL, [module, name, list(given)])


async def test_values_become_words_and_back(page: Page) -> None:
    for module, name, given, wanted in CASES:
        found = await call(page, module, name, *given)
        if isinstance(wanted, float):
            found = round(found, 9)
        assert found == wanted, (name, given)


async def test_the_wheel_is_the_one_of_the_analysis(page: Page) -> None:
    wheel = await page.evaluate("async () => (await import('/static/camelot.js')).WHEEL")
    names = {f"{pitch} {mode}" for pitch in PITCHES for mode in MODES}
    assert {key["name"]: key["code"] for key in wheel} == {name: camelot(name) for name in names}


async def test_keys_lead_to_places_on_the_beat(page: Page) -> None:
    bars = [0.25, 2.25, 4.75, *(7.25 + 2 * index for index in range(40))]
    place = {"at": 2.3, "duration": 100.5, "grid": {"beats": BEATS, "bars": bars}}

    async def target(key: str, *, shift: bool = False) -> float | None:
        found = await call(page, "wave-keys", "keyTarget", {"key": key, "shiftKey": shift}, place)
        return found if found is None else round(found, 6)

    assert await target("ArrowRight") == 3.3
    assert await target("ArrowLeft") == 1.3
    assert await target("ArrowRight", shift=True) == 2.8
    assert await target("PageUp") == 19.3
    assert await target("PageDown") == -12.7
    assert await target("Home") == 0
    assert await target("End") == 100.5
    assert await target("a") is None


@pytest.mark.parametrize(
    ("analysis", "bars", "phrases"),
    [
        (None, [], []),
        ({"beats_s": BEATS[:9]}, BEATS[:9:4], [0]),
        ({"beats_s": BEATS[:9], "downbeats_s": []}, BEATS[:9:4], [0]),
        ({"beats_s": BEATS[:9], "downbeats_s": [0.75, 2.25]}, [0.75, 2.25], [0]),
        ({"beats_s": BEATS, "downbeats_s": BARS[1:22]}, BARS[1:22], [0, 8, 16]),
        (
            {"beats_s": BEATS, "downbeats_s": BARS[:22], "sections": [{"bar": 5}, {"bar": 15}]},
            BARS[:22],
            [0, 4, 12, 14],
        ),
    ],
)
async def test_bars_follow_the_downbeats_and_phrases_the_sections(
    page: Page, analysis: object, bars: list[float], phrases: list[int]
) -> None:
    found = await page.evaluate(
        """async (analysis) => {
          const { bars, phrases } = (await import("/static/grid.js")).gridOf(analysis);
          return [bars, [...phrases]];
        }""",
        analysis,
    )
    assert found == [bars, phrases]


async def test_lines_keep_apart_where_the_tempo_is_quickest(page: Page) -> None:
    slow, quick = [float(beat) for beat in range(200)], [200 + beat / 4 for beat in range(200)]
    drawn = await page.evaluate(
        """async (beats_s) => {
          const { gridOf } = await import("/static/grid.js");
          const { drawGrid } = await import("/static/wave-draw.js");
          const labels = [];
          const lines = new Set();
          const fillText = (text, x) => labels.push([text, x]);
          const fillRect = (x, y, width) => width === 1 && lines.add(x);
          const measureText = () => ({ width: 7 });
          const view = { from: 200, to: 250, width: 1000, height: 80 };
          drawGrid({ fillText, fillRect, measureText }, gridOf({ beats_s }), view, {});
          return { labels, lines: [...lines].sort((one, other) => one - other) };
        }""",
        slow + quick,
    )
    places = [x for _, x in drawn["labels"]]
    assert len(places) > 5
    assert min(later - x for x, later in pairwise(places)) >= LABEL_GAP_PX
    assert drawn["lines"] == [20 * bar for bar in range(50)]


@pytest.mark.parametrize("scheme", ["dark", "light"])
async def test_numbers_of_bars_are_read_over_the_loudest_music(
    page: Page, scheme: Literal["dark", "light"]
) -> None:
    await page.emulate_media(color_scheme=scheme)
    for loud in ("low", "mid", "high"):
        number, behind = await page.evaluate(
            """async (loud) => {
              const { gridOf } = await import("/static/grid.js");
              const { drawCurves, drawGrid, surface } = await import("/static/wave-draw.js");
              const canvas = document.createElement("canvas");
              const { context } = surface(canvas, 1000, 80);
              const style = getComputedStyle(document.documentElement);
              const colours = new Proxy({}, {
                get: (_, name) => style.getPropertyValue(`--wave-${name}`),
              });
              const pixel = (x, y) => [...context.getImageData(x, y, 1, 1).data.slice(0, 3)];
              const [quiet, most] = [0, 255].map((value) => Array(200).fill(value));
              const music = { low: quiet, mid: quiet, high: quiet, [loud]: most, peak: most };
              const view = { from: 0, to: 10, width: 1000, height: 80 };
              context.fillStyle = colours.label;
              context.fillRect(0, 0, 1000, 80);
              const number = pixel(0, 0);
              const player = document.querySelector("#player");
              context.fillStyle = getComputedStyle(player).backgroundColor;
              context.fillRect(0, 0, 1000, 80);
              drawCurves(context, { points_per_s: 20, ...music }, view, colours);
              drawGrid(context, gridOf({ beats_s: [1, 3, 5, 7, 9], metre: 1 }), view, colours);
              return [number, pixel(102, 6)];
            }""",
            loud,
        )
        assert contrast(number, behind) >= READABLE, loud


def contrast(one: list[int], other: list[int]) -> float:
    """Between two colours, as WCAG counts it."""
    dark, light = sorted(luminance(each) for each in (one, other))
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: list[int]) -> float:
    shares = [value / 255 for value in colour]
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in shares]
    return sum(weight * x for weight, x in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


async def test_a_link_without_an_end_is_never_renewed(page: Page) -> None:
    found = await page.evaluate(
        """async () => (await import("/static/links.js"))
          .renewal_s({ life_s: Infinity, renew_s: 300 }) === Infinity"""
    )
    assert found


@pytest.mark.parametrize(
    ("rendition", "content_type", "words"),
    [
        (None, "audio/wav", "Original, WAV"),
        ("original", "audio/mp4", "Original, M4A"),
        ("playback", "audio/mp4", "AAC copy"),
        ("playback", "audio/mpeg", "MP3 copy"),
        ("lossless", "audio/flac", "Lossless copy, FLAC"),
        ("preview", "audio/mp4", "Preview"),
    ],
)
async def test_what_is_played_has_a_name(
    page: Page, rendition: str | None, content_type: str, words: str
) -> None:
    link = {"rendition": rendition, "content_type": content_type}
    assert (await call(page, "links", "playedWords", link))["words"] == words
