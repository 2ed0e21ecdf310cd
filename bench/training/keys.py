"""Fit the weights of ``autodj.audio.key``: a linear model that is the same for every tonic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import mir_eval
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar

from autodj.audio.frames import Floats
from autodj.audio.key import PROFILES, KeyWeights, evidence
from autodj.audio.keynames import MODES, PITCHES, key_name
from autodj.audio.pitches import Doubles, Pitches, PitchStream
from autodj.audio.spectra import Spectra
from bench.truth.piece import PARTS, RATE_HZ, Part, Piece, stored
from bench.truth.sound_files import read_sound

# Bach's chorales may be trained on too: the works are free, and nothing of a file is kept.
SHIPPABLE: Final = frozenset({"grooves", "pop909", "scores"})
_BLOCK = 10 * RATE_HZ
# Of the first, 30 did better than 100 where sources of the tuning part were left out; the others
# only keep the fit from running away.
_STRICTNESS, _STRICTNESS_FOR_PROFILES, _STRICTNESS_FOR_BIAS = 30.0, 0.05, 0.01
_RAREST_SPREAD = 0.01
_STEPS = 400


@dataclass(frozen=True, slots=True)
class KeyExample:
    """One piece: ``evidence`` is ``[modes, tonics, features]``, ``key`` the place of the true
    key among ``modes * tonics``.
    """

    source: str
    part: Part
    evidence: Doubles
    key: int


def fit_keys(truth: Path, folder: Path, output: Path) -> None:
    """Train on the tuning part and write the weights; prints what they, and weights that have
    not heard the source, score in both parts. What was read of a piece is kept in ``folder``.
    """
    examples = list(_examples(truth, folder))
    tuning = [each for each in examples if each.part == "tuning"]
    blind = {
        source: fitted([each for each in tuning if each.source != source])
        for source in sorted({each.source for each in tuning})
    }
    # How sure it may be is read off sources that it has not heard, as music out there will be.
    cooled = temperature([blind[each.source].odds(each.evidence) for each in tuning], tuning)
    found = fitted(tuning)
    shipped = KeyWeights(found.weights / cooled, found.bias / cooled)
    print("\n".join(_table(examples, shipped, blind)))
    np.savez_compressed(
        output,
        weights=shipped.weights.astype(np.float32),
        bias=shipped.bias.astype(np.float32),
    )


def _examples(truth: Path, folder: Path) -> Iterator[KeyExample]:
    for part in PARTS:
        (folder / part).mkdir(parents=True, exist_ok=True)
        for piece in stored(truth / part):
            source, key = piece.truth.source, piece.truth.key
            if key is None or (part == "tuning" and source not in SHIPPABLE):
                continue
            kept = folder / part / f"{piece.name}.npy"
            if not kept.exists():
                seen = read_pitches(piece)
                if seen is None:
                    continue
                np.save(kept, evidence(seen).astype(np.float32))
                print(f"{part}/{piece.name}", flush=True)
            yield KeyExample(source, part, np.load(kept).astype(np.float64), _NAMES.index(key))


_NAMES = [key_name(tonic, mode) for mode in MODES for tonic in range(len(PITCHES))]


def read_pitches(piece: Piece) -> Pitches | None:
    """By the product's own spectra."""
    samples: Floats = read_sound(piece.path, rate_hz=RATE_HZ, channels=1)
    spectra = Spectra(RATE_HZ, 1)
    pitches = PitchStream(spectra.pitch_rate_hz, spectra.pitch_window_samples)
    for start in range(0, samples.shape[1], _BLOCK):
        pitches.push(spectra.push(samples[:, start : start + _BLOCK])[1])
    pitches.push(spectra.finish()[1])
    return pitches.finish()


def fitted(examples: Sequence[KeyExample]) -> KeyWeights:
    """The weights that make the true keys likeliest, every source counting alike, large weights
    being dear.
    """
    seen = np.array([each.evidence for each in examples])
    plain = seen.shape[3] - PROFILES
    scale = np.ones(seen.shape[3])
    scale[:plain] = 1 / np.sqrt(seen[..., :plain].var(axis=(0, 1, 2)) + _RAREST_SPREAD**2)
    means = seen.mean(axis=(0, 1, 2))
    by_mode = ((seen - means) * scale).transpose(1, 0, 2, 3).reshape(2, -1, scale.size)
    shares, wanted = _source_shares(examples), np.eye(24)[[each.key for each in examples]]
    dear = np.full((2, scale.size + 1), _STRICTNESS)
    dear[:, plain:-1], dear[:, -1] = _STRICTNESS_FOR_PROFILES, _STRICTNESS_FOR_BIAS

    def cost(flat: Doubles) -> tuple[float, Doubles]:
        table = flat.reshape(dear.shape)
        odds = (by_mode @ table[:, :-1, None]).reshape(2, -1, 12) + table[:, -1:, None]
        likely = _log_shares(np.concatenate(odds, axis=1))
        missed = np.stack(np.split(shares[:, None] * (np.exp(likely) - wanted), 2, axis=1))
        missed = missed.reshape(2, 1, -1)
        slope = np.concatenate([(missed @ by_mode)[:, 0], missed.sum(axis=2)], axis=1)
        total = -np.sum(shares * (likely * wanted).sum(axis=1)) + 0.5 * np.sum(dear * table**2)
        return float(total), (slope + dear * table).ravel()

    best = minimize(
        cost, np.zeros(dear.size), jac=True, method="L-BFGS-B", options={"maxiter": _STEPS}
    )
    table = best.x.reshape(dear.shape)
    weights = table[:, :-1] * scale
    return KeyWeights(weights, table[:, -1] - weights @ means)


def _source_shares(examples: Sequence[KeyExample]) -> Doubles:
    names = [each.source for each in examples]
    sources = sorted(set(names))
    return np.array([len(names) / len(sources) / names.count(name) for name in names])


def _log_shares(odds: Doubles) -> Doubles:
    shifted = odds - odds.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))


def temperature(odds: Sequence[Doubles], examples: Sequence[KeyExample]) -> float:
    """What the odds are divided by so that they are right as often as they say."""
    table = np.array([each.ravel() for each in odds])
    keys: NDArray[np.int64] = np.array([each.key for each in examples])
    shares = _source_shares(examples)

    def cost(log_temperature: float) -> float:
        likely = _log_shares(table / np.exp(log_temperature))
        return -float(np.sum(shares * likely[np.arange(len(keys)), keys]))

    return float(np.exp(minimize_scalar(cost, bounds=(-2.0, 2.0), method="bounded").x))


def _table(
    examples: Sequence[KeyExample], model: KeyWeights, blind: dict[str, KeyWeights]
) -> Iterator[str]:
    yield f"{'MIREX weighted':<22} {'pieces':>6} {'all':>6} {'left out':>8}"
    for part in PARTS:
        sources = sorted({each.source for each in examples if each.part == part})
        for source in sources:
            own = [each for each in examples if (each.part, each.source) == (part, source)]
            heard = _score(own, model)
            unheard = _score(own, blind.get(source, model))
            yield f"{part + ' ' + source:<22} {len(own):>6} {heard:>6.1f} {unheard:>8.1f}"


def _score(examples: Sequence[KeyExample], model: KeyWeights) -> float:
    scores = [
        mir_eval.key.weighted_score(
            _NAMES[each.key], _NAMES[int(model.odds(each.evidence).argmax())]
        )
        for each in examples
    ]
    return 100 * float(np.mean(scores))
