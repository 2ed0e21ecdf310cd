"""How a track is built: its energy bar by bar, its sections, and where a DJ would set cues.

Boundaries are crests of a novelty curve (Foote, "Automatic audio segmentation using a measure
of audio novelty", ICME 2000) over the bars, kept where they fall on the phrases of four bars
that most of them share: dance music changes there, and a cue anywhere else is of no use.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autodj.audio.form import NO_CUES, Cues, Section
from autodj.audio.frames import Floats
from autodj.audio.rhythm.activation import FRAMES_PER_S
from autodj.audio.rhythm.bands import BANDS, Levels

_FEWEST_BARS = 8
_REACH_BARS = 8
_PHRASE_BARS = 4
_GROUPS = 12
_LOUD_SHARE_LU = 20.0
_ENERGY_OF_LOUDNESS = 0.6
_CLEAR = 0.5
_FULL, _RISE = 0.8, 0.12
_LOWEST_LUFS = -70.0
_STRONG_ATTACKS = 0.15

_Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Structure:
    """``energy`` has one value of 0 to 1 for each bar; ``sections`` cover all bars."""

    energy: tuple[float, ...]
    sections: tuple[Section, ...]
    cues: Cues


NOTHING = Structure((), (), NO_CUES)


def find_structure(levels: Levels, loudness: _Doubles, downbeats_s: _Doubles) -> Structure:
    """From band levels (50 a second), momentary loudness (LUFS, ten values a second) and the
    downbeats; nothing for a track of less than eight bars.
    """
    if downbeats_s.size < _FEWEST_BARS:
        return NOTHING
    features = _by_bar(levels, downbeats_s)
    loud = _loudness_by_bar(loudness, downbeats_s)
    energy = _energy(features[:, _GROUPS:], loud)
    bounds = _boundaries(_novelty(_standard(features)))
    sections = _labelled(energy, bounds, downbeats_s)
    sounding = np.flatnonzero(loud > _LOWEST_LUFS)
    return Structure(
        energy=tuple(np.round(energy, 3).tolist()),
        sections=sections,
        cues=_cues(sections, downbeats_s, sounding),
    )


def _by_bar(levels: Levels, downbeats_s: _Doubles) -> _Doubles:
    """``[bars, 2 * 12]``: the mean level of each group of bands, and how much it rises."""
    frames = np.rint(downbeats_s * FRAMES_PER_S).astype(int).clip(0, len(levels) - 1)
    starts = np.maximum.accumulate(frames)
    grouped = levels.reshape(len(levels), _GROUPS, BANDS // _GROUPS).mean(axis=2, dtype=np.float32)
    rises = np.maximum(np.diff(grouped, axis=0, prepend=grouped[:1]), 0.0)
    lengths = np.maximum(np.diff(starts, append=len(levels)), 1)[:, None]
    sums = [np.add.reduceat(part, starts, axis=0) / lengths for part in (grouped, rises)]
    return np.concatenate(sums, axis=1).astype(np.float64)


def _loudness_by_bar(loudness: _Doubles, downbeats_s: _Doubles) -> _Doubles:
    if loudness.size == 0:
        return np.full(downbeats_s.size, _LOWEST_LUFS)
    power = 10 ** (np.maximum(loudness, _LOWEST_LUFS) / 10)
    starts = (downbeats_s * 10).astype(int).clip(0, loudness.size - 1)
    lengths = np.maximum(np.diff(starts, append=loudness.size), 1)
    return np.asarray(10 * np.log10(np.add.reduceat(power, starts) / lengths))


def _energy(rises: _Doubles, loudness: _Doubles) -> _Doubles:
    """Loudness down to 20 LU below the loud bars, and how busy the attacks are."""
    loud = np.clip(1 + (loudness - np.percentile(loudness, 95)) / _LOUD_SHARE_LU, 0.0, 1.0)
    busy = rises.sum(axis=1)
    busiest = np.percentile(busy, 95)
    share = np.clip(busy / busiest, 0.0, 1.0) if busiest > 0 else np.zeros_like(busy)
    return np.asarray(_ENERGY_OF_LOUDNESS * loud + (1 - _ENERGY_OF_LOUDNESS) * share)


def _standard(features: _Doubles) -> _Doubles:
    spread = features.std(axis=0)
    return np.asarray((features - features.mean(axis=0)) / np.where(spread > 0, spread, 1.0))


def _novelty(features: _Doubles) -> _Doubles:
    """How unlike the eight bars before each bar are to the eight from it on, 0 at the edges."""
    place = np.arange(-_REACH_BARS, _REACH_BARS) + 0.5
    taper = np.exp(-0.5 * np.square(place / (_REACH_BARS / 2)))
    kernel = np.outer(np.sign(place) * taper, np.sign(place) * taper)
    padded = np.pad(features, ((_REACH_BARS, _REACH_BARS), (0, 0)), mode="edge")
    novelty = np.zeros(len(features))
    for bar in range(2, len(features) - 2):
        around = padded[bar : bar + 2 * _REACH_BARS]
        apart = np.square(around[:, None] - around[None]).mean(axis=2)
        novelty[bar] = max(0.0, float((kernel * np.exp(-apart)).sum()))
    return novelty


def _boundaries(novelty: _Doubles) -> list[int]:
    """Bars at which sections begin, the first among them."""
    shared = int(np.argmax([novelty[at::_PHRASE_BARS].sum() for at in range(_PHRASE_BARS)]))
    clear = novelty.mean() + _CLEAR * novelty.std()
    found = [0]
    for bar in range(shared, novelty.size, _PHRASE_BARS):
        near = novelty[max(0, bar - 1) : bar + 2].max(initial=0.0)
        if bar - found[-1] >= _PHRASE_BARS and near > max(clear, 1e-9):
            found.append(bar)
    return found


def _labelled(energy: _Doubles, bounds: list[int], downbeats_s: _Doubles) -> tuple[Section, ...]:
    """Sections named by their energy; neighbours of one name are one section."""
    ends = [*bounds[1:], energy.size]
    means = [float(energy[start:end].mean()) for start, end in zip(bounds, ends, strict=True)]
    labels = _labels(means)
    firsts = [at for at, label in enumerate(labels) if at == 0 or label != labels[at - 1]]
    starts = [bounds[at] for at in firsts]
    return tuple(
        Section(
            label=labels[at],
            start_s=float(downbeats_s[start]),
            bar=start + 1,
            bars=end - start,
            energy=round(float(energy[start:end].mean()), 3),
        )
        for at, start, end in zip(firsts, starts, [*starts[1:], energy.size], strict=True)
    )


def _labels(means: list[float]) -> list[str]:
    """What is nearly full is main, and a drop where it has just risen from what was not."""
    full = [mean >= _FULL * max(means) for mean in means]
    labels = []
    for at, mean in enumerate(means):
        if not any(full[: at + 1]):
            labels.append("intro")
        elif not any(full[at:]):
            labels.append("outro")
        elif not full[at]:
            labels.append("break")
        elif at > 0 and not full[at - 1] and mean - means[at - 1] >= _RISE:
            labels.append("drop")
        else:
            labels.append("main")
    return labels


def _cues(sections: tuple[Section, ...], downbeats_s: _Doubles, sounding: NDArray[np.int_]) -> Cues:
    def start_of(*labels: str) -> float | None:
        return next((each.start_s for each in sections if each.label in labels), None)

    starts_with_intro = sections[0].label == "intro"
    return Cues(
        cue_in=float(downbeats_s[sounding[0]]) if sounding.size else None,
        intro_end=start_of("main", "drop") if starts_with_intro else None,
        drop=start_of("drop"),
        outro_start=start_of("outro"),
        cue_out=float(downbeats_s[sounding[-1]]) if sounding.size else None,
    )


def energy_number(integrated_lufs: float | None, onsets: Floats, bpm: float | None) -> int | None:
    """How much a track drives, 1 to 10: a third each for loudness (-24 to -6 LUFS), for how
    strong its attacks are on average, and for tempo (60 to 180 BPM); None for silence.

    A yardstick of our own: numbers of this kind have no agreed definition.
    """
    if integrated_lufs is None:
        return None
    loud = (integrated_lufs + 24) / 18
    driven = float(onsets.mean()) / _STRONG_ATTACKS if onsets.size else 0.0
    fast = (bpm - 60) / 120 if bpm else 0.0
    return 1 + round(3 * sum(min(1.0, max(0.0, share)) for share in (loud, driven, fast)))
