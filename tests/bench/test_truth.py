"""The truth set: its tables are sound, its parts apart, and what it says of a piece is so."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from autodj.audio.keynames import key_name
from bench.truth import smf
from bench.truth.__main__ import main
from bench.truth.arrangement import arrange
from bench.truth.drumming import Hit, drum_part
from bench.truth.harmony import make_harmony, near
from bench.truth.performance import perform
from bench.truth.piece import PARTS, RATE_HZ, Truth, save, stored, tempo_of
from bench.truth.plan import SOURCES, plan
from bench.truth.sound_files import read_sound
from bench.truth.sources import grooves, scores
from bench.truth.sources.midi_files import keeps_time
from bench.truth.spoilt import SPOILT
from bench.truth.styles import KICK, SNARE, STYLES, VELOCITIES, Style
from bench.truth.tempo import Pace, make_clock, swung


@pytest.mark.parametrize("style", STYLES.values(), ids=lambda style: style.name)
def test_every_row_of_a_style_fills_a_bar_and_hits_something(style: Style) -> None:
    for drum, rows in style.rows.items():
        assert drum in VELOCITIES
        for row in rows:
            assert len(row) == style.beats * style.steps, row
            assert set(row) <= {"x", "."}
        assert any("x" in row for row in rows)
    assert style.slowest_bpm < style.fastest_bpm


def test_styles_keep_threes_compound_metres_and_half_time() -> None:
    kinds = {(style.beats, style.steps) for style in STYLES.values()}
    assert kinds == {(4, 4), (4, 3), (3, 4), (2, 3)}
    assert STYLES["half-time"].rows[SNARE] == ("........x.......",)
    assert sum(style.held_out for style in STYLES.values()) >= 5


@pytest.mark.parametrize("style", STYLES.values(), ids=lambda style: style.name)
def test_a_groove_stays_inside_its_bars_and_its_key(style: Style) -> None:
    dice = random.Random(style.name)
    bars = 16
    harmony = make_harmony(dice, bars, style.beats)
    notes = arrange(dice, harmony, style, bars, electronic=False)
    hits = drum_part(dice, style, bars)
    assert all(0 <= hit.beat < bars * style.beats and 1 <= hit.velocity <= 127 for hit in hits)
    assert all(note.start < note.end and 0 < note.pitch < 128 for note in notes)
    assert {chord.start for chord in harmony.chords} >= {0}
    scale = {(harmony.tonic + step) % 12 for step in harmony.scale}
    tune = [note.pitch % 12 for note in notes if note.part == "tune"]
    assert set(tune) <= scale


@given(st.integers(0, 11), st.integers(20, 100))
def test_the_nearest_pitch_of_a_class_is_half_an_octave_away_at_most(
    which: int, pitch: int
) -> None:
    found = near(which, pitch)
    assert found % 12 == which
    assert abs(found - pitch) <= 6


@given(st.floats(0, 100), st.floats(0, 1))
def test_swing_delays_but_keeps_the_eighths(beat: float, swing: float) -> None:
    assert swung(beat, swing) >= beat - 1e-6
    assert swung(round(2 * beat) / 2, swing) == pytest.approx(round(2 * beat) / 2)
    assert swung(0.25, 1.0) == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("pace", "steady"), [("steady", True), ("wandering", False), ("jump", False), ("rubato", False)]
)
def test_only_a_steady_clock_counts_as_steady(pace: Pace, steady: bool) -> None:
    clock = make_clock(random.Random(3), 123.456, 200, pace, 0.25, 0.0)
    bpm, found = tempo_of(clock.beats_s)
    assert found is steady
    assert clock.beats_s[0] == 0.25
    assert np.all(np.diff(clock.beats_s) > 0.2)
    if steady:
        assert bpm == pytest.approx(123.456, abs=1e-3)


@pytest.mark.parametrize(("pace", "tempi"), [("climb", 200), ("passage", 2), ("set", 4)])
def test_a_clock_of_changing_tempo_stays_within_what_music_has(pace: Pace, tempi: int) -> None:
    for seed in range(20):
        clock = make_clock(random.Random(seed), 120, 200, pace, 0.25, 0.0)
        bpm = 60 / np.diff(clock.beats_s)
        assert bpm[0] == pytest.approx(120)
        assert 1 < np.unique(bpm.round(6)).size <= tempi
        assert 60 < bpm.min() <= bpm.max() < 190
        assert not tempo_of(clock.beats_s)[1]
        assert bool(abs(bpm[-1] - 120) < 0.1) is (pace == "passage")


def test_what_is_written_as_midi_reads_back(tmp_path: Path) -> None:
    tune = smf.Voice(12, False, (smf.Played(0.5, 1.0, 60, 90), smf.Played(1.0, 1.75, 64, 80)))
    drums = smf.Voice(0, True, (smf.Played(0.25, 0.3, KICK, 112),))
    smf.write(tmp_path / "song.mid", [tune, drums])
    song = smf.read((tmp_path / "song.mid").read_bytes())
    assert song.voices == (tune, drums)
    assert song.beats_s.tolist() == [0.0, 1.0]
    assert song.steady


def test_tempo_and_metre_of_a_midi_file_place_its_beats() -> None:
    meta = (
        b"\x00\xff\x58\x04\x06\x03\x18\x08"  # 6/8
        b"\x00\xff\x51\x03\x07\xa1\x20"  # 120 quarters a minute
        b"\x00\x90\x3c\x40\x83\x60\x3c\x00"  # a note of 480 ticks, in running status
        b"\x00\xff\x51\x03\x0f\x42\x40"  # 60 from there on
        b"\x87\x40\x90\x3c\x40\x01\x3c\x00"  # and one 960 ticks later
        b"\x00\xff\x2f\x00"
    )
    raw = b"MThd\x00\x00\x00\x06\x00\x00\x00\x01\x01\xe0" + b"MTrk" + len(meta).to_bytes(4, "big")
    song = smf.read(raw + meta)
    assert song.metre == 2
    assert not song.steady
    assert song.beats_s.tolist() == pytest.approx([0.0, 1.0, 2.5])
    assert song.downbeats_s.tolist() == pytest.approx([0.0, 2.5])


@pytest.mark.parametrize(
    ("parts_of_a_beat", "expected"),
    [((0, 0.5), True), ((0, 0.25, 0.75), True), ((0, 2 / 3), True), ((0, 0.58), True), ((), False)],
    ids=["eighths", "sixteenths", "triplets", "swing", "free"],
)
def test_beats_that_the_notes_know_nothing_of_are_no_truth(
    parts_of_a_beat: tuple[float, ...], *, expected: bool
) -> None:
    """People are early and late by 20 ms; a file that ran by itself is a tenth off the tempo."""
    noise = np.random.default_rng(3)
    beats_s: NDArray[np.float64] = np.arange(200.0) * 0.5
    played_s = beats_s * 1.063 if not parts_of_a_beat else beats_s
    notes = [
        smf.Played(at, at + 0.2, 60, 90)
        for beat_s in played_s.tolist()
        for at in beat_s + 0.5 * np.array(parts_of_a_beat or (0, 0.5)) + noise.normal(0, 0.02)
    ]
    song = smf.Song((smf.Voice(0, False, tuple(notes)),), beats_s, beats_s[::4], 4, steady=True)
    assert keeps_time(song) is expected


def test_bytes_that_are_no_midi_are_refused() -> None:
    with pytest.raises(smf.NotMidi):
        smf.read(b"RIFF" + bytes(40))


@pytest.mark.parametrize(
    ("sharps", "bass", "classes", "key"),
    [
        (0, 0, {0, 4, 7}, (0, "major")),
        (0, 9, {9, 0, 4}, (9, "minor")),
        (-3, 0, {0, 4, 7}, (0, "minor")),  # a Picardy third
        (2, 2, {2}, (2, "major")),
        (0, 7, {7, 11, 2}, None),
        (1, 7, {7, 10, 2}, None),
    ],
)
def test_a_key_counts_where_signature_and_last_chord_agree(
    sharps: int, bass: int, classes: set[int], key: tuple[int, str] | None
) -> None:
    assert scores.agreed_key(sharps, bass, classes) == key


def test_no_composition_or_held_out_style_is_in_both_parts(tmp_path: Path) -> None:
    for number in range(1, 40):
        (tmp_path / f"{number:03d}").mkdir()
    # Scores are kept apart by composer, which needs no corpus to be read.
    composers = scores.COMPOSERS
    assert not set(composers["tuning"]) & set(composers["test"])
    for source in set(SOURCES) - {scores.SOURCE}:
        parts = [
            set(source.compositions(part, tmp_path)) if source.weights.get(part) else set()
            for part in PARTS
        ]
        assert not parts[0] & parts[1], source.name
    tuning = {name.partition("/")[0] for name in grooves.compositions("tuning", None)}
    assert tuning == {name for name, style in STYLES.items() if not style.held_out}


def test_a_smaller_set_is_the_beginning_of_a_larger_one() -> None:
    invented = [source for source in SOURCES if source.name in {"grooves", "plain"}]
    large, small = (plan("test", count, None, invented) for count in (80, 30))
    assert large[:30] == small
    assert len({each.name for each in large}) == 80
    assert sum(each.source.name == "plain" for each in small) == 5


def test_the_same_order_gives_the_same_dice_whatever_else_is_built() -> None:
    first, again = (plan("test", count, None, [grooves.SOURCE])[2].order(None) for count in (3, 50))
    assert first.dice.random() == again.dice.random()


def test_drums_sound_when_the_truth_says_so() -> None:
    hits = [Hit(beat, KICK, 110) for beat in range(8)]
    samples = perform(
        random.Random(5), (), hits, lambda beat: 0.5 + beat * 0.5, 4.5, "test",
        electronic=True, beat_s=0.5,
    )  # fmt: skip
    assert samples.shape == (2, 5 * RATE_HZ)
    size = RATE_HZ // 20
    energy = np.square(samples[0][: samples.shape[1] // size * size]).reshape(-1, size).sum(axis=1)
    risen = energy[10:90:10] > 3 * energy[9:89:10]
    assert risen.all()


def test_a_tiny_build_is_kept_and_not_made_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["build", "--folder", str(tmp_path), "--part", "test", "--sources", "plain"]
    main([*arguments, "--count", "1"])
    (piece,) = stored(tmp_path)
    before = piece.path.read_bytes()
    assert piece.truth.composition == "silence/test-0"
    assert piece.truth.beats_s == ()
    capsys.readouterr()
    main([*arguments, "--count", "1"])
    assert "1 pieces planned, 0 to make" in capsys.readouterr().out
    assert piece.path.read_bytes() == before


def test_a_truth_reads_back_as_it_was_kept(tmp_path: Path) -> None:
    truth = Truth(
        "grooves", "public domain", "waltz/test-1", bpm=90.5, steady=True, metre=3,
        beats_s=(0.1, 0.7), downbeats_s=(0.1,), key=key_name(9, "minor"),
    )  # fmt: skip
    loud = np.full((2, 1000), 1.7, np.float32)
    piece = save(tmp_path, "one", loud, truth)
    assert next(stored(tmp_path)) == piece
    assert json.loads((tmp_path / "one.json").read_text())["key"] == "A minor"


@pytest.mark.parametrize("how", SPOILT)
def test_a_spoilt_piece_is_another_sound_with_the_same_truth(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], how: str
) -> None:
    times_s = np.arange(RATE_HZ) / RATE_HZ
    sweep = np.sin(2 * np.pi * 8000 * times_s**2).astype(np.float32) * times_s
    truth = Truth(source="one", licence="none", composition="a", bpm=120.0, beats_s=(0.0, 0.5))
    (tmp_path / "test").mkdir()
    piece = save(tmp_path / "test", "one", np.stack([sweep, sweep]), truth)
    save(tmp_path / "test", "two", np.stack([sweep, sweep]), truth)
    there = tmp_path / "there"
    main(["spoil", "--folder", str(tmp_path), "--to", str(there), "--how", how, "--every", "2"])
    assert capsys.readouterr().out == f"1 pieces, {how}\n"
    [spoilt] = stored(there / "test")
    assert (spoilt.name, spoilt.truth) == (piece.name, truth)
    before, after = read_sound(piece.path), read_sound(spoilt.path)
    assert after.shape == before.shape
    assert np.abs(before - after).mean() > 0.01 * np.abs(before).mean()
