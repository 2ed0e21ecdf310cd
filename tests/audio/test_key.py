"""Keys of chord progressions that leave no doubt."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from autodj.audio.key import OPENING, cooled, evidence, find_key, shipped_weights
from autodj.audio.keynames import camelot, key_name
from autodj.audio.pitches import Pitches
from tests.audio.conftest import Measure

RATE_HZ = 24000
MAJOR = ((0, 4, 7), (5, 9, 12), (7, 11, 14), (0, 4, 7))
MINOR = ((0, 3, 7), (5, 8, 12), (7, 11, 14), (0, 3, 7))
NATURAL = (0, 2, 4, 5, 7, 9, 11)
WEIGHTS = shipped_weights()


def progression(
    chords: tuple[tuple[int, ...], ...], tonic: int, *, cents: float = 0.0
) -> NDArray[np.float32]:
    """A second of organ for each chord, with a bass below."""
    t = np.arange(RATE_HZ) / RATE_HZ
    played = []
    for chord in chords:
        notes = [chord[0] - 12, *chord]
        hz = [220 * 2 ** ((note + tonic - 9 + cents / 100) / 12) for note in notes]
        played.append(
            sum(0.6**k * np.sin(2 * np.pi * f * (k + 1) * t) for f in hz for k in range(5))
        )
    samples = 0.05 * np.concatenate(played)[None, :]
    return samples.astype(np.float32)


@pytest.mark.parametrize("tonic", range(12))
@pytest.mark.parametrize(("mode", "chords"), [("major", MAJOR), ("minor", MINOR)])
def test_a_cadence_tells_its_key(
    measure: Measure, tonic: int, mode: str, chords: tuple[tuple[int, ...], ...]
) -> None:
    analysis = measure(progression(chords, tonic), RATE_HZ)
    assert analysis.key == key_name(tonic, mode)
    assert analysis.camelot == camelot(key_name(tonic, mode))
    assert analysis.key_confidence > 0.1


@pytest.mark.parametrize("cents", [-45, -30, 30, 45])
def test_an_instrument_out_of_tune_keeps_its_key(measure: Measure, cents: float) -> None:
    assert measure(progression(MINOR, 4, cents=cents), RATE_HZ).key == "E minor"


def test_silence_has_no_key(measure: Measure) -> None:
    analysis = measure(np.zeros((1, 3 * RATE_HZ), np.float32), RATE_HZ)
    assert (analysis.key, analysis.camelot, analysis.key_confidence) == (None, None, 0.0)


def rows(*chords: tuple[int, ...]) -> Pitches:
    """Two seconds of each chord, its first note in the bass."""
    whole, bass = np.zeros((4 * len(chords), 12)), np.zeros((4 * len(chords), 12))
    for place, chord in enumerate(chords):
        span = slice(4 * place, 4 * place + 4)
        whole[span, [note % 12 for note in chord]] = 1 / len(chord)
        bass[span, chord[0] % 12] = 1.0
    return Pitches(whole, bass, 0.0)


def test_the_key_of_a_piece_moves_with_it() -> None:
    """The same chords from another tonic give the same odds, turned."""
    at_c, at_e = rows(*MAJOR), rows(*(tuple(note + 4 for note in chord) for chord in MAJOR))
    odds = WEIGHTS.odds(evidence(at_c))
    assert np.allclose(np.roll(odds, 4, axis=1), WEIGHTS.odds(evidence(at_e)))


def test_the_opening_is_where_training_takes_it_from() -> None:
    """Three seconds of the piece, as the bass and the chords of a piece of three seconds."""
    piece = rows(*MINOR, *MAJOR)
    begun = Pitches(piece.whole[:6], piece.bass[:6], 0.0)
    bass_and_chords = np.r_[12:24, 36:60]
    assert np.allclose(evidence(piece)[:, OPENING], evidence(begun)[:, bass_and_chords])


def test_a_cadence_leaves_less_doubt_than_a_scale() -> None:
    """All seven notes of C major at once, over no bass, are those of A minor too."""
    scale = rows(NATURAL)
    without_bass = Pitches(scale.whole, np.zeros_like(scale.bass), 0.0)
    clear, unclear = find_key(rows(*MAJOR, *MAJOR), WEIGHTS), find_key(without_bass, WEIGHTS)
    assert clear is not None
    assert unclear is not None
    assert clear.name == "C major"
    assert 0 < unclear.confidence < clear.confidence < 1
    assert clear.alternative != clear.name


def test_the_alternative_is_the_next_likely_key() -> None:
    """A loop of A minor, F, C and G is in A minor or in C."""
    loop = rows((9, 12, 16), (5, 9, 12), (0, 4, 7), (7, 11, 14))
    found = find_key(loop, WEIGHTS)
    assert found is not None
    assert {found.name, found.alternative} <= {"A minor", "C major", "G major", "F major"}
    shares = np.exp(cooled(WEIGHTS.odds(evidence(loop)), len(loop.whole)))
    assert found.confidence == pytest.approx(shares.max() / shares.sum())


def test_the_less_is_heard_the_less_sure_is_the_key() -> None:
    piece = rows(*MAJOR, *MAJOR)
    found = [
        find_key(Pitches(piece.whole[:count], piece.bass[:count], 0.0), WEIGHTS)
        for count in (1, len(piece.whole) // 2, len(piece.whole))
    ]
    sure = [each.confidence for each in found if each is not None]
    assert sure == sorted(sure)
    assert sure[0] < 0.5 < sure[2]


def test_all_pitches_alike_are_no_key() -> None:
    assert find_key(rows(tuple(range(12))), WEIGHTS) is None
    assert find_key(None, WEIGHTS) is None


@pytest.mark.parametrize("tone", range(12))
def test_one_tone_alone_is_no_key_and_a_fifth_is_one(tone: int) -> None:
    assert find_key(rows((tone,)), WEIGHTS) is None
    fifth = find_key(rows((tone, (tone + 7) % 12)), WEIGHTS)
    assert fifth is not None
    assert fifth.name.split()[0] == key_name(tone, "major").split()[0]


def test_the_alternative_is_told_beside_the_key(measure: Measure) -> None:
    analysis = measure(progression(MINOR, 9), RATE_HZ)
    assert analysis.key_alternative not in {None, analysis.key}
    assert measure(np.zeros((1, RATE_HZ), np.float32), RATE_HZ).key_alternative is None


def test_what_a_loop_begins_with_speaks_for_its_key() -> None:
    """The same four chords, from C major or from A minor on."""
    from_c = ((0, 4, 7), (7, 11, 14), (9, 12, 16), (5, 9, 12))
    from_a = (*from_c[2:], *from_c[:2])
    c_major, a_minor = 0, 12 + 9
    leanings = []
    for loop in (from_c, from_a):
        odds = WEIGHTS.odds(evidence(rows(*loop * 8))).ravel()
        leanings.append(odds[a_minor] - odds[c_major])
    assert leanings[1] > leanings[0] + 0.5
