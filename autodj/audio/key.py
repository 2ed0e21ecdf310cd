"""The key of a piece, from the pitches, the bass and the chords of every half second."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from io import BytesIO

import numpy as np

from autodj.audio.chords import chord_moves, chord_odds
from autodj.audio.frames import Floats
from autodj.audio.keynames import MODES, key_name
from autodj.audio.pitches import Doubles, Pitches

_WEIGHTS_FILE = "key.npz"

# How well each pitch class fits a key, from the tonic up, major and then minor: ratings of
# listeners (Krumhansl and Kessler, "Tracing the dynamic changes in perceived tonal
# organization", Psychological Review 1982), how often it occurs in scores (Temperley, "Music
# and Probability", 2007, from Kostka and Payne), and in electronic dance music with the four
# rarest left out (Faraldo, Jordà and Herrera, "A multi-profile method for key estimation in
# EDM", AES Semantic Audio 2017).
_PROFILES = np.array(
    (
        (
            (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
            (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
        ),
        (
            (0.748, 0.060, 0.488, 0.082, 0.670, 0.460, 0.096, 0.715, 0.104, 0.366, 0.057, 0.400),
            (0.712, 0.084, 0.474, 0.618, 0.049, 0.460, 0.105, 0.747, 0.404, 0.067, 0.133, 0.330),
        ),
        (
            (1.00, 0.00, 0.42, 0.00, 0.53, 0.37, 0.00, 0.77, 0.00, 0.38, 0.21, 0.30),
            (1.00, 0.00, 0.36, 0.39, 0.00, 0.38, 0.00, 0.74, 0.27, 0.00, 0.42, 0.23),
        ),
    )
)
PROFILES = _PROFILES.shape[0] * _PROFILES.shape[1]
# Where evidence has the bass and the chords of the opening.
OPENING = np.r_[24:36, 60:84]
# Three seconds: a piece most often begins on its tonic, and a loop at its first chord.
_OPENING_ROWS = 6
# By how often keys of excerpts are right (`python -m bench.training doubt`).
DOUBTFUL_ROWS = 10.0
# A tone held alone is on the scales of fourteen keys.
_ONE_TONE_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class Key:
    """A key by its musical name, how likely it is right (0 to 1), the next likely one, and how
    far the piece lies from A = 440 Hz.
    """

    name: str
    confidence: float
    alternative: str
    tuning_cents: float


@dataclass(frozen=True, slots=True)
class KeyWeights:
    """A linear model: ``evidence`` times ``weights`` ``[modes, features]`` plus ``bias``
    ``[modes]`` are the log odds of the keys. It is the same for every tonic.
    """

    weights: Doubles
    bias: Doubles

    def odds(self, evidence: Doubles | Floats) -> Doubles:
        """Log odds ``[modes, tonics]``."""
        return np.asarray(self.weights @ evidence.T + self.bias[:, None])


def shipped_weights() -> KeyWeights:
    """Those that come with the package, read from its file."""
    raw = files("autodj.audio").joinpath(_WEIGHTS_FILE).read_bytes()
    with np.load(BytesIO(raw)) as stored:
        return KeyWeights(stored["weights"].astype(np.float64), stored["bias"].astype(np.float64))


def find_key(pitches: Pitches | None, model: KeyWeights) -> Key | None:
    """The likeliest of the 24 keys; None where no pitch stands out, or one tone sounds alone."""
    if pitches is None:
        return None
    sounding = pitches.whole.mean(axis=0)
    if sounding.std() < 1e-9 or sounding.max() > _ONE_TONE_SHARE:
        return None
    odds = cooled(model.odds(evidence(pitches)).ravel(), len(pitches.whole))
    shares = np.exp(odds - odds.max())
    shares /= shares.sum()
    second, best = np.argsort(shares, kind="stable")[-2:]
    return Key(_name(best), float(shares[best]), _name(second), 100 * pitches.tuning)


def cooled(odds: Doubles, rows: int, doubtful_rows: float = DOUBTFUL_ROWS) -> Doubles:
    """The log odds of keys after so many half seconds of music: chords that come next may yet
    tell another one.
    """
    return odds * rows / (rows + doubtful_rows)


def _name(place: int) -> str:
    mode, tonic = divmod(int(place), 12)
    return key_name(tonic, MODES[mode])


def evidence(pitches: Pitches) -> Doubles:
    """``[tonics, features]``: what speaks for each key, seen from its tonic.

    Shares of the pitch classes, of the bass notes and of the chords, how often each chord
    follows each other, the chords and the bass that the piece begins with, and the correlations
    with the profiles of both modes.
    """
    odds = chord_odds(pitches)
    whole, begun = pitches.whole.mean(axis=0), slice(_OPENING_ROWS)
    by_class = (whole, pitches.bass.mean(axis=0), pitches.bass[begun].mean(axis=0))
    by_chord = (odds.mean(axis=0), odds[begun].mean(axis=0))
    moves = chord_moves(odds)
    return np.concatenate(
        [
            *(each[_CLASSES] for each in by_class),
            *(each[_CHORDS] for each in by_chord),
            moves[_CHORDS[:, :, None], _CHORDS[:, None, :]].reshape(len(_CHORDS), -1),
            _correlations(whole),
        ],
        axis=1,
    )


# Where the classes and the chords lie from each tonic up.
_CLASSES = np.add.outer(np.arange(12), np.arange(12)) % 12
_CHORDS = np.concatenate([_CLASSES, 12 + _CLASSES], axis=1)


def _correlations(chroma: Doubles) -> Doubles:
    """Pearson correlations ``[tonics, profiles * modes]``."""
    centred = _PROFILES - _PROFILES.mean(axis=2, keepdims=True)
    turned = chroma[_CLASSES] - chroma.mean()
    norms = np.linalg.norm(centred, axis=2)[..., None] * np.linalg.norm(turned, axis=1)
    return np.asarray((centred @ turned.T / norms).reshape(PROFILES, -1).T)
