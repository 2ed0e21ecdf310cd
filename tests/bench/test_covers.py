"""Songs played by a band, and drums alone: what is played lies on the beats and chords it says."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from bench.truth.piece import RATE_HZ
from bench.truth.smf import Played, Voice, write
from bench.truth.sources import Order, covers, drums
from bench.truth.styles import KICK, STYLES

BEAT_S, FIRST_S, BARS = 0.5, 0.3, 40
CHORDS = ("C:maj", "A:min7/b3", "F#:dim", "Bb:sus4(b7)")
CLASSES = ({0, 4, 7}, {9, 0, 4}, {6, 9, 0}, {10, 3, 5})


@pytest.fixture
def song(tmp_path: Path) -> Path:
    """Forty bars at 120 BPM after a pickup of one beat; the chords change every bar."""
    folder = tmp_path / "011"
    folder.mkdir()
    times_s = FIRST_S + BEAT_S * np.arange(4 * BARS + 1)
    rows = [f"{at} {int(n % 2 == 1)} {int(n % 4 == 1)}" for n, at in enumerate(times_s)]
    (folder / "beat_midi.txt").write_text("\n".join(rows))
    bars_s = times_s[1::4]
    named = [f"{at} {at + 4 * BEAT_S} {CHORDS[n % 4]}" for n, at in enumerate(bars_s)]
    (folder / "chord_midi.txt").write_text("\n".join([f"0 {bars_s[0]} N", *named]))
    (folder / "key_audio.txt").write_text("0 90 C:maj\n")
    tune = [Played(at, at + 0.4, 72, 90) for at in times_s.tolist()]
    write(folder / "011.mid", [Voice(0, False, tuple(tune))])
    return folder


@pytest.mark.parametrize("seed", range(12))
def test_the_band_plays_the_chord_that_sounds_and_the_drums_keep_its_beats(
    song: Path, seed: int
) -> None:
    cover = covers.arrange(random.Random(seed), song)
    assert cover is not None
    part = cover.part
    assert part.downbeats_s == part.beats_s[part.beats_s.index(part.downbeats_s[0]) :: 4]
    assert cover.bpm == pytest.approx(60 / np.diff(part.beats_s).mean(), rel=1e-3)
    assert all(0 <= hit.beat < len(part.beats_s) for hit in cover.hits)
    allowed = [{(each + part.shift) % 12 for each in chord} for chord in CLASSES]
    heard = [note for voice in part.voices for note in voice.notes]
    bass = [note for note in heard if note.pitch < 46]
    chords = {note.pitch % 12 for note in heard if note.pitch < 70}
    assert chords <= set().union(*allowed)
    assert {note.pitch % 12 for note in bass} <= {
        (each + part.shift) % 12 for each in (0, 9, 6, 10)
    }


def test_every_bar_has_the_notes_of_its_own_chord(song: Path) -> None:
    told = matched = 0
    for seed in range(12):
        cover = covers.arrange(random.Random(seed), song)
        assert cover is not None
        part = cover.part
        roots = {(root + part.shift) % 12: at for at, root in enumerate((0, 9, 6, 10))}
        bass = [note for voice in part.voices for note in voice.notes if note.pitch < 46]
        bar = np.searchsorted(part.downbeats_s, [note.start_s + 0.06 for note in bass]) - 1
        order = [roots[note.pitch % 12] for note in bass]
        steps = np.diff(bar), np.diff(order) % 4
        told += steps[0].size
        matched += int((steps[0] % 4 == steps[1]).sum())
    assert told > 300
    assert matched > 0.97 * told


def test_a_song_whose_bars_are_uneven_is_left_out(song: Path) -> None:
    rows = (song / "beat_midi.txt").read_text().splitlines()
    uneven = [row[:-1] + str(int(n % 5 == 1)) for n, row in enumerate(rows)]
    (song / "beat_midi.txt").write_text("\n".join(uneven))
    assert all(covers.arrange(random.Random(seed), song) is None for seed in range(4))


def test_covers_and_drums_are_in_the_training_alone(song: Path) -> None:
    assert covers.compositions("tuning", song.parent) == ["011"]
    assert covers.compositions("test", song.parent) == []
    assert drums.compositions("test", None) == []
    held_out = {name for name, style in STYLES.items() if style.held_out}
    assert not held_out & {each.split("/")[0] for each in drums.compositions("tuning", None)}


def test_drums_alone_sound_where_their_beats_are() -> None:
    name = next(each for each in drums.compositions("tuning", None) if each.startswith("techno/"))
    made, truth = drums.make(Order(name, "tuning", random.Random(2)))
    assert KICK in STYLES["techno"].rows
    loudness = np.square(made).sum(axis=0).cumsum()
    beats_s = np.asarray(truth.beats_s)[:-1]
    half_s = 30 / truth.bpm if truth.bpm else 0.0
    window = RATE_HZ // 12
    on, off = (
        float((loudness[at + window] - loudness[at]).mean())
        for at in ((beats_s * RATE_HZ).astype(int), ((beats_s + half_s) * RATE_HZ).astype(int))
    )
    assert on > 1.2 * off
    assert len(truth.downbeats_s or ()) == len(truth.beats_s or ()) // 4
