"""Tracker modules: the drums tell the beats, or nothing is said of them."""

from __future__ import annotations

import ctypes
import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.truth import tracker
from bench.truth.piece import RATE_HZ, tempo_of
from bench.truth.rows import Course, Hit, InDoubt, Row, grid, rows_a_beat
from bench.truth.sources import Order, modules
from bench.truth.tracker import NotModule, Rendering, render

KICK, SNARE, HAT, TOM = 1, 2, 3, 4
BACKBEAT: Final = {KICK: "x.......x.......", SNARE: "....x.......x..."}
FLOOR: Final = {KICK: "x...", HAT: "..x."}
ROW_S: Final = 0.12  # four of them are a beat at 125 BPM
LENGTHS: Final = (64,) * 8
ROW_FRAMES: Final = 330


def course(
    drums: Mapping[int, str],
    row_s: float = ROW_S,
    lengths: Sequence[int] = LENGTHS,
    *,
    tuned: bool = False,
) -> Course:
    """Patterns of ``lengths`` rows, which begin every line anew; ``tuned`` changes its pitch."""
    places = [place for length in lengths for place in range(length)]
    hits = tuple(
        Hit(at, number, 60 + tuned * (at % 7), 1.0)
        for at, place in enumerate(places)
        for number, line in drums.items()
        if line[place % len(line)] == "x"
    )
    return timed(places, hits, [row_s] * len(places))


def timed(places: Sequence[int], hits: tuple[Hit, ...], lengths_s: Sequence[float]) -> Course:
    edges_s = np.concatenate([[0.0], np.cumsum(lengths_s)]).tolist()
    rows = tuple(Row(start_s, place) for start_s, place in zip(edges_s, places, strict=False))
    return Course(rows, hits, edges_s[-1])


TOLD: Final = {
    "backbeat": (BACKBEAT, 0.12, 4),
    "breakbeat": ({KICK: "x.x...x.x.......", SNARE: "....x..x....x.x."}, 0.12, 4),
    "house": ({**FLOOR, SNARE: "....x.......x..."}, 0.15, 4),
    "floor": (FLOOR, 0.12, 4),
    "floor in fine rows": ({KICK: "x.......x.......", HAT: "....x.......x..."}, 0.06, 8),
    "backbeat in fine rows": ({KICK: "x...............", SNARE: "........x......."}, 0.06, 8),
    "triplets": ({KICK: "x...........", SNARE: "......x....."}, 0.08, 6),
    "shuffle": ({KICK: "x.....", SNARE: "...x.."}, 0.16, 3),
    # The hi-hat is no snare of beats half as long.
    "slow": ({KICK: "x.......", HAT: "....x...", SNARE: "........x......."}, 0.088, 8),
}
UNTOLD: Final = {
    "nothing": ({}, 0.12, "no drums"),
    "kick alone": ({KICK: "x..............."}, 0.12, "no beat"),
    "hat alone": ({HAT: "x.x.x.x."}, 0.12, "no beat"),
    "hat for a kick": ({HAT: "x.x.x.x.", SNARE: "....x..."}, 0.12, "no beat"),
    "late snare": ({KICK: "x.......", SNARE: "......x."}, 0.12, "no beat"),
    "late kick": ({KICK: "..x.....", SNARE: "....x..."}, 0.12, "no beat"),
    "roll": ({KICK: "x".ljust(64, "."), SNARE: "....".ljust(64, "x")}, 0.12, "no beat"),
    "kick on the snare": ({KICK: "x...x.......x...", SNARE: "....x..."}, 0.12, "no beat"),
    # A slow beat, or half of the usual one.
    "slow backbeat": ({KICK: "x...............", SNARE: "........x......."}, 0.12, "no beat"),
    "slow floor": (FLOOR, 0.16, "no beat"),
    "fast floor": (FLOOR, 0.075, "no beat"),
    "uneven floor": ({KICK: "x...x...x.......", HAT: "..x."}, 0.12, "no beat"),
    "two": (
        {**FLOOR, TOM: "x...............", SNARE: "........x......."},
        0.0875,
        "more than one",
    ),
}


@pytest.mark.parametrize(("drums", "row_s", "expected"), TOLD.values(), ids=TOLD)
def test_drums_tell_how_many_rows_a_beat_has(
    drums: Mapping[int, str], row_s: float, expected: int
) -> None:
    assert rows_a_beat(course(drums, row_s, (16 * expected,) * 8)) == expected


@pytest.mark.parametrize(("drums", "row_s", "reason"), UNTOLD.values(), ids=UNTOLD)
def test_drums_in_doubt_tell_nothing(drums: Mapping[int, str], row_s: float, reason: str) -> None:
    with pytest.raises(InDoubt, match=reason):
        rows_a_beat(course(drums, row_s))


