"""Exports, read back by parsers that are not ours."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import m3u8
import pytest

from autodj.audio.facts import Analysis, Waveform
from autodj.audio.form import Cues, Section
from autodj.tracks.exports import jams, playlist, rekordbox
from autodj.tracks.exports.grid import Beats, beats_of
from autodj.tracks.exports.keys import colon_key, short_key
from autodj.tracks.exports.stretches import stretches_of
from autodj.tracks.exports.subject import Subject, file_names, subject_of
from tests.readers import read_jams, read_rekordbox

# jams asks its validator in a way that a newer jsonschema would have differently
pytestmark = pytest.mark.filterwarnings("ignore:Passing a schema to Validator:DeprecationWarning")

STEADY = tuple(round(0.25 + 0.5 * index, 4) for index in range(40))
ANALYSIS = Analysis(
    version=2,
    duration_s=21.0,
    bpm=120.0,
    bpm_confidence=0.9,
    bpm_alternative=60.0,
    beats_s=STEADY,
    key="Db minor",
    camelot="12A",
    key_confidence=0.7,
    integrated_lufs=-9.0,
    true_peak_dbtp=-0.5,
    waveform=Waveform(50.0, (1, 2), (1, 2), (1, 2), (1, 2)),
    downbeats_s=STEADY[2::4],
    metre=4,
    grid="constant",
    replaygain_db=-9.0,
    energy=7,
    sections=(Section("intro", 1.25, 1, 4, 0.3), Section("drop", 9.25, 5, 4, 0.9)),
    cues=Cues(cue_in=1.25, drop=9.25, cue_out=17.25),
)
TRACK: dict[str, Any] = {
    "id": "3f2ab4c1-0000-4000-8000-000000000000",
    "title": "Über <Night> & \u0001Bus",
    "artist": 'Ada "A" B',
    "album": None,
    "original_name": "night bus #1.mp3",
    "created_at": "2026-03-01T12:00:00Z",
    "duration_s": 21.0,
    "size_bytes": 640_000,
    "bit_rate_bps": 244_900,
    "sample_rate_hz": 44100,
    "content_type": "audio/mpeg",
    "bpm": 120.0,
    "bpm_corrected": False,
    "key": "Db minor",
    "key_corrected": False,
    "camelot": "12A",
}


def subject(*, analysis: Analysis | None = ANALYSIS, **changes: object) -> Subject:
    document = None if analysis is None else analysis.to_document()
    return subject_of({**TRACK, **changes}, document, "/home/ada/Music/night bus #1.mp3")


def read_xml(tmp_path: Path, *subjects: Subject) -> Any:
    elements = [rekordbox.track(number, each) for number, each in enumerate(subjects, 1)]
    path = tmp_path / "set.xml"
    path.write_text(rekordbox.collection(elements), encoding="utf-8")
    return read_rekordbox(path)


def uneven() -> Analysis:
    """Two tempi, 120 and 100, from the 20th beat on."""
    later = tuple(STEADY[19] + 0.6 * index for index in range(1, 10))
    beats_s = STEADY[:20] + later
    return replace(ANALYSIS, beats_s=beats_s, downbeats_s=beats_s[2::4], grid="variable")


def test_rekordbox_reads_what_is_known_of_a_track(tmp_path: Path) -> None:
    track = read_xml(tmp_path, subject()).get_track(0)
    assert track["Name"] == "Über <Night> & Bus"
    assert track["Artist"] == 'Ada "A" B'
    assert (track["AverageBpm"], track["Tonality"]) == (120.0, "Dbm")
    assert (track["TotalTime"], track["SampleRate"], track["BitRate"]) == (21, 44100, 245)
    assert track["Kind"] == "MP3 File"
    assert track["Comments"] == "12A - energy 7"
    assert str(track["DateAdded"]).startswith("2026-03-01")
    assert track["Location"].replace("\\", "/").endswith("home/ada/Music/night bus #1.mp3")


def test_rekordbox_reads_the_grid_the_cues_and_the_playlist(tmp_path: Path) -> None:
    xml = read_xml(tmp_path, subject(), subject(analysis=None, bpm=None, key=None))
    [tempo] = xml.get_track(0).tempos
    assert (tempo["Inizio"], tempo["Bpm"]) == (0.25, 120.0)
    assert (tempo["Metro"], tempo["Battito"]) == ("4/4", 3)
    marks = [(mark["Name"], mark["Start"], mark["Num"]) for mark in xml.get_track(0).marks]
    assert marks == [
        ("intro, 4 bars", 1.25, -1),
        ("drop, 4 bars", 9.25, -1),
        ("cue in", 1.25, 0),
        ("drop", 9.25, 2),
        ("cue out", 17.25, 4),
    ]
    assert xml.get_playlist("autodj").get_tracks() == [1, 2]
    assert xml.num_tracks == 2
    assert (xml.get_track(1).tempos, xml.get_track(1).marks) == ([], [])


def test_rekordbox_reads_a_mark_for_every_change_of_tempo(tmp_path: Path) -> None:
    tempi = read_xml(tmp_path, subject(analysis=uneven())).get_track(0).tempos
    told = [(each["Inizio"], each["Bpm"], each["Battito"]) for each in tempi]
    assert told == [(0.25, 120.0, 3), (9.75, 100.0, 2)]


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("/home/ada/a b.mp3", "file://localhost/home/ada/a%20b.mp3"),
        ("C:\\Music\\é.mp3", "file://localhost/C:/Music/%C3%A9.mp3"),
        ("song.mp3", "file://localhost/song.mp3"),
        ("https://cdn.example.org/a?b=c", "https://cdn.example.org/a?b=c"),
    ],
)
def test_places_are_written_as_rekordbox_writes_them(location: str, url: str) -> None:
    assert rekordbox.location_url(location) == url


def test_a_playlist_is_read_with_lengths_titles_and_paths() -> None:
    two = subject(title="two\nlines", artist=None)
    read = m3u8.loads(playlist.playlist([playlist.entry(subject()), playlist.entry(two)]))
    told = [(each.duration, each.title, each.uri) for each in read.segments]
    assert told == [
        (21.0, 'Ada "A" B - Über <Night> & \u0001Bus', "/home/ada/Music/night bus #1.mp3"),
        (21.0, "two lines", "/home/ada/Music/night bus #1.mp3"),
    ]


def test_jams_is_valid_and_has_beats_tempo_key_and_sections(tmp_path: Path) -> None:
    path = tmp_path / "track.jams"
    path.write_text(jams.jams(subject()), encoding="utf-8")
    read = read_jams(path)
    assert read.file_metadata.title == TRACK["title"]
    assert [each.namespace for each in read.annotations] == [
        "beat",
        "tempo",
        "key_mode",
        "segment_open",
    ]
    beat, tempo, key, segments = (each.data for each in read.annotations)
    assert [each.time for each in beat] == list(STEADY)
    assert [each.value for each in beat][:4] == [3, 4, 1, 2]
    assert [(each.value, each.confidence) for each in tempo] == [(120.0, 0.9)]
    assert [(each.value, each.confidence) for each in key] == [("Db:minor", 0.7)]
    assert [(each.time, each.duration, each.value) for each in segments] == [
        (1.25, 8.0, "intro"),
        (9.25, 11.75, "drop"),
    ]


def test_jams_tells_every_tempo_of_a_track_that_has_several(tmp_path: Path) -> None:
    path = tmp_path / "track.jams"
    path.write_text(jams.jams(subject(analysis=uneven())), encoding="utf-8")
    [tempo] = read_jams(path).search(namespace="tempo")
    told = [(each.time, each.duration, each.value, each.confidence) for each in tempo.data]
    assert told == [(0.0, 9.75, 120.0, 0.9), (9.75, 11.25, 100.0, 0.9)]


def test_jams_of_a_track_without_an_analysis_is_valid_and_empty(tmp_path: Path) -> None:
    path = tmp_path / "track.jams"
    path.write_text(jams.jams(subject(analysis=None)), encoding="utf-8")
    assert read_jams(path).annotations == []


def test_what_a_person_corrected_is_certain() -> None:
    corrected = subject(
        analysis=replace(ANALYSIS, bpm=121.0),
        bpm=121.0,
        bpm_corrected=True,
        key="A minor",
        key_corrected=True,
    )
    found = {
        each["namespace"]: each["data"] for each in json.loads(jams.jams(corrected))["annotations"]
    }
    assert found["tempo"][0]["value"] == 121.0
    assert found["tempo"][0]["confidence"] == 1.0
    assert (found["key_mode"][0]["value"], found["key_mode"][0]["confidence"]) == ("A:minor", 1.0)


@pytest.mark.parametrize(
    ("key", "short", "colon"),
    [("A minor", "Am", "A:minor"), ("Db major", "Db", "Db:major"), ("F# minor", "F#m", "F#:minor")],
)
def test_keys_are_spelt_as_others_spell_them(key: str, short: str, colon: str) -> None:
    assert (short_key(key), colon_key(key)) == (short, colon)


def test_the_numbers_of_beats_begin_anew_on_each_downbeat() -> None:
    beats = beats_of(ANALYSIS)
    assert beats is not None
    assert beats.times_s == STEADY
    assert [beats.times_s[at] for at, n in enumerate(beats.numbers) if n == 1] == [*STEADY[2::4]]
    assert len(stretches_of(beats)) == 1


def test_without_beats_there_is_no_grid() -> None:
    assert beats_of(replace(ANALYSIS, bpm=None)) is None
    assert beats_of(replace(ANALYSIS, beats_s=(), downbeats_s=())) is None


def test_the_beats_of_a_long_mix_are_read_a_few_times_each() -> None:
    reads = 0

    class Counted(tuple[float, ...]):
        __slots__ = ()

        def __getitem__(self, place: Any) -> Any:
            nonlocal reads
            found = super().__getitem__(place)
            reads += len(found) if isinstance(place, slice) else 1
            return found

    times_s = Counted(index / 2 + 0.003 * (index % 2) for index in range(5000))
    assert len(stretches_of(Beats(times_s, (1,) * 5000, 120.0, 4, is_even=False))) == 1
    assert reads < 10 * len(times_s)


def test_every_file_has_a_name_of_its_own() -> None:
    tracks = [
        TRACK,
        TRACK,
        {**TRACK, "original_name": "NIGHT BUS #1.mp3"},
        {**TRACK, "original_name": None, "artist": "AC/DC", "title": "../x"},
        {**TRACK, "original_name": "page.html", "artist": None, "title": "song"},
        {**TRACK, "original_name": "a.mp3", "content_type": "audio/flac", "artist": None},
    ]
    assert file_names(tracks) == [
        "night bus #1.mp3",
        "night bus #1 (2).mp3",
        "NIGHT BUS #1 (3).mp3",
        "AC_DC - .._x.mp3",
        "song.mp3",
        "Über <Night> & Bus.flac",
    ]


@pytest.mark.parametrize("ending", ["", ".jams"])
def test_a_name_that_no_disk_takes_is_cut_and_keeps_its_extension(
    ending: str, tmp_path: Path
) -> None:
    long = {**TRACK, "original_name": f"{'ночной автобус ' * 12}.mp3"}
    short = {**TRACK, "original_name": f"{'a' * 180}.mp3"}
    names = file_names([long, long, short, *[long] * 9], ending=ending)
    assert names[2] == short["original_name"]
    assert len(set(names)) == len(names)
    for name in names:
        assert name.endswith(".mp3")
        (tmp_path / f"{name}{ending}").touch()
    assert len(names[0].encode()) > 240


def test_a_document_of_an_older_version_is_read_as_far_as_it_goes() -> None:
    old = {
        name: value
        for name, value in ANALYSIS.to_document().items()
        if name not in {"downbeats_s", "sections", "cues", "silences", "bar_energy", "grid"}
    }
    read = subject_of(TRACK, {**old, "version": 1, "of_the_future": 1}, "a.mp3")
    assert read.analysis is not None
    assert read.analysis.sections == ()
    assert read.beats is not None
    assert read.beats.numbers[:4] == (1, 2, 3, 4)
