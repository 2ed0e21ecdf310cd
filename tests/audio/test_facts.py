"""Facts survive the trip through JSON, and keys have their names on every wheel."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autodj.audio.facts import Analysis, DecodeLimits, Probe, Tags, Waveform
from autodj.audio.keynames import MODES, PITCHES, camelot, key_name, open_key

texts = st.none() | st.text(max_size=20)
numbers = st.floats(0, 1e4, allow_nan=False)
levels = st.none() | st.floats(-100, 10, allow_nan=False)
outlines = st.lists(st.integers(0, 255), max_size=5).map(tuple)
tags = st.builds(Tags, title=texts, artist=texts, album=texts, bpm=texts, key=texts)
probes = st.builds(
    Probe,
    duration_s=numbers,
    sample_rate_hz=st.integers(8000, 192000),
    channels=st.integers(1, 8),
    codec=st.text(max_size=8),
    bit_rate_bps=st.none() | st.integers(0, 10**7),
    tags=tags,
    has_cover=st.booleans(),
)
analyses = st.builds(
    Analysis,
    version=st.integers(1, 9),
    duration_s=numbers,
    bpm=st.none() | numbers,
    bpm_confidence=numbers,
    bpm_alternative=st.none() | numbers,
    beats_s=st.lists(numbers, max_size=5).map(tuple),
    key=texts,
    camelot=texts,
    key_confidence=numbers,
    integrated_lufs=levels,
    true_peak_dbtp=levels,
    waveform=st.builds(
        Waveform, points_per_s=numbers, peak=outlines, low=outlines, mid=outlines, high=outlines
    ),
)


@given(probe=probes)
def test_a_probe_comes_back_from_json_as_it_went(probe: Probe) -> None:
    assert Probe.from_document(json.loads(json.dumps(probe.to_document()))) == probe


@given(analysis=analyses)
def test_an_analysis_comes_back_from_json_as_it_went(analysis: Analysis) -> None:
    assert Analysis.from_document(json.loads(json.dumps(analysis.to_document()))) == analysis


def test_limits_come_back_from_json_as_they_went() -> None:
    limits = DecodeLimits(max_duration_s=60.0, max_channels=2)
    assert DecodeLimits.from_document(json.loads(json.dumps(limits.to_document()))) == limits


@pytest.mark.parametrize(
    ("key", "wheel", "opened"),
    [
        ("C major", "8B", "1d"),
        ("A minor", "8A", "1m"),
        ("G major", "9B", "2d"),
        ("F major", "7B", "12d"),
        ("B major", "1B", "6d"),
        ("F# major", "2B", "7d"),
        ("Ab minor", "1A", "6m"),
        ("G# minor", "1A", "6m"),
        ("E minor", "9A", "2m"),
        ("D minor", "7A", "12m"),
        ("Db major", "3B", "8d"),
        ("C# minor", "12A", "5m"),
    ],
)
def test_a_key_has_its_hour_on_both_wheels(key: str, wheel: str, opened: str) -> None:
    assert (camelot(key), open_key(key)) == (wheel, opened)


def test_the_24_keys_fill_the_wheel() -> None:
    keys = [key_name(tonic, mode) for tonic in range(12) for mode in MODES]
    assert len({camelot(key) for key in keys}) == 24
    assert {camelot(key)[:-1] for key in keys} == {str(hour) for hour in range(1, 13)}


def test_a_fifth_up_is_one_hour_on() -> None:
    for tonic in range(len(PITCHES)):
        here, above = (int(camelot(key_name((tonic + up) % 12, "minor"))[:-1]) for up in (0, 7))
        assert above == here % 12 + 1


@pytest.mark.parametrize("name", ["H major", "A", "A dorian", "", "major A"])
def test_no_other_word_is_a_key(name: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        camelot(name)


def test_the_light_modules_bring_no_audio_library() -> None:
    heavy = {"numpy", "scipy", "av", "PIL", "librosa", "soundfile", "numba"}
    program = (
        "import sys; import autodj.audio.identify, autodj.audio.facts, autodj.audio.sandbox, "
        "autodj.audio.keynames; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "autodj" in loaded
    assert heavy & set(loaded) == set()
