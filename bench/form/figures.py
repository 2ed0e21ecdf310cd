"""How near what was found lies to the form that a piece has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from autodj.audio.facts import Analysis
from bench.form.shapes import Formed

PLACES = ("on the bar", "a bar off", "elsewhere", "missing", "invented")
"""Within half a beat of the true place; within a bar of it; further away; not found though it is
there; found though it is not there.
"""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many bounds of sections a piece has, how many were found, and how many of those agree
    within half a beat and within a bar.
    """

    true: int
    found: int
    on_the_bar: int
    near: int

    @property
    def f_measure(self) -> float:
        """Of those on the bar."""
        return 2 * self.on_the_bar / max(1, self.true + self.found)


def judge_bounds(piece: Formed, analysis: Analysis) -> Bounds:
    found = [section.start_s for section in analysis.sections[1:]]
    bar_s = _bar_s(piece)
    return Bounds(
        true=len(piece.bounds_s),
        found=len(found),
        on_the_bar=_matches(piece.bounds_s, found, bar_s / 8),
        near=_matches(piece.bounds_s, found, bar_s),
    )


def judge_cues(piece: Formed, analysis: Analysis) -> dict[str, str]:
    """One of ``PLACES`` for each cue point, or none where there is none and none was found.

    A drop is one of dance music: any place where one begins after something else will do. What
    builds up after the intro may count to it or not.
    """
    cues, bar_s = analysis.cues, _bar_s(piece)
    names = [part.name for part in piece.parts]
    after_intro = piece.bounds_s[: 1 + (names[1] == "build")] if names[0] == "intro" else ()
    drops = piece.starts_s("drop")[names[0] == "drop" :]
    judged = {
        "cue in": place(cues.cue_in, piece.downbeats_s[:1], bar_s),
        "intro end": place(cues.intro_end, after_intro, bar_s),
        "outro start": place(cues.outro_start, piece.starts_s("outro"), bar_s),
        "cue out": place(cues.cue_out, piece.downbeats_s[-1:], bar_s),
    }
    if piece.kind == "dance":
        judged["drop"] = place(cues.drop, drops, bar_s)
    return {name: found for name, found in judged.items() if found}


def place(found_s: float | None, true_s: Sequence[float], bar_s: float) -> str:
    """Which of ``PLACES``; empty where there is rightly none. An eighth of a bar is half a beat."""
    if found_s is None:
        return "missing" if true_s else ""
    if not true_s:
        return "invented"
    apart_s = min(abs(found_s - each) for each in true_s)
    return PLACES[0] if apart_s <= bar_s / 8 else PLACES[1] if apart_s <= 1.1 * bar_s else PLACES[2]


def counted(judged: Iterable[dict[str, str]]) -> dict[str, Counter[str]]:
    """How often each cue point lies where."""
    counts: dict[str, Counter[str]] = {}
    for each in judged:
        for name, found in each.items():
            counts.setdefault(name, Counter())[found] += 1
    return counts


def _bar_s(piece: Formed) -> float:
    return (piece.downbeats_s[-1] - piece.downbeats_s[0]) / (len(piece.downbeats_s) - 1)


def _matches(true_s: Sequence[float], found_s: Sequence[float], within_s: float) -> int:
    """How many of each can be paired, every one once; both rise."""
    pairs, at = 0, 0
    for each in true_s:
        while at < len(found_s) and found_s[at] < each - within_s:
            at += 1
        if at < len(found_s) and found_s[at] <= each + within_s:
            pairs += 1
            at += 1
    return pairs