def test_a_tune_and_an_effect_are_no_drums() -> None:
    rare = {KICK: "x".ljust(64, "."), SNARE: "....x".ljust(64, ".")}
    for played in (course(BACKBEAT, tuned=True), course(rare, lengths=(64,) * 7)):
        with pytest.raises(InDoubt, match="no drums"):
            rows_a_beat(played)


@pytest.mark.parametrize(
    ("drums", "rare"), [(BACKBEAT, KICK), (BACKBEAT, SNARE), (FLOOR, KICK), (FLOOR, HAT)]
)
def test_a_drum_that_is_hardly_there_tells_nothing(drums: Mapping[int, str], rare: int) -> None:
    played = course(drums)
    kept = tuple(hit for hit in played.hits if hit.instrument != rare or hit.row < 128)
    with pytest.raises(InDoubt, match="no beat"):
        rows_a_beat(Course(played.rows, kept, played.end_s))


@given(st.sampled_from([3, 4, 6, 8, 12]), st.floats(81, 179), st.integers(6, 12))
def test_beats_lie_on_their_rows_and_bars_on_every_fourth(
    size: int, bpm: float, patterns: int
) -> None:
    drums = {KICK: "x".ljust(2 * size, "."), SNARE: "x".rjust(size + 1, ".").ljust(2 * size, ".")}
    found = grid(course(drums, 60 / bpm / size, (16 * size,) * patterns))
    told_bpm, steady = tempo_of(found.beats_s)
    assert steady
    assert told_bpm == pytest.approx(bpm, abs=0.01)
    assert len(found.beats_s) == 16 * patterns
    assert found.downbeats_s == found.beats_s[::4]
    assert found.start_s == 0


def test_beats_begin_with_the_first_note_and_count_from_there() -> None:
    played = course(BACKBEAT)
    late = tuple(hit for hit in played.hits if hit.row >= 20)
    found = grid(Course(played.rows, late, played.end_s))
    assert found.start_s == pytest.approx(20 * ROW_S)
    assert found.beats_s[0] == 0
    # The bar that is under way has three beats left.
    assert found.downbeats_s is not None
    assert found.downbeats_s[:2] == pytest.approx((12 * ROW_S, 28 * ROW_S))


