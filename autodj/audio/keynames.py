"""Names of the 24 keys: musical, Camelot and Open Key."""

from __future__ import annotations

PITCHES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
MODES = ("major", "minor")
_ENHARMONIC = {"C#": "Db", "D#": "Eb", "Gb": "F#", "G#": "Ab", "A#": "Bb"}


def key_name(tonic: int, mode: str) -> str:
    """``(9, "minor")`` is "A minor"; ``tonic`` counts semitones from C."""
    return f"{PITCHES[tonic]} {mode}"


def camelot(key: str) -> str:
    """The wheel hour used by DJs: "C major" is "8B", "A minor" is "8A"."""
    hour, mode = _hour(key)
    return f"{(hour + 7) % 12 + 1}{'B' if mode == 'major' else 'A'}"


def open_key(key: str) -> str:
    """The same wheel turned to C: "C major" is "1d", "A minor" is "1m"."""
    hour, mode = _hour(key)
    return f"{hour + 1}{'d' if mode == 'major' else 'm'}"


def _hour(key: str) -> tuple[int, str]:
    """Fifths above C major or A minor, 0 to 11; ValueError for a name that is no key."""
    pitch, _, mode = key.partition(" ")
    if mode not in MODES:
        raise ValueError(key)
    tonic = PITCHES.index(_ENHARMONIC.get(pitch, pitch))
    return (tonic + (0 if mode == "major" else 3)) * 7 % 12, mode
