"""How a track is built: its energy bar by bar, its sections, and where a DJ would set cues."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autodj.audio.form import NO_CUES, Cues, Section
from autodj.audio.frames import Floats
from autodj.audio.rhythm.activation import FRAMES_PER_S
from autodj.audio.rhythm.bands import BANDS, Levels
from autodj.audio.sections import Bars, find_bounds, name_sections, set_cues
from autodj.audio.silence import find_silences

_FEWEST_BARS = 8
_BARS_AT_ONCE = 64
_GROUPS = 12
_LOUD_SHARE_LU = 20.0
_ENERGY_OF_LOUDNESS = 0.6
_LOWEST_LUFS = -70.0
_FADED_LU = 30.0
_STRONG_ATTACKS = 0.15
_FULL_PERCENTILE, _FAINT_LEVEL = 90, 0.3

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

    A hidden track belongs to the energy, but not to what tells sections and cues.
    """
    whole = int(np.searchsorted(downbeats_s, _end_s(loudness)))
    if whole < _FEWEST_BARS or loudness.size == 0:
        return NOTHING
    features = _by_bar(levels, downbeats_s)
    loud = _loudness_by_bar(loudness, downbeats_s)
    bars = Bars(
        starts_s=downbeats_s,
        energy=_energy(features[:, _GROUPS:], loud, whole),
        fullness=_fullness(features[:, :_GROUPS], whole),
        sounds=_sounding(loudness, loud[:whole], downbeats_s),
        whole=whole,
    )
    sounding = np.flatnonzero(bars.sounds[:whole])
    until = int(sounding[-1]) + 1 if sounding.size else whole
    sections = name_sections(bars, find_bounds(_standard(features[:until])))
    return Structure(
        energy=tuple(np.round(bars.energy, 3).tolist()),
        sections=sections,
        cues=set_cues(sections, bars),
    )


def _end_s(loudness: _Doubles) -> float:
    """Where the silence before a hidden track begins; infinity where there is none."""
    silences = find_silences(loudness)
    hidden_s = silences.hidden_track_s
    return next((start for start, stop in silences.pauses_s if stop == hidden_s), np.inf)


def _by_bar(levels: Levels, downbeats_s: _Doubles) -> _Doubles:
    """``[bars, 2 * 12]``: the mean level of each group of bands, and how much it rises."""
    frames = np.rint(downbeats_s * FRAMES_PER_S).astype(int).clip(0, len(levels) - 1)
    starts = np.maximum.accumulate(frames)
    stops = np.maximum(np.append(starts[1:], len(levels)), starts + 1)
    some = [slice(bar, bar + _BARS_AT_ONCE) for bar in range(0, starts.size, _BARS_AT_ONCE)]
    sums = [_level_sums(levels, starts[bars], stops[bars][-1]) for bars in some]
    return np.asarray(np.concatenate(sums) / (stops - starts)[:, None])


def _level_sums(levels: Levels, starts: NDArray[np.int_], stop: int) -> Floats:
    """``_by_bar`` as sums, of consecutive bars."""
    first = max(0, starts[0] - 1)
    near = levels[first:stop].astype(np.float32)
    size = BANDS // _GROUPS
    # The first bands of all groups, the second ones and so on: to sum four at a time is slow.
    grouped = np.mean([near[:, band::size] for band in range(size)], axis=0)
    rises = np.maximum(np.diff(grouped, axis=0, prepend=grouped[:1]), 0.0)
    parts = (np.add.reduceat(each, starts - first, axis=0) for each in (grouped, rises))
    return np.concatenate(list(parts), axis=1)


def _loudness_by_bar(loudness: _Doubles, downbeats_s: _Doubles) -> _Doubles:
    power = 10 ** (np.maximum(loudness, _LOWEST_LUFS) / 10)
    sums, lengths = _bar_sums(power, downbeats_s)
    return np.asarray(10 * np.log10(sums / lengths))


def _sounding(loudness: _Doubles, loud: _Doubles, downbeats_s: _Doubles) -> NDArray[np.bool_]:
    """Of which bars at least half lies within 30 LU of the loud ones: a fading tail does not, and
    neither does a moment after the last whole bar.
    """
    least = max(_LOWEST_LUFS, float(np.percentile(loud, 95)) - _FADED_LU)
    sums, lengths = _bar_sums((loudness > least).astype(np.float64), downbeats_s)
    return np.asarray(sums >= 0.5 * np.maximum(lengths, np.median(lengths)))


def _bar_sums(steps: _Doubles, downbeats_s: _Doubles) -> tuple[_Doubles, _Doubles]:
    """For each bar the sum of values ten times a second, and how many there are."""
    starts = (downbeats_s * 10).astype(int).clip(0, steps.size - 1)
    lengths = np.maximum(np.diff(starts, append=steps.size), 1)
    return np.add.reduceat(steps, starts), lengths.astype(np.float64)


def _energy(rises: _Doubles, loudness: _Doubles, whole: int) -> _Doubles:
    """Loudness down to 20 LU below the loud bars, and how busy the attacks are."""
    loudest = np.percentile(loudness[:whole], 95)
    loud = np.clip(1 + (loudness - loudest) / _LOUD_SHARE_LU, 0.0, 1.0)
    busy = rises.sum(axis=1)
    busiest = np.percentile(busy[:whole], 95)
    share = np.clip(busy / busiest, 0.0, 1.0) if busiest > 0 else np.zeros_like(busy)
    return np.asarray(_ENERGY_OF_LOUDNESS * loud + (1 - _ENERGY_OF_LOUDNESS) * share)


def _fullness(groups: _Doubles, whole: int) -> _Doubles:
    """How much of the spectrum that the track ever fills each bar fills: drums alone are loud and
    busy and yet not full.
    """
    usual = np.maximum(np.percentile(groups[:whole], _FULL_PERCENTILE, axis=0), _FAINT_LEVEL)
    return np.asarray(np.clip(groups / usual, 0.0, 1.0).mean(axis=1))


def _standard(features: _Doubles) -> _Doubles:
    spread = features.std(axis=0)
    return np.asarray((features - features.mean(axis=0)) / np.where(spread > 0, spread, 1.0))


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
