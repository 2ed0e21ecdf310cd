"""Keys of chord progressions that leave no doubt."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from autodj.audio.keynames import camelot, key_name
from tests.audio.conftest import Measure

RATE_HZ = 24000
MAJOR = ((0, 4, 7), (5, 9, 12), (7, 11, 14), (0, 4, 7))
MINOR = ((0, 3, 7), (5, 8, 12), (7, 11, 14), (0, 3, 7))


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
