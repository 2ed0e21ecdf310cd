"""A sandbox for the whole session, real clips, and measurements without a file."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from numpy.typing import NDArray

from autodj.audio.analysis import Meters
from autodj.audio.encode import TARGETS
from autodj.audio.facts import Analysis
from autodj.audio.sandbox import Sandbox, open_sandbox
from tests.audio.hostile import Hostile, hostile_files
from tests.clips import make_clip

Measure = Callable[[NDArray[np.float32], int], Analysis]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def sandbox() -> AsyncGenerator[Sandbox]:
    async with open_sandbox(analysis_timeout_s=60) as opened:
        yield opened


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same five seconds at 120 BPM as every kind of file, by extension."""
    folder = tmp_path_factory.mktemp("kinds")
    return {
        codec: make_clip(folder / f"clip.{codec}", 5, bpm=120, tags={"title": "Five Seconds"})
        for codec in TARGETS
    }


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Hostile]:
    """Every file that must be refused, by name."""
    cases = hostile_files(tmp_path_factory.mktemp("hostile"))
    return {case.name: case for case in cases}


@pytest.fixture(scope="session")
def measure() -> Measure:
    """Analyse samples ``[channels, n]`` at a rate, past encoder and file."""

    def measured(samples: NDArray[np.float32], rate_hz: int) -> Analysis:
        meters = Meters(rate_hz, samples.shape[0])
        meters.push(np.ascontiguousarray(samples))
        return meters.finish(samples.shape[1] / rate_hz)

    return measured
