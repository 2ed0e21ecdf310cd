"""Whether what a file says of itself is what was measured: as on the page, in a word."""

from __future__ import annotations

import re
from typing import Final

from autodj.audio.keynames import PITCHES, camelot, key_name

_SAME_BPM: Final = 0.5
_SAME_GAIN_DB: Final = 1.0
_OPEN_KEY_OFFSET: Final = 7
_WHEEL: Final = re.compile(r"0?(\d{1,2})([abdm])", re.IGNORECASE)
_NAMED: Final = re.compile(r"([A-Ga-g])([b#♭♯]?)\s*(m|M|[Mm]in|[Mm]inor|[Mm]aj|[Mm]ajor|)")
_NUMBER: Final = re.compile(r"\s*([+-]?\d{1,9}(?:\.\d+)?)")


def of_tempo(bpm: float, said: str) -> str:
    """``agrees``, ``half``, ``double`` or ``differs``; empty for what is no tempo."""
    theirs = _number(said)
    if theirs is None or theirs <= 0:
        return ""
    for factor, word in ((1.0, "agrees"), (2.0, "half"), (0.5, "double")):
        if abs(theirs * factor - bpm) < _SAME_BPM:
            return word
    return "differs"


def of_key(key: str, said: str) -> str:
    """``agrees`` or ``differs``; empty for what is no key."""
    theirs = camelot_of(said)
    return "" if theirs is None else _word(same=theirs == camelot(key))


def of_gain(gain_db: float, said: str) -> str:
    """``agrees`` within a decibel, or ``differs``; empty for what is no gain."""
    theirs = _number(said)
    return "" if theirs is None else _word(same=abs(theirs - gain_db) <= _SAME_GAIN_DB)


def camelot_of(said: str) -> str | None:
    """The Camelot hour of a key as taggers write it: ``8A``, ``1m``, ``Am``, ``A minor``,
    ``F#maj``; None for what is none.
    """
    word = said.strip()
    if wheel := _WHEEL.fullmatch(word):
        hour, letter = int(wheel[1]), wheel[2].lower()
        if not 1 <= hour <= 12:
            return None
        at = (hour + _OPEN_KEY_OFFSET - 1) % 12 + 1 if letter in "dm" else hour
        return f"{at}{'A' if letter in 'am' else 'B'}"
    if named := _NAMED.fullmatch(word):
        return camelot(_spelt(named[1].upper(), named[2], named[3]))
    return None


def _spelt(letter: str, sign: str, mode: str) -> str:
    """As keys are called here; a small m is minor, a large one major."""
    is_minor = mode == "m" or mode.lower().startswith("min")
    raised = {"#": 1, "♯": 1, "b": -1, "♭": -1}.get(sign, 0)
    tonic = (PITCHES.index(letter) + raised) % len(PITCHES)
    return key_name(tonic, "minor" if is_minor else "major")


def _word(*, same: bool) -> str:
    return "agrees" if same else "differs"


def _number(said: str) -> float | None:
    found = _NUMBER.match(said)
    return None if found is None else float(found[1])
