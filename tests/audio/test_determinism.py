"""The same bytes give the same analysis: at the same time, with other threads, read otherwise."""

from __future__ import annotations

from pathlib import Path

from autodj.audio.analysis import analyze
from autodj.audio.facts import DecodeLimits
from autodj.audio.identify import WAV
from bench.determinism import digest, digests
from tests.clips import make_clip


def test_one_file_has_one_document(tmp_path: Path) -> None:
    found = digests(make_clip(tmp_path / "clip.mp3", 8, bpm=124))
    assert len(found) == 6
    assert len(set(found.values())) == 1, found


def test_another_file_has_another(tmp_path: Path) -> None:
    found = set()
    for bpm in (124, 125):
        with make_clip(tmp_path / f"{bpm}.wav", 4, bpm=bpm).open("rb") as file:
            found.add(digest(analyze(file, WAV, DecodeLimits(), lambda _: None)))
    assert len(found) == 2
