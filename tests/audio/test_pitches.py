"""Pitch classes and chords of half seconds, from magnitudes and from rows alone."""

from __future__ import annotations

import numpy as np
import pytest

from autodj.audio.chords import chord_moves, chord_odds
from autodj.audio.frames import Floats
from autodj.audio.pitches import Doubles, Pitches, PitchStream

RATE_HZ, WINDOW = 6000.0, 2048
BINS = WINDOW // 2 + 1
BIN_HZ = RATE_HZ / WINDOW
C, C_SHARP, E, G, A = 0, 1, 4, 7, 9


def tones(*hz: float, frames: int = 10) -> Floats:
    """Magnitudes of sines as a smooth window shows them, the same in every frame."""
    bins = np.arange(BINS) * BIN_HZ
    peaks = [np.exp(-(((bins - each) / (1.2 * BIN_HZ)) ** 2)) for each in hz]
    return np.tile(np.sum(peaks, axis=0), (frames, 1)).astype(np.float32)


def heard(*blocks: Floats) -> Pitches | None:
    stream = PitchStream(RATE_HZ, WINDOW)
    for block in blocks:
        stream.push(block)
    return stream.finish()


def triad(root: int, third: int) -> Doubles:
    row = np.zeros(12)
    row[[root, (root + third) % 12, (root + 7) % 12]] = 1 / 3
    return row


def rows(*each: Doubles, bass: tuple[int, ...] = ()) -> Pitches:
    low = np.zeros((len(each), 12))
    low[range(len(bass)), bass] = 1.0
    return Pitches(np.array(each), low, 0.0)


def test_a_tone_is_its_pitch_class_in_every_half_second() -> None:
    pitches = heard(tones(440.0, frames=23))
    assert pitches is not None
    assert pitches.whole.shape == (5, 12)
    assert np.allclose(pitches.whole[:, A], 1.0)
    assert not pitches.bass.any()


def test_the_bass_is_heard_apart() -> None:
    pitches = heard(tones(65.41, 329.63))
    assert pitches is not None
    assert pitches.bass[0].argmax() == C
    assert pitches.bass[0, E] == 0
    assert pitches.whole[0].argmax() == E


@pytest.mark.parametrize("cents", [-40, -15, 25, 45])
def test_the_tuning_is_measured_and_the_pitches_read_at_it(cents: int) -> None:
    """One note is a little sharper still, and is no semitone higher for it."""
    hz = [220.0, 329.63, 440.0, 277.18 * 2 ** (12 / 1200)]
    pitches = heard(tones(*(each * 2 ** (cents / 1200) for each in hz)))
    assert pitches is not None
    assert 100 * pitches.tuning == pytest.approx(cents + 3, abs=4)
    assert pitches.whole[0, [A, C_SHARP, E]].sum() == pytest.approx(1.0)


def test_what_fills_the_spectrum_is_no_pitch() -> None:
    """Drums and noise make peaks everywhere, which stand little above their surroundings."""
    chord = tones(261.63, 329.63, 392.0, frames=100)
    noise = np.random.default_rng(5).random(chord.shape).astype(np.float32)
    pitches = heard(chord + 0.1 * noise)
    assert pitches is not None
    assert pitches.whole[:, [C, E, G]].sum(axis=1).min() > 0.5


def test_blocks_of_any_length_give_the_same() -> None:
    spectra = np.random.default_rng(3).random((37, BINS)).astype(np.float32)
    at_once, in_parts = heard(spectra), heard(*np.split(spectra, [0, 3, 4, 11, 30]))
    assert at_once is not None
    assert in_parts is not None
    assert np.allclose(at_once.whole, in_parts.whole, atol=1e-6)
    assert np.allclose(at_once.bass, in_parts.bass, atol=1e-6)
    assert at_once.tuning == pytest.approx(in_parts.tuning)


def test_silence_between_two_sounds_is_no_row() -> None:
    pitches = heard(tones(440.0, frames=5), 5e-4 * tones(311.13, frames=10), tones(330, frames=5))
    assert pitches is not None
    assert pitches.whole.argmax(axis=1).tolist() == [A, E]
    assert heard(0 * tones(440.0)) is None
    assert heard() is None


def test_noise_favours_no_pitch_class() -> None:
    pitches = heard(np.random.default_rng(1).random((600, BINS)).astype(np.float32))
    assert pitches is not None
    share = pitches.whole.mean(axis=0)
    assert share.max() < 1.25 * share.min()


@pytest.mark.parametrize("root", range(12))
@pytest.mark.parametrize(("place", "third"), [(0, 4), (12, 3)])
def test_a_triad_is_told_from_the_others(root: int, place: int, third: int) -> None:
    odds = chord_odds(rows(triad(root, third)))
    assert odds.sum() == pytest.approx(1.0)
    assert odds[0].argmax() == place + root
    assert odds[0].max() > 0.5


def test_the_bass_decides_between_two_chords_that_share_notes() -> None:
    mixed = np.zeros(12)
    mixed[[C, E, G, A]] = 0.25
    odds = chord_odds(rows(mixed, mixed, bass=(C, A)))
    assert odds.argmax(axis=1).tolist() == [C, 12 + A]


def test_changes_of_chord_are_counted_and_staying_is_none() -> None:
    c_major, g_major, c_minor = triad(C, 4), triad(G, 4), triad(C, 3)
    moves = chord_moves(chord_odds(rows(c_major, c_major, g_major, c_major, c_minor)))
    assert moves.sum() == pytest.approx(1.0)
    assert not moves.diagonal().any()
    assert moves[G, C] == pytest.approx(moves[C, G], abs=0.05)
    assert moves[C, G] > 0.15
    assert moves[C, 12 + C] > 0.05
    assert not chord_moves(chord_odds(rows(c_major))).any()
