"""Exports of tracks whose names and places mean something to the format they are written in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import m3u8
import pytest

from autodj.audio.form import Section
from autodj.tracks.exports import playlist, rekordbox
from autodj.tracks.exports.subject import subject_of
from tests.readers import read_rekordbox
from tests.tracks.test_exports import ANALYSIS, TRACK


@pytest.mark.parametrize("name", ["#1 hit.mp3", "#EXTM3U.mp3", "##.mp3"])
def test_a_file_whose_name_looks_like_a_comment_stays_in_the_playlist(name: str) -> None:
    text = playlist.playlist([playlist.entry(subject_of(TRACK, None, name))])
    [segment] = m3u8.loads(text).segments
    assert segment.uri == f"./{name}"


def test_a_section_of_one_bar_is_told_in_the_singular(tmp_path: Path) -> None:
    analysis = replace(
        ANALYSIS, sections=(Section("intro", 1.25, 1, 1, 0.3), Section("main", 3.25, 2, 7, 0.9))
    )
    subject = subject_of(TRACK, analysis.to_document(), "/music/a.mp3")
    path = tmp_path / "set.xml"
    path.write_text(rekordbox.collection([rekordbox.track(1, subject)]), encoding="utf-8")
    marks = read_rekordbox(path).get_track(0).marks
    names = [mark["Name"] for mark in marks if mark["Num"] == -1]
    assert names == ["intro, 1 bar", "main, 7 bars"]
