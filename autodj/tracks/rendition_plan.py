"""Which renditions a track is to have, from its row, its file and its analysis."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

from autodj.audio.identify import Container, identify
from autodj.audio.layout import is_indexed
from autodj.audio.recipes import Recipe, RenditionName, Wishes
from autodj.audio.rendition_rules import Original, recipes
from autodj.db import Track
from autodj.errors import NotFound, StoreError
from autodj.storage.base import Storage
from autodj.storage.local import LocalStorage
from autodj.tracks.documents import read_unpacked

_BANDS = ("low", "mid", "high")


async def names_for(track: Track, path: Path, wishes: Wishes) -> Sequence[RenditionName]:
    """The renditions that the track in ``path`` is to have."""
    original = await _original(track, path)
    return [recipe.name for recipe in recipes(original, wishes)]


async def recipe_for(
    name: RenditionName,
    track: Track,
    path: Path,
    wishes: Wishes,
    local: LocalStorage,
    s3: Storage | None,
) -> Recipe | None:
    """How the rendition is made; None when the track is not to have it."""
    loudest_s = None
    if name is RenditionName.PREVIEW:
        loudest_s = loudest(await _analysis(track, local, s3), wishes.preview_s)
    original = await _original(track, path, loudest_s)
    return next((each for each in recipes(original, wishes) if each.name is name), None)


def loudest(analysis: Mapping[str, Any], length_s: float) -> float | None:
    """Where the most energetic ``length_s`` seconds start, by the waveform of an analysis
    document; None when it says nothing.
    """
    waveform = analysis.get("waveform") or {}
    bands = [waveform.get(band) for band in _BANDS]
    if not all(bands) or not waveform.get("points_per_s"):
        return None
    points = [sum(each * each for each in point) for point in zip(*bands, strict=False)]
    window = round(length_s * waveform["points_per_s"])
    if not 0 < window <= len(points):
        return None
    sums = [0, *accumulate(points)]
    energies = [after - before for before, after in zip(sums, sums[window:], strict=False)]
    best = max(range(len(energies)), key=energies.__getitem__)
    return best / float(waveform["points_per_s"])


async def _original(track: Track, path: Path, loudest_s: float | None = None) -> Original:
    def look() -> tuple[Container, bool]:
        container = identify(path)
        return container, is_indexed(path, container)

    container, indexed = await asyncio.to_thread(look)
    return Original(
        container=container,
        codec=track.codec,
        indexed=indexed,
        duration_s=track.duration_s,
        bit_rate_bps=track.bit_rate_bps,
        loudest_s=loudest_s,
    )


async def _analysis(track: Track, local: LocalStorage, s3: Storage | None) -> Mapping[str, Any]:
    """The analysis document, empty when there is none; a preview is not worth failing for."""
    try:
        return await read_unpacked(local, s3, track)
    except (NotFound, StoreError):
        return {}
