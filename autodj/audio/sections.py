"""The sections of a track, and the cue points that follow from them.

Boundaries are crests of a novelty curve (Foote, "Automatic audio segmentation using a measure
of audio novelty", ICME 2000) over the bars, kept where they fall on the phrases of four bars
that most of them share: dance music changes there, and a cue anywhere else is of no use.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autodj.audio.form import Cues, Section

_REACH_BARS = 8
_PHRASE_BARS = 4
_LONG_BARS = 8
_CLEAR = 0.5
_FULL = 0.8
_RISE, _FILLING = 0.12, 0.2

Curve = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bars:
    """What is known of each bar: where it begins, its energy, and how much of all that the track
    has plays in it (both 0 to 1), and whether it sounds. ``whole`` of them are the piece; what
    follows a long silence is another.
    """

    starts_s: Curve
    energy: Curve
    fullness: Curve
    sounds: NDArray[np.bool_]
    whole: int


def find_bounds(features: Curve) -> list[int]:
    """The bars at which sections begin, the first among them, from ``[bars, features]`` of zero
    mean and equal spread.
    """
    novelty = _novelty(features)
    shared = int(np.argmax([novelty[at::_PHRASE_BARS].sum() for at in range(_PHRASE_BARS)]))
    clear = novelty.mean() + _CLEAR * novelty.std()
    found = [0]
    for bar in range(shared, novelty.size, _PHRASE_BARS):
        near = novelty[max(0, bar - 1) : bar + 2].max(initial=0.0)
        if bar - found[-1] >= _PHRASE_BARS and near > max(clear, 1e-9):
            found.append(bar)
    return found


def _novelty(features: Curve) -> Curve:
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


def name_sections(bars: Bars, bounds: Sequence[int]) -> tuple[Section, ...]:
    """Sections named by what plays in them. Neighbours of one name are one section, unless they
    are main and eight bars long. What comes after the piece is "hidden".
    """
    ends = [*bounds[1:], bars.whole]
    labels = _labels(_means(bars.energy, bounds, ends), _means(bars.fullness, bounds, ends))
    named: list[tuple[str, int]] = []
    for label, start, end in zip(labels, bounds, ends, strict=True):
        before = named[-1] if named else ("", 0)
        is_long = min(start - before[1], end - start) >= _LONG_BARS
        if label != before[0] or (label == "main" and is_long):
            named.append((label, start))
    if bars.whole < bars.starts_s.size:
        named.append(("hidden", bars.whole))
    stops = [*(start for _, start in named[1:]), bars.starts_s.size]
    return tuple(
        Section(
            label=label,
            start_s=float(bars.starts_s[start]),
            bar=start + 1,
            bars=stop - start,
            energy=round(float(bars.energy[start:stop].mean()), 3),
        )
        for (label, start), stop in zip(named, stops, strict=True)
    )


def _means(curve: Curve, starts: Sequence[int], stops: Sequence[int]) -> Curve:
    means = [curve[start:stop].mean() for start, stop in zip(starts, stops, strict=True)]
    return np.array(means)


def _labels(energy: Curve, fullness: Curve) -> list[str]:
    """The name of each section: strong ones are main; full ones, in which nearly all plays as
    well, are a drop where that has just begun.

    Before the first full one lies the intro, until it breaks down or leaps up; after the last the
    outro. What is left is a break.
    """
    loud, wide = _share(energy), _share(fullness)
    strength = np.minimum(loud, wide)
    full, strong = strength >= _FULL * strength.max(), loud >= _FULL
    first, last = int(np.argmax(full)), full.size - 1 - int(np.argmax(full[::-1]))
    labels: list[str] = []
    for at in range(full.size):
        leap = energy[at] - energy[at - 1] if at else 0.0
        opens = leap > -_RISE and not (strong[at] and leap >= _RISE)
        if full[at]:
            labels.append("drop" if _has_begun(at, full, energy, wide) else "main")
        elif at > last:
            labels.append("outro")
        elif at < first and opens and labels[-1:] in ([], ["intro"]):
            labels.append("intro")
        else:
            labels.append("main" if strong[at] else "break")
    return labels


def _has_begun(at: int, full: NDArray[np.bool_], energy: Curve, wide: Curve) -> bool:
    """Whether a full section stands out from all since the full one before it."""
    before = np.flatnonzero(full[:at])
    since = slice(int(before[-1]) + 1 if before.size else 0, at)
    if not energy[since].size:
        return False
    rises = energy[at] - energy[since].min() >= _RISE
    return bool(rises or wide[at] - wide[since].min() >= _FILLING)


def _share(curve: Curve) -> Curve:
    most = curve.max()
    return curve / most if most > 0 else np.ones_like(curve)


def set_cues(sections: Sequence[Section], bars: Bars) -> Cues:
    """The cue points, each on a downbeat."""

    def start_of(*labels: str) -> float | None:
        return next((each.start_s for each in sections if each.label in labels), None)

    sounding = np.flatnonzero(bars.sounds[: bars.whole])
    starts_with_intro = sections[0].label == "intro"
    return Cues(
        cue_in=float(bars.starts_s[sounding[0]]) if sounding.size else None,
        intro_end=start_of("main", "drop", "break") if starts_with_intro else None,
        drop=start_of("drop"),
        outro_start=start_of("outro"),
        cue_out=float(bars.starts_s[sounding[-1]]) if sounding.size else None,
    )
