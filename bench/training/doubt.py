"""How much less is known of a key the less of a piece was heard: one number, from excerpts."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.optimize
from numpy.typing import NDArray

from autodj.audio.key import cooled, evidence, shipped_weights
from autodj.audio.pitches import Pitches
from bench.training.key_examples import NAMES, SHIPPABLE, read_pitches
from bench.truth.piece import PARTS, Piece, stored

# Half seconds.
_LENGTHS = (1, 2, 4, 8, 16, 32, 64, 128)
_MOST_ROWS = 100.0


@dataclass(frozen=True, slots=True)
class Excerpt:
    """``odds`` of the keys by the shipped weights, from so many half seconds."""

    rows: int
    odds: NDArray[np.float64]
    key: int


def fit_doubt(truth: Path) -> None:
    """Print the constant of ``autodj.audio.key.cooled``, and what it does at each length."""
    excerpts = [each for piece in _unread(truth) for each in _excerpts(piece)]
    doubtful = doubtful_rows(excerpts)
    print(f"{len(excerpts)} excerpts: doubtful rows {doubtful:.0f}")
    print("half seconds, right in percent, confidence without and with it")
    for length in sorted({each.rows for each in excerpts}.intersection(_LENGTHS)):
        of_length = [each for each in excerpts if each.rows == length]
        right = np.mean([each.odds.argmax() == each.key for each in of_length])
        sure = [
            np.mean([np.exp(_log_shares(each, rows)).max() for each in of_length])
            for rows in (0.0, doubtful)
        ]
        print(length, *(f"{100 * each:.0f}" for each in (right, *sure)))


def doubtful_rows(excerpts: Sequence[Excerpt]) -> float:
    """After how many half seconds half of the odds count, by likelihood."""

    def surprise(rows: float) -> float:
        return -sum(float(_log_shares(each, rows)[each.key]) for each in excerpts)

    bounds = (0.0, _MOST_ROWS)
    return float(scipy.optimize.minimize_scalar(surprise, bounds=bounds, method="bounded").x)


def _unread(truth: Path) -> Iterator[Piece]:
    """The pieces with a key that the weights were not made from."""
    for part in PARTS:
        for piece in stored(truth / part):
            about = piece.truth
            if about.key is not None and (part == "test" or about.source not in SHIPPABLE):
                yield piece


def _excerpts(piece: Piece) -> Iterator[Excerpt]:
    pitches = read_pitches(piece)
    if pitches is None:
        return
    dice, model = random.Random(piece.name), shipped_weights()
    count = len(pitches.whole)
    for length in (*(each for each in _LENGTHS if each < count), count):
        start = dice.randrange(count - length + 1)
        cut = slice(start, start + length)
        heard = Pitches(pitches.whole[cut], pitches.bass[cut], pitches.tuning, pitches.course)
        odds = model.odds(evidence(heard)).ravel()
        yield Excerpt(length, odds, NAMES.index(piece.truth.key or ""))


def _log_shares(excerpt: Excerpt, rows: float) -> NDArray[np.float64]:
    odds = cooled(excerpt.odds, excerpt.rows, rows)
    return np.asarray(odds - np.logaddexp.reduce(odds))
