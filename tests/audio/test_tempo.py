"""Tempo and beats of music whose tempo is known because it was made so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from autodj.audio.analysis import analyze
from autodj.audio.facts import DecodeLimits
from autodj.audio.identify import identify
from tests.audio.conftest import Measure
from tests.clips import RATE_HZ, beat, make_clip


def clicks(times_s: NDArray[np.float64], seconds: float) -> NDArray[np.float32]:
    """A short noise burst at each time."""
    burst = np.random.default_rng(0).standard_normal(1500) * np.exp(-np.arange(1500) / 300)
    samples = np.zeros(round(seconds * RATE_HZ))
    for start in np.rint(times_s * RATE_HZ).astype(int):
        room = samples[start : start + burst.size]
        room += 0.2 * burst[: room.size]
    return np.stack([samples, samples]).astype(np.float32)


def even(bpm: float, seconds: float, first_s: float = 0.0) -> NDArray[np.float64]:
    return np.asarray(np.arange(first_s, seconds, 60 / bpm))


def errors_s(found: tuple[float, ...], true: NDArray[np.float64]) -> NDArray[np.float64]:
    """From each true beat to the nearest found one."""
    return np.asarray(np.abs(np.array(found)[None, :] - true[:, None]).min(axis=1))


@pytest.mark.parametrize("bpm", [70.0, 87.5, 100.0, 119.99, 120.0, 128.0, 128.5, 140.0, 174.0])
def test_clicks_are_counted_to_a_twentieth_of_a_beat_a_minute(measure: Measure, bpm: float) -> None:
    true = even(bpm, 30, first_s=0.2)
    analysis = measure(clicks(true, 30), RATE_HZ)
    assert analysis.bpm == pytest.approx(bpm, abs=0.05)
    assert len(analysis.beats_s) == pytest.approx(true.size, abs=1)
    assert errors_s(analysis.beats_s, true).max() < 0.01


@pytest.mark.parametrize("bpm", [92.0, 110.0, 122.4, 128.0, 140.0])
def test_a_drum_beat_has_its_tempo_and_starts_on_the_kick(measure: Measure, bpm: float) -> None:
    analysis = measure(beat(40, bpm=bpm), RATE_HZ)
    assert analysis.bpm == pytest.approx(bpm, abs=0.05)
    assert errors_s(analysis.beats_s, even(bpm, 40)).max() < 0.01
    assert analysis.bpm_confidence > 0.7
    other = analysis.bpm_alternative
    assert other is None or other == pytest.approx(bpm * (2 if other > bpm else 0.5), abs=0.1)


def test_a_drummer_who_speeds_up_is_followed(measure: Measure) -> None:
    times = [0.3]
    while times[-1] < 40:
        times.append(times[-1] + 60 / (100 + 20 * times[-1] / 40))
    true = np.array(times[:-1])
    analysis = measure(clicks(true, 40), RATE_HZ)
    assert analysis.bpm == pytest.approx(110, abs=3)
    assert errors_s(analysis.beats_s, true[1:-1]).max() < 0.02


def played(pace: Callable[[float], float], seconds: float) -> NDArray[np.float64]:
    """Beats at ``pace`` beats a minute, which may be another at every moment."""
    times = [0.3]
    while times[-1] < seconds:
        times.append(times[-1] + 60 / pace(times[-1]))
    return np.array(times[:-1])


@pytest.mark.parametrize(
    ("pace", "slowest_bpm", "fastest_bpm"),
    [
        (lambda at_s: 100 if at_s < 30 else 130, 129.9, 130.1),
        (lambda at_s: 128 if at_s < 70 else 140, 127.8, 128.2),
        (lambda at_s: 90 + 40 * at_s / 90, 105, 115),
    ],
    ids=["another song", "an end that is faster", "one long climb"],
)
def test_a_tempo_that_becomes_another_is_followed(
    measure: Measure, pace: Callable[[float], float], slowest_bpm: float, fastest_bpm: float
) -> None:
    true = played(pace, 90)
    analysis = measure(clicks(true, 90), RATE_HZ)
    assert analysis.grid == "variable"
    assert analysis.bpm is not None
    assert slowest_bpm < analysis.bpm < fastest_bpm
    assert len(analysis.beats_s) == pytest.approx(true.size, abs=1)
    assert errors_s(analysis.beats_s, true[1:-1]).max() < 0.02


def test_songs_in_turn_have_each_an_even_grid_of_its_own(measure: Measure) -> None:
    true = played(lambda at_s: 100 if at_s < 45 else 130, 90)
    analysis = measure(clicks(true, 90), RATE_HZ)
    assert analysis.grid == "variable"
    found = np.array(analysis.beats_s)
    for inside in ((found > 5) & (found < 40), (found > 50) & (found < 85)):
        apart_s = np.diff(found[inside])
        assert np.ptp(apart_s) < 0.0003
        late_s = found[inside, None] - true[None, :]
        assert np.abs(late_s).min(axis=1).max() < 0.006


@pytest.mark.parametrize("beats_apart", [0.75, 2.0], ids=["dotted eighths", "half the pace"])
def test_a_passage_in_another_rhythm_keeps_the_grid(measure: Measure, beats_apart: float) -> None:
    bpm, beats = 126, 64
    samples = round(beats * 60 / bpm * RATE_HZ)
    music = beat(beats * 60 / bpm + 1, bpm=bpm)[:, :samples]
    passage = clicks(np.arange(0, beats, beats_apart) * 60 / bpm, samples / RATE_HZ)[:, :samples]
    analysis = measure(np.concatenate([music, passage, music], axis=1), RATE_HZ)
    assert analysis.grid == "constant"
    assert analysis.bpm == pytest.approx(bpm, abs=0.02)


def test_an_intro_without_drums_does_not_hide_the_tempo(measure: Measure) -> None:
    music = beat(40, bpm=126)
    music[:, : 15 * RATE_HZ] *= np.float32(0.01)
    analysis = measure(music, RATE_HZ)
    assert analysis.bpm == pytest.approx(126, abs=0.05)


@pytest.mark.parametrize("kind", ["silence", "noise", "drone", "too short"])
def test_what_has_no_pulse_has_no_tempo(measure: Measure, kind: str) -> None:
    t = np.arange(20 * RATE_HZ) / RATE_HZ
    signals = {
        "silence": np.zeros_like(t),
        "noise": np.random.default_rng(1).standard_normal(t.size) * 0.1,
        "drone": 0.3 * np.sin(2 * np.pi * 220 * t),
        "too short": beat(3)[0],
    }
    samples = np.repeat(signals[kind][None, :], 2, axis=0).astype(np.float32)
    analysis = measure(samples, RATE_HZ)
    assert (analysis.bpm, analysis.bpm_alternative, analysis.beats_s) == (None, None, ())
    assert analysis.bpm_confidence == 0.0


def test_the_beats_of_one_render_are_the_same_in_every_kind_of_file(tmp_path: Path) -> None:
    """The decoder's timeline starts at the music, whatever the coder put in front."""
    found = {}
    for extension in ("wav", "flac", "mp3", "m4a", "ogg", "opus"):
        path = make_clip(tmp_path / f"clip.{extension}", 16, bpm=120)
        with path.open("rb") as file:
            analysis = analyze(file, identify(path), DecodeLimits(), lambda _: None)
        found[extension] = analysis.beats_s[1]
    assert max(found.values()) - min(found.values()) < 0.005, found
