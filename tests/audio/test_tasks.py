"""What the children do, done here without a child."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from autodj.audio.artwork import draw_cover
from autodj.audio.facts import Analysis, DecodeLimits, Probe
from autodj.audio.tasks import TASKS
from autodj.errors import AutodjError
from tests.audio.hostile import Hostile
from tests.clips import make_clip

Reports = list[tuple[str, object]]


def perform(task: str, path: Path, reports: Reports | None = None) -> Any:
    """Run a task on a file, taken to be of the kind that its suffix says."""
    told: Reports = [] if reports is None else reports
    arguments = {"extension": path.suffix[1:], "limits": DecodeLimits().to_document()}
    with path.open("rb") as file:
        return TASKS[task](file, arguments, lambda kind, content: told.append((kind, content)))


def test_a_probe_and_an_analysis_are_documents(clips: dict[str, Path]) -> None:
    probe = Probe.from_document(perform("probe", clips["flac"]))
    assert (probe.duration_s, probe.codec) == (5.0, "flac")
    reports: Reports = []
    analysis = Analysis.from_document(perform("analyze", clips["flac"], reports))
    assert analysis.key == "A minor"
    assert {kind for kind, _ in reports} == {"progress"}
    assert reports[-1] == ("progress", 1.0)


def test_a_long_probe_shows_signs_of_life(tmp_path: Path) -> None:
    reports: Reports = []
    perform("probe", make_clip(tmp_path / "clip.wav", 130), reports)
    assert [kind for kind, _ in reports] == ["progress"] * 2


def test_a_cover_travels_as_text(clips: dict[str, Path], tmp_path: Path) -> None:
    assert perform("cover", clips["wav"]) is None
    with_cover = make_clip(tmp_path / "clip.flac", 1, cover=draw_cover(1))
    assert base64.b64decode(perform("cover", with_cover)).startswith(b"\xff\xd8\xff")


def test_tags_are_read_without_a_look_at_the_audio(tmp_path: Path) -> None:
    tagged = make_clip(tmp_path / "clip.mp3", 30, tags={"title": "Night Bus", "TBPM": "99"})
    tagged.write_bytes(tagged.read_bytes()[:60_000])  # too short to be decoded whole
    found = perform("tags", tagged)
    assert (found["title"], found["bpm"], found["key"]) == ("Night Bus", "99", None)


@pytest.mark.parametrize(
    ("name", "extension"),
    [
        ("4 GiB of WAV in 4 KB", "wav"),
        ("65535 channels", "wav"),
        ("WAV without samples", "wav"),
        ("no bits", "wav"),
        ("WAV of an unknown codec", "wav"),
        ("half a FLAC", "flac"),
        ("FLAC damaged from the start", "flac"),
        ("half an MP3", "mp3"),
        ("2000 boxes in each other", "m4a"),
        ("a page", "mp3"),
        ("an ELF program", "mp3"),
    ],
)
def test_the_verdict_is_the_decoders_own_and_not_the_confinements(
    hostile: dict[str, Hostile], tmp_path: Path, name: str, extension: str
) -> None:
    case = hostile[name]
    path = tmp_path / f"upload.{extension}"
    path.write_bytes(case.data)
    with pytest.raises(AutodjError) as refused:
        perform("probe", path)
    assert refused.value.status in {415, 422}
    assert case.code in {None, refused.value.code}
