from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autodj.audio.keynames import MODES, PITCHES, camelot, key_name, open_key
from autodj.cli.agreement import camelot_of, of_gain, of_key, of_tempo

KEYS = st.builds(key_name, st.integers(0, len(PITCHES) - 1), st.sampled_from(MODES))


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ("128", "agrees"),
        ("127.6 bpm", "agrees"),
        ("64", "half"),
        ("256", "double"),
        ("100", "differs"),
        ("127.4", "differs"),
        ("0", ""),
        ("-128", ""),
        ("fast", ""),
        ("9" * 600, "differs"),
    ],
)
def test_a_tempo_agrees_or_is_half_or_double(said: str, word: str) -> None:
    assert of_tempo(128.0, said) == word


@given(KEYS)
def test_a_key_agrees_in_every_spelling(key: str) -> None:
    pitch, _, mode = key.partition(" ")
    short = {"major": ("", "M", "maj"), "minor": ("m", "min")}[mode]
    for said in (key, camelot(key), open_key(key), f" 0{camelot(key)}"[-3:]):
        assert of_key(key, said) == "agrees"
    assert [of_key(key, pitch + each) for each in short] == ["agrees"] * len(short)


@pytest.mark.parametrize(
    ("said", "hour"),
    [
        ("C#m", "12A"),
        ("D♭ minor", "12A"),
        ("Cb", "1B"),
        ("b", "1B"),
        ("08a", "8A"),
        ("6m", "1A"),
        ("12d", "7B"),
        ("13A", None),
        ("0B", None),
        ("H minor", None),
        ("Zm", None),
        ("", None),
    ],
)
def test_keys_are_read_as_taggers_write_them(said: str, hour: str | None) -> None:
    assert camelot_of(said) == hour


def test_another_key_and_another_gain_differ() -> None:
    assert (of_key("A minor", "C"), of_key("A minor", "o")) == ("differs", "")
    gains = ["-9.4 dB", "+9 dB", "-7.9", "loud"]
    assert [of_gain(-9.0, said) for said in gains] == ["agrees", "differs", "differs", ""]