def test_another_tempo_ends_the_stretch() -> None:
    played = course(BACKBEAT)
    places = [row.place for row in played.rows]
    slow = [0.12 if at < 400 else 0.16 for at in range(len(places))]
    found = grid(timed(places, played.hits, slow))
    assert (found.start_s, found.end_s) == pytest.approx((0, 48.0))
    assert len(found.beats_s) == 100
    with pytest.raises(InDoubt, match="one tempo holds for 40 beats"):
        grid(timed(places, played.hits, [0.12 + 0.08 * (at // 160 % 2) for at in range(512)]))


def test_rows_that_swing_keep_a_steady_beat() -> None:
    played = course(BACKBEAT)
    places = [row.place for row in played.rows]
    found = grid(timed(places, played.hits, [0.14, 0.10] * 256))
    assert tempo_of(found.beats_s) == (125.0, True)


@pytest.mark.parametrize(
    ("lengths", "bars"),
    [((64,) * 8, True), ((64, 32) * 6, True), ((64, 40) * 6, False), ((64,) * 7 + (37,), True)],
    ids=["whole", "half patterns", "two beats left", "cut at the end"],
)
def test_bars_are_unknown_where_a_pattern_breaks_off_inside_one(
    lengths: Sequence[int], *, bars: bool
) -> None:
    assert (grid(course(BACKBEAT, lengths=lengths)).downbeats_s is not None) is bars


def test_a_pattern_that_breaks_off_inside_a_beat_leaves_all_in_doubt() -> None:
    with pytest.raises(InDoubt, match="breaks off inside a beat"):
        grid(course(BACKBEAT, lengths=(64, 42) * 6))


class Player:
    """Stands for libopenmpt: rows of ``row_frames``, one pattern of ``cells`` twice over."""

    def __init__(self, cells: Mapping[tuple[int, int], Sequence[int]], row_frames: int) -> None:
        self._cells, self._row_frames, self._frame = cells, row_frames, 0
        self.destroyed = 0

    def openmpt_module_create_from_memory2(self, raw: bytes, size: int, *_: None) -> int:
        return int(raw[:size] == b"module")

    def openmpt_module_read_interleaved_float_stereo(
        self, _: int, rate_hz: int, frames: int, into: int
    ) -> int:
        assert rate_hz == RATE_HZ
        if self._frame >= 8 * self._row_frames:
            return 0
        self._frame += frames
        level = np.full(2 * frames, 0.5, np.float32)
        ctypes.memmove(into, level.ctypes.data, level.nbytes)
        return frames

    def _row(self) -> int:
        return (self._frame - 1) // self._row_frames

    def openmpt_module_get_current_order(self, _: int) -> int:
        return self._row() // 4

    def openmpt_module_get_current_pattern(self, _: int) -> int:
        return 9

    def openmpt_module_get_current_row(self, _: int) -> int:
        return self._row() % 4

    def openmpt_module_get_num_channels(self, _: int) -> int:
        return 2

    def openmpt_module_get_pattern_row_channel_command(
        self, _: int, pattern: int, row: int, channel: int, column: int
    ) -> int:
        assert pattern == 9
        return self._cells.get((row, channel), (0,) * 6)[column]

    def openmpt_module_destroy(self, _: int) -> None:
        self.destroyed += 1


@pytest.fixture
def player(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # note, instrument, kind of volume, effect, volume, parameter
    cells = {
        (0, 0): (61, 5, 0, 0, 0, 0),
        (1, 0): (62, 0, 1, 0, 32, 0),  # the same instrument, at half its loudness
        (2, 0): (63, 0, 0, 4, 0, 0),  # slides there
        (3, 0): (255, 0, 0, 0, 0, 0),  # lets go
        (1, 1): (64, 6, 0, 13, 0, 16),
        (2, 1): (65, 6, 1, 0, 0, 0),  # silent
    }
    fake = Player(cells, ROW_FRAMES)
    monkeypatch.setattr(tracker, "_library", lambda: fake)
    yield
    assert fake.destroyed == 1


@pytest.mark.usefixtures("player")
def test_rows_are_timed_while_they_sound() -> None:
    rendering = render(b"module", 10.0)
    assert rendering.samples.shape == (2, 8 * ROW_FRAMES)
    assert rendering.course.end_s == 8 * ROW_FRAMES / RATE_HZ
    assert [row.place for row in rendering.course.rows] == [0, 1, 2, 3] * 2
    starts = [row.start_s * RATE_HZ for row in rendering.course.rows]
    assert starts == pytest.approx([ROW_FRAMES * at for at in range(8)], abs=8)
    assert all(later > before for before, later in pairwise(starts))
    assert np.all(rendering.samples == np.float32(0.5))


@pytest.mark.usefixtures("player")
def test_notes_are_those_that_are_struck() -> None:
    hits = render(b"module", 10.0).course.hits
    assert set(hits) == {
        Hit(row + again, number, pitch, loudness)
        for again in (0, 4)
        for row, number, pitch, loudness in [(0, 5, 61, 1.0), (1, 5, 62, 0.5), (1, 6, 64, 0.25)]
    }


@pytest.mark.usefixtures("player")
def test_a_long_module_is_cut() -> None:
    rendering = render(b"module", 1000 / RATE_HZ)
    assert rendering.samples.shape == (2, 992)
    assert len(rendering.course.rows) == 4


def test_bytes_that_are_no_module_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracker, "_library", lambda: Player({}, 320))
    with pytest.raises(NotModule, match="does not know"):
        render(b"noise", 1.0)


def test_without_libopenmpt_no_module_is_played(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracker, "find_library", lambda _: None)
    tracker._library.cache_clear()
    with pytest.raises(NotModule, match="not installed"):
        render(b"module", 1.0)


def test_only_modules_of_known_licence_are_named_and_each_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {
        "games/pingus/data/music/march.it": "GPL-2+",
        "games/biniax2/music/club.it": "Zlib",
        "games/tecnoballz/musics/area1-game.mod": "GPL-3+",
    }
    others = [
        "games/tecnoballz/musics/area1-game2.mod",
        "games/pingus/data/music/march.ogg",
        "games/unheard/music/song.mod",
    ]
    for name in [*names, *others]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.setattr(modules, "SHARE", tmp_path)
    assert modules.compositions("tuning", None) == []
    found = modules.compositions("test", None)
    assert {name: modules.licence(name) for name in found} == names
    assert list(found) == sorted(found)


def test_a_piece_is_the_stretch_that_its_beats_are_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    played = course(BACKBEAT)
    late = Course(played.rows, tuple(hit for hit in played.hits if hit.row >= 64), played.end_s)
    samples = np.arange(round(played.end_s * RATE_HZ), dtype=np.float32)
    name = "games/heroes/mod/made.xm"
    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).write_bytes(b"module")
    monkeypatch.setattr(modules, "SHARE", tmp_path)
    monkeypatch.setattr(modules, "render", lambda *_: Rendering(np.stack([samples] * 2), late))
    cut, truth = modules.make(Order(name, "test", random.Random(1)))
    assert cut[0, 0] == round(64 * ROW_S * RATE_HZ)
    assert cut.shape == (2, round((512 - 64) * ROW_S * RATE_HZ))
    assert (truth.source, truth.licence, truth.composition) == ("modules", "GPL-2+", name)
    assert (truth.bpm, truth.steady, truth.metre) == (125.0, True, 4)
    assert truth.beats_s is not None
    assert len(truth.beats_s) == 112
    assert truth.downbeats_s == truth.beats_s[::4]
