"""The made-up singer: in tune, on time, and in the training alone."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from autodj.audio.frames import Floats
from bench.truth.piece import RATE_HZ
from bench.truth.singer import Manner, sing
from bench.truth.smf import Played
from bench.truth.sources import sung

NOTE_S, APART_S = 0.6, 1.0


def melody(*pitches: int) -> list[Played]:
    """One note a second, with a rest after each."""
    return [
        Played(0.5 + n * APART_S, 0.5 + n * APART_S + NOTE_S, pitch, 100)
        for n, pitch in enumerate(pitches)
    ]


def sung_at(seed: int, *pitches: int) -> Floats:
    notes = melody(*pitches)
    return sing(random.Random(seed), notes, round((len(notes) + 1) * APART_S * RATE_HZ))


def is_rapped(seed: int) -> bool:
    return Manner.of(random.Random(seed)).is_rapped


def share_in_tune(sound: Floats, note: int, pitch: int) -> float:
    """Of the energy of a note's second half, what lies near a partial of its pitch."""
    start = round((0.5 + note * APART_S + NOTE_S / 2) * RATE_HZ)
    heard = sound.sum(axis=0)[start : start + RATE_HZ // 4]
    energy = np.abs(np.fft.rfft(heard * np.hanning(heard.size), 2**17)) ** 2
    partials = np.fft.rfftfreq(2**17, 1 / RATE_HZ) / (440 * 2 ** ((pitch - 69) / 12))
    near = (np.abs(partials - np.round(partials)) < 0.06 * np.round(partials)) & (partials < 4.5)
    return float(energy[near].sum() / energy.sum())


@pytest.mark.parametrize("seed", [seed for seed in range(12) if not is_rapped(seed)])
def test_a_voice_sings_the_pitches_of_its_notes(seed: int) -> None:
    sound = sung_at(seed, 60, 67)
    assert share_in_tune(sound, 0, 60) > 0.9
    assert share_in_tune(sound, 1, 67) > 0.9
    assert share_in_tune(sound, 0, 64) < 0.1


def test_one_voice_in_five_speaks() -> None:
    assert 0.15 < sum(map(is_rapped, range(500))) / 500 < 0.25


def test_a_voice_is_heard_where_its_notes_are() -> None:
    sounding, resting = 0.0, 0.0
    for seed in range(10):
        energy = np.square(sung_at(seed, 60, 64, 62)).sum(axis=0)
        second = energy[round(0.5 * RATE_HZ) :][: 3 * RATE_HZ].reshape(3, RATE_HZ)
        sounding += float(second[:, : round(NOTE_S * RATE_HZ)].sum())
        resting += float(second[:, round(0.75 * RATE_HZ) : round(0.8 * RATE_HZ)].sum())
    assert resting < 0.01 * sounding
    assert sing(random.Random(1), [], 100).tolist() == [[0.0] * 100] * 2


@pytest.mark.parametrize("pitches", [(60,), (60, 20, 120), tuple(range(40, 90, 7))])
def test_the_same_dice_sing_the_same(pitches: tuple[int, ...]) -> None:
    first, again, other = (sung_at(seed, *pitches) for seed in (5, 5, 6))
    assert np.isfinite(first).all()
    assert float(np.abs(first).max()) == pytest.approx(1.0)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_of_a_chord_the_highest_note_is_sung() -> None:
    chord = [Played(0.5, 1.1, pitch, 90) for pitch in (48, 52, 67)]
    for seed in range(5):
        alone = sing(random.Random(seed), [chord[2]], 2 * RATE_HZ)
        np.testing.assert_array_equal(sing(random.Random(seed), chord, 2 * RATE_HZ), alone)


def test_singing_is_in_the_training_alone(tmp_path: Path) -> None:
    for name in ("001", "002", "010"):
        (tmp_path / name).mkdir()
    heard = sung.compositions("tuning", tmp_path)
    assert len(heard) == len(set(heard)) > 500
    assert sung.compositions("test", tmp_path) == []
