"""Measuring files without a server."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw
from rich.console import Console

from autodj.audio.facts import Analysis, Tags, Waveform
from autodj.audio.form import Cues, Silences
from autodj.cli.analysis_report import facts_table, form_table
from autodj.cli.picture import HEIGHT, WIDTH, draw_analysis
from tests.cli.conftest import Here
from tests.clips import make_clip
from tests.tracks.test_audiowaveform import parse_dat, parse_json
from tests.tracks.test_exports import ANALYSIS

Box = tuple[float, float, float, float]

SILENT = Analysis(
    version=2,
    duration_s=3.0,
    bpm=None,
    bpm_confidence=0.0,
    bpm_alternative=None,
    beats_s=(),
    key=None,
    camelot=None,
    key_confidence=0.0,
    integrated_lufs=None,
    true_peak_dbtp=None,
    waveform=Waveform(50.0, (0,) * 150, (0,) * 150, (0,) * 150, (0,) * 150),
)
LOUD = replace(
    ANALYSIS,
    waveform=Waveform(50.0, (250,) * 1050, (90,) * 1050, (60,) * 1050, (30,) * 1050),
    open_key="5m",
    tuning_cents=-12.4,
    downbeat_confidence=0.8,
    loudness_range_lu=5.2,
    silences=Silences(0.3, 0.0, ((5.0, 8.5),), None),
)


def printed(table: object) -> str:
    console = Console(width=140)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("music")
    tags = {"title": "First [Light]", "artist": "Ada", "TBPM": "62", "TKEY": "Am"}
    make_clip(folder / "first.mp3", 8, bpm=124, tags=tags)
    make_clip(folder / "second.flac", 6, bpm=100)
    (folder / "bad.wav").write_text("This is an essay about waves, not a wave. " * 9)
    return folder


def test_what_a_folder_holds_and_the_system_refuses_is_told(here: Here, tmp_path: Path) -> None:
    (tmp_path / "sets").mkdir()
    gone = tmp_path / "sets" / "gone.mp3"
    gone.symlink_to("nowhere")
    told = here("analyze", tmp_path / "sets")
    assert told.code == 1
    assert told.err == f"{gone}: No such file or directory.\n"


def test_the_report_tells_everything_beside_the_tags(here: Here, music: Path) -> None:
    told = here("analyze", music / "first.mp3")
    assert (told.code, told.err) == (0, "")
    assert "first.mp3  MP3, 0:08, Ada - First [Light]" in told.out
    [tempo] = [line for line in told.out.splitlines() if line.strip().startswith("tempo")]
    assert "124." in tempo
    assert tempo.rstrip().endswith("62 (half)")
    [key] = [line for line in told.out.splitlines() if line.strip().startswith("key")]
    assert "A minor, 8A / 1m" in key
    assert key.rstrip().endswith("Am (agrees)")
    for name in ("grid", "metre", "loudness"):
        assert f"{name} " in told.out


def test_a_title_of_a_page_does_not_fill_the_screen() -> None:
    told = printed(facts_table(LOUD, Tags(key="A" * 500)))
    assert "A" * 79 + "…" in told.replace("\n", "").replace(" ", "")
    assert "A" * 80 not in told.replace("\n", "").replace(" ", "")


def test_bad_files_are_told_in_a_line_and_stop_no_other(
    here: Here, music: Path, tmp_path: Path
) -> None:
    told = here("analyze", music, "nowhere.mp3", "https://example.org/a.mp3", "-p", "1")
    assert told.code == 1
    assert [name in told.out for name in ("first.mp3", "second.flac", "bad.wav")] == [
        True,
        True,
        False,
    ]
    [bad, nowhere, url] = told.err.splitlines()
    assert bad.startswith(f"{music / 'bad.wav'}: ")
    assert "Send MP3, FLAC" in bad
    assert nowhere == "nowhere.mp3: There is no file or folder nowhere.mp3. Check the name."
    assert url.startswith("https://example.org/a.mp3: ")
    assert "autodj add" in url
    (tmp_path / "empty").mkdir()
    nothing = here("analyze", tmp_path / "empty")
    assert (nothing.code, nothing.out) == (1, "")
    assert "no audio files" in nothing.err


def test_json_has_the_whole_document_tags_and_faults_in_the_order_named(
    here: Here, music: Path
) -> None:
    named = [music / "second.flac", music / "bad.wav", music / "first.mp3"]
    told = here("analyze", *named, "--json")
    assert told.code == 1
    second, bad, first = json.loads(told.out)
    assert [each["file"] for each in (second, bad, first)] == [str(each) for each in named]
    assert Analysis.from_document(first["analysis"]).bpm == pytest.approx(124, abs=0.5)
    assert (first["tags"]["bpm"], first["kind"]) == ("62", "MP3")
    assert second["tags"]["bpm"] is None
    assert bad["error"]["code"] == "unsupported_media"


def test_pictures_are_drawn_one_to_a_file(here: Here, music: Path, tmp_path: Path) -> None:
    outline = ("--waveform", "one.json")
    told = here("analyze", music / "first.mp3", "--plot", "one.png", *outline)
    assert told.code == 0
    with Image.open(tmp_path / "one.png") as picture:
        assert (picture.format, picture.size) == ("PNG", (WIDTH, HEIGHT))
    outlined = parse_json((tmp_path / "one.json").read_text())
    assert outlined.seconds == pytest.approx(8, abs=0.1)
    assert min(low for low, _ in outlined.pairs) < -20
    assert max(high for _, high in outlined.pairs) > 20
    here("analyze", music, "--plot", "all", "--waveform", "data", "--json")
    drawn = sorted(path.name for path in (tmp_path / "all").iterdir())
    assert drawn == ["first.mp3.png", "second.flac.png"]
    assert parse_dat((tmp_path / "data/first.mp3.dat").read_bytes()).pairs == outlined.pairs
    assert (tmp_path / "data/second.flac.dat").exists()


def test_a_song_is_never_written_over_by_its_picture(here: Here, music: Path) -> None:
    before = (music / "first.mp3").read_bytes()
    told = here("analyze", "--plot", music / "first.mp3", music / "second.flac")
    assert told.code == 1
    assert "first.mp3 has the name of audio" in told.err
    assert (music / "first.mp3").read_bytes() == before


def test_where_to_write_is_looked_at_before_anything_is_measured(
    here: Here, music: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("kept")
    for where in ("file", "file/below.png"):
        told = here("analyze", music, "--plot", where)
        assert (told.code, told.out) == (1, "")
        assert "is a file, or lies below one" in told.err
    assert (tmp_path / "file").read_text() == "kept"


def test_the_folder_of_a_picture_is_made_and_a_folder_takes_one(
    here: Here, music: Path, tmp_path: Path
) -> None:
    (tmp_path / "there").mkdir()
    told = here("analyze", music / "first.mp3", "--plot", "new/one.png", "--waveform", "there")
    assert told.code == 0
    assert (tmp_path / "new/one.png").exists()
    assert parse_dat((tmp_path / "there/first.mp3.dat").read_bytes()).seconds > 7


def test_a_picture_that_cannot_be_written_stops_no_other(
    here: Here, music: Path, tmp_path: Path
) -> None:
    long = tmp_path / f"{'x' * 249}.flac"
    long.symlink_to(music / "second.flac")
    told = here("analyze", long, music / "first.mp3", "--plot", "all")
    assert told.code == 1
    assert "File name too long" in told.err
    assert [path.name for path in (tmp_path / "all").iterdir()] == ["first.mp3.png"]


@pytest.mark.parametrize(("name", "why"), [("", "no name"), ("x" * 5000, "too long")])
def test_a_name_that_can_be_none_stops_no_other(
    here: Here, music: Path, name: str, why: str
) -> None:
    told = here("analyze", name, music / "second.flac")
    assert told.code == 1
    assert why in told.err
    assert "second.flac" in told.out


def test_a_name_gives_no_orders_to_the_terminal(here: Here, music: Path, tmp_path: Path) -> None:
    named = tmp_path / "a\x1b[31m\nred.flac"
    named.symlink_to(music / "second.flac")
    told = here("analyze", named, tmp_path / "gone\x1b[31m.flac")
    assert "a\N{REPLACEMENT CHARACTER}[31m\N{REPLACEMENT CHARACTER}red.flac" in told.out
    assert "\x1b" not in told.out + told.err


def test_what_sounds_for_a_moment_is_not_silent() -> None:
    assert "throughout" not in printed(facts_table(replace(SILENT, duration_s=0.02), Tags()))


def colours_of(analysis: Analysis) -> set[object]:
    found = draw_analysis(analysis, title="").getcolors(WIDTH * HEIGHT)
    assert found is not None
    return {colour for _, colour in found}


def test_a_picture_shows_waveform_beats_sections_and_cues() -> None:
    shown = colours_of(LOUD)
    for colour in (
        (44, 96, 214), (236, 142, 44), (240, 240, 240),  # the bands
        (255, 88, 88), (210, 214, 224),  # downbeats, beats
        (70, 108, 132), (178, 66, 84),  # intro, drop
        (255, 214, 64),  # cues
    ):  # fmt: skip
        assert colour in shown
    silent = colours_of(SILENT)
    assert (255, 88, 88) not in silent
    assert (255, 214, 64) not in silent


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Box]]:
    """The texts in pictures, each with the box that it fills."""
    texts: list[tuple[str, Box]] = []
    draw_text = ImageDraw.ImageDraw.text

    def listened(self: ImageDraw.ImageDraw, xy: Any, text: str, **options: Any) -> None:
        texts.append((text, self.textbbox(xy, text, font=options["font"])))
        draw_text(self, xy, text, **options)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", listened)
    return texts


def test_no_text_touches_another_in_a_long_set(drawn: list[tuple[str, Box]]) -> None:
    length_s = 7232.0
    cues = Cues(cue_in=0.1, intro_end=30, drop=62, outro_start=7180, cue_out=length_s)
    draw_analysis(replace(LOUD, duration_s=length_s, cues=cues), title="set " * 80)
    names = [text for text, _ in drawn]
    for cue in ("cue in", "intro end", "drop", "outro start", "cue out"):
        assert cue in names
    for (_, (left, top, right, bottom)), (_, other) in combinations(drawn, 2):
        beside = right <= other[0] or other[2] <= left
        assert beside or bottom <= other[1] or other[3] <= top
    assert all(0 < left < right < WIDTH for _, (left, _, right, _) in drawn)


@pytest.mark.parametrize(
    ("true_peak_dbtp", "told"),
    [(None, "no key    silent    "), (-9.0, "no key    no loudness    ")],
)
def test_what_is_too_short_for_a_loudness_is_not_silent(
    drawn: list[tuple[str, Box]], true_peak_dbtp: float | None, told: str
) -> None:
    draw_analysis(replace(SILENT, true_peak_dbtp=true_peak_dbtp), title="two\nlines \udce9")
    assert drawn[0][0] == "two�lines �"
    assert told in drawn[1][0]


def test_a_downbeat_is_drawn_where_it_is_heard() -> None:
    picture = draw_analysis(replace(LOUD, cues=SILENT.cues), title="")
    columns = [x for x in range(WIDTH) if picture.getpixel((x, 112)) == (255, 88, 88)]
    expected = [24 + at_s * (WIDTH - 48) / LOUD.duration_s for at_s in LOUD.downbeats_s]
    assert columns == pytest.approx(expected, abs=1)


def test_the_facts_have_units_confidence_and_the_other_reading() -> None:
    tags = Tags(bpm="60", key="C#m", replaygain_track_gain="-8.5 dB")
    told = printed(facts_table(LOUD, tags))
    for part in (
        "120.000 BPM (confidence 90%, or 60.00)",
        "constant, 40 beats, first beat 0:00.25",
        "4 beats a bar, 10 bars, first downbeat 0:01.25 (confidence 80%)",
        "Db minor, 12A / 5m (confidence 70%, tuned -12 cents)",
        "-9.0 LUFS, range 5.2 LU, true peak -0.5 dBTP, ReplayGain -9.00 dB",
        "7 of 10",
        "0.3 s before, pause at 0:05.00 for 3.5 s",
        "cue in 0:01.25, drop 0:09.25, cue out 0:17.25",
        "60 (half)",
        "ReplayGain -8.5 dB (agrees)",
        "C#m (agrees)",
    ):
        assert part in told
    sections = printed(form_table(LOUD)).splitlines()
    assert sections[1].split() == ["intro", "0:01.25", "1", "4", "▃", "0.30"]
    assert sections[2].split() == ["drop", "0:09.25", "5", "4", "█", "0.90"]


def test_what_is_not_there_is_told_as_such() -> None:
    told = printed(facts_table(replace(SILENT, silences=Silences(3.0)), Tags()))
    assert told.count("none found") == 3
    assert "silence     throughout" in told
    assert "the file says" not in told
    assert "the file says" in printed(facts_table(SILENT, Tags(bpm="120")))
    assert "metre" not in told
    assert "cues" not in told
