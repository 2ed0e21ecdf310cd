"""Training sees what the product sees, and makes what the product reads."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from autodj.audio.frames import Floats
from autodj.audio.rhythm.activation import TEMPI_BPM, features
from autodj.audio.rhythm.bands import BANDS, BandStream
from autodj.audio.spectra import Spectra
from bench.training.batches import FRAMES, batch, faster, shares, tempo_odds
from bench.training.examples import Example, held_back, levels_of, load, target
from bench.training.features import magnitudes
from bench.training.shapes import shapes

RATE_HZ = 44_100


@pytest.fixture(scope="module")
def samples() -> Floats:
    """Four seconds of noise in bursts, stereo at 44.1 kHz."""
    noise = np.random.default_rng(7).normal(0, 0.2, (2, 4 * RATE_HZ))
    return (noise * (np.arange(4 * RATE_HZ) % 22_050 < 5512)).astype(np.float32)


@pytest.fixture
def example(samples: Floats) -> Example:
    beats_s = np.arange(0, 4, 0.5, dtype=np.float32)
    return Example("bursts", "grooves", magnitudes(samples, RATE_HZ), beats_s, beats_s[::4])


def test_levels_are_those_of_the_product(samples: Floats) -> None:
    spectra = Spectra(RATE_HZ, 2)
    stream = BandStream(spectra.rate_hz, spectra.window_samples)
    for magnitude, _ in (spectra.push(samples), spectra.finish()):
        stream.push(magnitude)
    ours = stream.finish()
    np.testing.assert_allclose(levels_of(magnitudes(samples, RATE_HZ)), ours, rtol=2e-3, atol=1e-4)


def test_the_arrays_are_those_that_ship() -> None:
    with files("autodj.audio.rhythm").joinpath("activation.npz").open("rb") as file:
        shipped = np.load(file)
        assert {name: shipped[name].shape for name in shipped.files} == shapes()


def test_a_target_is_one_at_the_event_and_half_beside_it() -> None:
    assert target(12, np.array([0.1, 0.2])).tolist() == pytest.approx(
        [0, 0, 0, 0, 0.5, 1, 0.5, 0, 0, 0.5, 1, 0.5]
    )


def test_speed_bends_time_and_keeps_the_ends(example: Example) -> None:
    bent = faster(example.bands, 1.25)
    assert len(bent) == int(len(example.bands) / 1.25)
    np.testing.assert_array_equal(bent[0], example.bands[0])
    np.testing.assert_allclose(bent[4], example.bands[5], rtol=1e-5)


def test_batches_are_the_same_for_the_same_seed_and_differ_otherwise(example: Example) -> None:
    first, again, other = (batch([example], 2, np.random.default_rng(n)) for n in (1, 1, 2))
    assert first[0].shape == (2, features(np.zeros((1, BANDS), np.float16)).shape[1], FRAMES)
    assert first[1].shape == (2, 2, FRAMES)
    assert first[2].shape == (2, TEMPI_BPM.size)
    np.testing.assert_array_equal(first[0], again[0])
    assert not np.array_equal(first[0], other[0])
    assert first[1][:, 0].sum() > first[1][:, 1].sum() > 0


@pytest.mark.parametrize("bpm", [50.0, 120.0, 200.0])
def test_the_tempo_of_an_excerpt_is_that_of_its_beats(bpm: float) -> None:
    odds = tempo_odds(np.arange(0, 30, 60 / bpm, dtype=np.float32))
    assert odds.sum() == pytest.approx(1, rel=1e-5)
    assert TEMPI_BPM[odds.argmax()] == pytest.approx(bpm, rel=0.02)


def test_a_few_beats_have_no_tempo() -> None:
    assert not tempo_odds(np.arange(5, dtype=np.float32)).any()


def test_sources_are_drawn_in_their_shares_however_many_pieces_they_have(example: Example) -> None:
    score = replace(example, source="freedoom")
    drawn = shares([example, example, example, score])
    assert drawn.sum() == pytest.approx(1)
    assert drawn[0] == drawn[1] == drawn[2]
    assert drawn[:3].sum() / drawn[3] == pytest.approx(0.2 / 0.1)


def test_a_source_can_be_left_out_and_a_forbidden_one_stops_the_training(
    example: Example, tmp_path: Path
) -> None:
    example.save(tmp_path)
    (kept,) = load(tmp_path)
    assert kept.beats_s.tolist() == example.beats_s.tolist()
    assert load(tmp_path, without=["grooves"]) == []
    Example("gpl", "openmsx", example.bands, example.beats_s, example.beats_s).save(tmp_path)
    with pytest.raises(ValueError, match="openmsx"):
        load(tmp_path)


def test_every_tenth_piece_is_held_back(example: Example, tmp_path: Path) -> None:
    for number in range(20):
        replace(example, name=f"grooves-{number:04d}").save(tmp_path)
    names = [each.name for each in load(tmp_path)]
    assert len(names) == 18
    assert not [name for name in names if held_back(name)]
