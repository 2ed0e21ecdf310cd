"""The further signals of EBU Tech 3341 (table 1), made from their descriptions.

Of the whole table, 1 to 5 and 15 to 19 are in the tests of loudness; 6 has five channels, which
autodj folds down to two first; 7 and 8 (and 5 and 6 of Tech 3342) are recordings that are not ours
to make; 13 and 14 want a meter that moves by less than the 100 ms that integrated loudness needs.
"""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal
from numpy.typing import NDArray

from autodj.audio.loudness import LoudnessStream, TruePeakStream, levels

RATE_HZ = 48000
SHORT_TERM_S, MOMENTARY_S = 3.0, 0.4
SILENT = -np.inf

Passages = list[tuple[float, float]]
"""Levels in dBFS with their durations in seconds."""


def tones(passages: Passages) -> NDArray[np.float32]:
    """1 kHz in both channels that runs on while its level changes."""
    gains = np.concatenate(
        [np.full(round(seconds * RATE_HZ), 10 ** (level / 20)) for level, seconds in passages]
    )
    sine = gains * np.sin(2 * np.pi * 1000 * np.arange(gains.size) / RATE_HZ)
    return np.stack([sine, sine]).astype(np.float32)


def over(window_s: float, passages: Passages) -> NDArray[np.float64]:
    """The loudness of every window, a tenth of a second apart."""
    stream = LoudnessStream(RATE_HZ, 2)
    stream.push(tones(passages))
    steps = round(window_s * 10)
    return levels(np.convolve(stream.finish(), np.full(steps, 1 / steps), mode="valid"))


def test_short_term_loudness_stays_where_the_level_changes_within_three_seconds() -> None:
    """Case 9."""
    found = over(SHORT_TERM_S, [(-20, 1.34), (-30, 1.66)] * 5)
    np.testing.assert_allclose(found, -23.0, atol=0.1)


@pytest.mark.parametrize("place", range(20))
def test_a_tone_of_three_seconds_is_read_in_full_wherever_it_starts(place: int) -> None:
    """Case 10."""
    found = over(SHORT_TERM_S, [(SILENT, 0.15 * place), (-23, 3.0), (SILENT, 1.0)])
    assert found.max() == pytest.approx(-23.0, abs=0.1)


def test_tones_that_rise_by_a_decibel_are_read_one_by_one() -> None:
    """Case 11."""
    for place in range(20):
        level = place - 38.0
        silence_s = 0.15 * place
        found = over(SHORT_TERM_S, [(SILENT, silence_s), (level, 3.0), (SILENT, 3.0 - silence_s)])
        assert found.max() == pytest.approx(level, abs=0.1)


def test_momentary_loudness_stays_where_the_level_changes_within_its_window() -> None:
    """Case 12."""
    found = over(MOMENTARY_S, [(-20, 0.18), (-30, 0.22)] * 25)
    np.testing.assert_allclose(found[10:], -23.0, atol=0.1)


@pytest.mark.parametrize("offset", range(4), ids=["case 20", "case 21", "case 22", "case 23"])
def test_a_single_louder_period_is_found_between_the_samples(offset: int) -> None:
    """A sine of fs/6 at 0.5 with one period of fs/4 at 1.0, joined in phase; made at four times
    the rate, low-passed, and sampled from one of four places.
    """
    around = 0.5 * np.sin(2 * np.pi * np.arange(24 * 200) / 24)
    one = np.sin(2 * np.pi * np.arange(16) / 16)
    signal = np.concatenate([around, one, around])
    fade = np.clip(np.minimum(np.arange(signal.size), np.arange(signal.size)[::-1]) / 1920, 0, 1)
    low_pass = scipy.signal.firwin(511, 0.25, window=("kaiser", 8.0))
    sampled = scipy.signal.fftconvolve(signal * fade, low_pass, mode="same")[offset::4]
    stream = TruePeakStream(1)
    stream.push(sampled[None, :].astype(np.float32))
    peak = stream.finish()
    assert peak is not None
    assert -0.4 <= peak <= 0.2
