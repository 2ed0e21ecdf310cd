"""Tracks that loop: their length tells the beats, the sound decides, or nothing is said."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autodj.audio.frames import Floats
from bench.truth.loops import TEMPI_BPM, lengths, looped
from bench.truth.piece import RATE_HZ, tempo_of
from bench.truth.rows import InDoubt
from bench.truth.sources import Order, arcade

HALVES: Final = {0.0: 1.0, 0.5: 1.0}
STROKE: Final = 2000


def frames_of(bpm: float, beats: int) -> int:
    return round(beats * round(60e6 / bpm) * RATE_HZ / 1e6)


def played(
    bpm: float,
    beats: int,
    places: Mapping[float, float] = HALVES,
    *,
    phrase: int = 16,
    drum: float = 0.0,
    late_s: float = 0.0,
) -> Floats:
    """Strokes at ``places`` of every beat, so loud; each phrase has the same notes and a drum."""
    noise = np.random.default_rng(7)
    fade = 0.1 * np.exp(-np.arange(STROKE) / 400)
    common = drum * noise.normal(0, 1, STROKE)
    notes = {
        (beat, place): fade * loudness * (common + noise.normal(0, 1, STROKE))
        for beat in range(phrase)
        for place, loudness in places.items()
    }
    sound = np.zeros(frames_of(bpm, beats), np.float64)
    for beat in range(beats):
        for place in places:
            start = round((beat + place) * sound.size / beats + late_s * RATE_HZ)
            sound[np.arange(start, start + STROKE) % sound.size] += notes[beat % phrase, place]
    return np.stack([sound, sound]).astype(np.float32)


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        (2419198, [(140, 128)]),
        (2731355, [(124, 128)]),
        (2749088, [(154, 160)]),
        (2646000, [(128, 128), (160, 160)]),
        (3386880, [(100, 128), (125, 160), (150, 192)]),
        (2419199, [(175, 160)]),
        (2419197, []),
        (4233600 // 16, []),
        (0, []),
    ],
)
def test_a_length_tells_which_tempi_can_be(frames: int, expected: list[tuple[int, int]]) -> None:
    assert [(each.bpm, each.beats) for each in lengths(frames)] == expected


@given(st.sampled_from(TEMPI_BPM), st.integers(3, 20), st.sampled_from([-1, 1]))
def test_every_loop_of_whole_phrases_is_known_by_its_length_to_the_sample(
    bpm: int, phrases: int, more: int
) -> None:
    frames = frames_of(bpm, 16 * phrases)
    assert (bpm, 16 * phrases) in [(each.bpm, each.beats) for each in lengths(frames)]
    assert bpm not in [each.bpm for each in lengths(frames + more)]


@pytest.mark.parametrize(
    ("bpm", "beats"), [(100, 64), (125, 80), (150, 96), (120, 64), (128, 64), (160, 80), (140, 48)]
)
def test_the_sound_decides_among_tempi_of_one_length(bpm: int, beats: int) -> None:
    loop = looped(played(bpm, beats))
    assert (loop.bpm, loop.beats) == (bpm, beats)
    told_bpm, steady = tempo_of(loop.beats_s)
    assert steady
    assert told_bpm == pytest.approx(bpm, abs=0.001)
    assert loop.beats_s[0] == 0
    assert len(loop.beats_s) == beats


def test_swung_sixteenths_leave_the_beat_as_it_is() -> None:
    assert looped(played(150, 48, HALVES | {1 / 3: 1.0, 5 / 6: 1.0})).bpm == 150


# Played by the test that hears them: every process of the tests reads this.
DOUBTFUL: Final[Mapping[str, tuple[Callable[[], Floats], str]]] = {
    "waltz": (lambda: played(150, 96, {0.0: 1.0, 1 / 3: 1.0, 2 / 3: 1.0}), "0 of 3 tempi"),
    "more thirds": (lambda: played(150, 48, {0.0: 1, 1 / 3: 1, 0.5: 0.6, 2 / 3: 1}), "0 of"),
    "beats alone": (lambda: played(150, 48, {0.0: 1}), "0 of"),
    "weak middle": (lambda: played(150, 48, {0.0: 1, 0.25: 1, 0.5: 0.05, 0.75: 1}), "0 of"),
    "weak beat": (lambda: played(150, 48, {0.0: 0.05, 0.25: 1, 0.5: 1, 0.75: 1}), "0 of"),
    "never again": (lambda: played(150, 96, phrase=96), "0 of"),
    "bars of three": (lambda: played(150, 96, phrase=12, drum=1.0), "0 of"),
    "two at once": (lambda: played(128, 64) + played(160, 80), "2 of 2"),
    "a sample short": (lambda: played(150, 48)[:, 1:], "no phrases"),
    "half a phrase": (lambda: played(150, 40), "no phrases"),
    "late": (lambda: played(150, 48, late_s=0.01), "at once"),
    "silence": (lambda: np.zeros((2, frames_of(150, 48)), np.float32), "at once"),
    "nothing": (lambda: np.zeros((2, 0), np.float32), "at once"),
}


@pytest.mark.parametrize(("make", "reason"), DOUBTFUL.values(), ids=DOUBTFUL)
def test_what_a_file_leaves_open_is_in_doubt(make: Callable[[], Floats], reason: str) -> None:
    samples = make()
    with pytest.raises(InDoubt, match=reason):
        looped(samples)


def test_only_music_of_the_test_part_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["gunroar/sounds/musics/gr0.ogg", "noiz2sa/sounds/stg1.ogg"]
    for name in [*names, "gunroar/sounds/chunks/shot.wav", "noiz2sa/sounds/hit.wav", "x/stg1.ogg"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.setattr(arcade, "GAMES", tmp_path)
    assert arcade.compositions("test", None) == names
    assert arcade.compositions("tuning", None) == []


def wave(samples: Floats, comment: bytes) -> bytes:
    """A RIFF file, which may hold a comment of any bytes, an even number of them."""
    pcm = (samples.T * 32000).astype("<i2").tobytes()
    said = b"INFOICMT" + struct.pack("<I", len(comment)) + comment
    form = struct.pack("<HHIIHH", 1, 2, RATE_HZ, 4 * RATE_HZ, 4, 16)
    chunks = b"".join(
        name + struct.pack("<I", len(body)) + body
        for name, body in ((b"fmt ", form), (b"LIST", said), (b"data", pcm))
    )
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def test_a_piece_is_the_track_once_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "tumiki-fighters/sounds/made.ogg"
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    monkeypatch.setattr(arcade, "GAMES", tmp_path)
    # The comments of these files are Japanese, and no UTF-8.
    path.write_bytes(wave(played(130, 48), b"Sonic Foundry ACID 3 \x82\xc5\x8d"))
    samples, truth = arcade.make(Order(name, "test", random.Random(1)))
    assert samples.shape == (2, frames_of(130, 48))
    assert (truth.source, truth.licence, truth.composition) == ("arcade", "BSD-2-Clause", name)
    assert (truth.bpm, truth.steady, truth.metre) == (130.0, True, 4)
    assert truth.beats_s is not None
    assert truth.beats_s[-1] == pytest.approx(47 * 0.461538, abs=1e-5)
    assert truth.downbeats_s == truth.beats_s[::4]
    path.write_bytes(wave(played(130, 48), b"somebody else "))
    with pytest.raises(InDoubt, match="signed"):
        arcade.make(Order(name, "test", random.Random(1)))
