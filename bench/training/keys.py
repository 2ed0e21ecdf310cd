"""Fit the weights of ``autodj.audio.key``: a linear model that is the same for every tonic."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar

from autodj.audio.key import OPENING, PROFILES, KeyWeights
from autodj.audio.pitches import Doubles
from bench.analysis.figures import key_score
from bench.training.key_examples import NAMES, KeyExample, examples
from bench.truth.piece import PARTS

# Of 0.013, 0.043 and 0.11, the second was surest where compositions and sources were left out.
_STRICTNESS, _STRICTNESS_FOR_PROFILES = 0.043, 2e-5
# A loop begins at its first chord, but songs and excerpts begin anywhere.
_STRICTNESS_FOR_OPENING = 0.1
# All sketches together weigh as much as all pieces that were played.
_SKETCHED_SHARE = 0.5
_RAREST_SPREAD = 0.01
_STEPS = 60
_FOLDS = 3


def fit_keys(truth: Path, folder: Path, output: Path, pop909: Path | None = None) -> None:
    """Train on the tuning part and write the weights; prints how they, weights that have not
    heard the composition, and weights that have not heard the source score in both parts. What
    was read of a piece is kept in ``folder``; POP909's songs are sketched too when its folder
    is given.
    """
    known = list(examples(truth, folder, pop909))
    heard = [each for each in known if each.part == "tuning"]
    played = [each for each in heard if not each.is_sketch]
    sources = sorted({each.source for each in played})
    blind = {
        source: trained([each for each in heard if each.source != source]) for source in sources
    }
    folds = [
        trained([each for each in heard if each.fold(_FOLDS) != fold]) for fold in range(_FOLDS)
    ]
    # How sure it may be is read off sources that it has not heard, as music out there will be.
    cooled = temperature([blind[each.source].odds(each.evidence) for each in played], played)
    found = trained(heard)
    shipped = KeyWeights(found.weights / cooled, found.bias / cooled)
    print("\n".join(_table(known, shipped, folds, blind)))
    np.savez_compressed(
        output,
        weights=shipped.weights.astype(np.float32),
        bias=shipped.bias.astype(np.float32),
    )


def trained(known: Sequence[KeyExample]) -> KeyWeights:
    """The mean of two fits, to all and to what was played alone: sketches know more harmony, and
    only sound knows how pitches are misread.
    """
    heard = [each for each in known if not each.is_sketch] or known
    both, played = fitted(known), fitted(heard)
    return KeyWeights((both.weights + played.weights) / 2, (both.bias + played.bias) / 2)


def fitted(known: Sequence[KeyExample]) -> KeyWeights:
    """The weights that make the true keys likeliest, every source counting alike, large weights
    being dear.
    """
    seen = np.array([each.evidence for each in known])
    size = seen.shape[2]
    means = seen.mean(axis=(0, 1))
    scale = 1 / np.sqrt(seen.var(axis=(0, 1)) + _RAREST_SPREAD**2)
    flat = ((seen - means) * scale).reshape(-1, size)
    shares, wanted = _example_shares(known), np.eye(24)[[each.key for each in known]]
    dear = np.full((size, 1), _STRICTNESS)
    dear[OPENING] = _STRICTNESS_FOR_OPENING
    dear[size - PROFILES :] = _STRICTNESS_FOR_PROFILES

    def cost(guess: Doubles) -> tuple[float, Doubles]:
        table, bias = guess[:-2].reshape(size, 2), guess[-2:]
        odds = (flat @ table.astype(np.float32)).reshape(-1, 12, 2) + bias
        likely = _log_shares(odds.transpose(0, 2, 1).reshape(-1, 24))
        missed = shares[:, None] * (np.exp(likely) - wanted)
        by_tonic = missed.reshape(-1, 2, 12).transpose(0, 2, 1).reshape(-1, 2)
        slope = flat.T @ by_tonic.astype(np.float32) + dear * table
        total = 0.5 * np.sum(dear * table**2) - np.sum(shares * (likely * wanted).sum(axis=1))
        return float(total), np.concatenate([slope.ravel(), by_tonic.sum(axis=0)])

    start = np.zeros(2 * size + 2)
    best = minimize(cost, start, jac=True, method="L-BFGS-B", options={"maxiter": _STEPS}).x
    weights = best[:-2].reshape(size, 2).T * scale
    return KeyWeights(weights, best[-2:] - weights @ means)


def _example_shares(known: Sequence[KeyExample]) -> Doubles:
    """What each weighs, together 1."""
    kinds = [(each.is_sketch, each.source) for each in known]
    counts, of_kind = Counter(kinds), Counter(is_sketch for is_sketch, _ in set(kinds))
    parts = {True: _SKETCHED_SHARE, False: 1 - _SKETCHED_SHARE}
    shares = np.array([parts[kind[0]] / of_kind[kind[0]] / counts[kind] for kind in kinds])
    return np.asarray(shares / shares.sum())


def _log_shares(odds: Doubles) -> Doubles:
    shifted = odds - odds.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))


def temperature(odds: Sequence[Doubles], known: Sequence[KeyExample]) -> float:
    """What the odds are divided by so that they are right as often as they say."""
    table = np.array([each.ravel() for each in odds])
    keys: NDArray[np.int64] = np.array([each.key for each in known])
    shares = _example_shares(known)

    def cost(log_temperature: float) -> float:
        likely = _log_shares(table / np.exp(log_temperature))
        return -float(np.sum(shares * likely[np.arange(len(keys)), keys]))

    return float(np.exp(minimize_scalar(cost, bounds=(-2.0, 2.0), method="bounded").x))


def _table(
    known: Sequence[KeyExample],
    model: KeyWeights,
    folds: Sequence[KeyWeights],
    blind: dict[str, KeyWeights],
) -> Iterator[str]:
    yield f"{'MIREX weighted':<22} {'pieces':>6} {'all':>6} {'folds':>6} {'left out':>8}"
    for part in PARTS:
        played = [each for each in known if each.part == part and not each.is_sketch]
        for source in sorted({each.source for each in played}):
            own = [each for each in played if each.source == source]
            heard = _score(own, [model] * len(own))
            split = [model if part == "test" else folds[each.fold(_FOLDS)] for each in own]
            unheard = _score(own, [blind.get(source, model)] * len(own))
            line = f"{heard:>6.1f} {_score(own, split):>6.1f} {unheard:>8.1f}"
            yield f"{part + ' ' + source:<22} {len(own):>6} {line}"


def _score(known: Sequence[KeyExample], models: Sequence[KeyWeights]) -> float:
    scores = [
        key_score(NAMES[each.key], NAMES[int(model.odds(each.evidence).argmax())])
        for each, model in zip(known, models, strict=True)
    ]
    return 100 * float(np.mean(scores))
