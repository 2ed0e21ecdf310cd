"""A form that is known to the bar, in place of what the analysis heard in a clip of 36 s."""

from __future__ import annotations

from typing import Any, Final

from playwright.async_api import Page, Route

DOWNBEATS_S: Final = [0.5 + 2 * bar for bar in range(18)]

FORM: Final[dict[str, Any]] = {
    "downbeats_s": DOWNBEATS_S,
    "sections": [
        {"label": "intro", "start_s": 0.5, "bar": 1, "bars": 4, "energy": 0.2},
        {"label": "drop", "start_s": 8.5, "bar": 5, "bars": 8, "energy": 1.0},
        {"label": "break", "start_s": 24.5, "bar": 13, "bars": 3, "energy": 0.4},
        {"label": "outro", "start_s": 30.5, "bar": 16, "bars": 3, "energy": 0.1},
    ],
    "cues": {
        "cue_in": 0.5,
        "intro_end": 8.5,
        "drop": 8.5,
        "outro_start": 30.5,
        "cue_out": 34.5,
    },
}


async def give_form(page: Page, **changes: object) -> None:
    """Every analysis says this form from now on, with changes."""

    async def answer(route: Route) -> None:
        told = await route.fetch()
        await route.fulfill(response=told, json={**await told.json(), **FORM, **changes})

    await page.route("**/analysis*", answer)
