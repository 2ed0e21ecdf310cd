from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from autodj.cli.listing import facts_of, query_of, table_of
from autodj.errors import CommandError

TRACK: dict[str, Any] = {
    "id": "3f2ab4c1-0000-4000-8000-000000000000",
    "title": "First [Light]",
    "artist": None,
    "album": "Sets",
    "original_name": "first.mp3",
    "origin_url": None,
    "visibility": "private",
    "created_at": "2026-03-01T12:00:00Z",
    "duration_s": 185.2,
    "content_type": "audio/mpeg",
    "codec": "mp3",
    "sample_rate_hz": 44100,
    "channels": 2,
    "bit_rate_bps": 192000,
    "size_bytes": 4_400_000,
    "sha256": "ab" * 32,
    "file_source": "local",
    "file_state": "stable",
    "analysis": {"state": "done", "failure": None},
    "bpm": 124.0,
    "bpm_confidence": 0.97,
    "bpm_alternative": 62.0,
    "bpm_corrected": False,
    "key": "A minor",
    "camelot": "8A",
    "key_confidence": 0.5,
    "key_corrected": False,
    "integrated_lufs": -9.04,
    "true_peak_dbtp": -0.8,
}
UNKNOWN = (
    "bpm", "bpm_confidence", "bpm_alternative", "key", "camelot", "key_confidence",
    "integrated_lufs", "true_peak_dbtp", "bit_rate_bps",
)  # fmt: skip
PENDING: dict[str, Any] = {
    **dict.fromkeys(UNKNOWN),
    "analysis": {"state": "pending", "failure": None},
}


def printed(renderable: object) -> str:
    console = Console(width=120)
    with console.capture() as capture:
        console.print(renderable)
    return capture.get()


@pytest.mark.parametrize(
    ("bpm", "low", "high"),
    [("120-126", "120", "126"), ("122", "121.5", "122.5"), ("92.5-93.25", "92.5", "93.25")],
)
def test_a_tempo_becomes_a_range(bpm: str, low: str, high: str) -> None:
    query = query_of(text=None, bpm=bpm, key=None, source=None)
    assert query == {"bpm_min": low, "bpm_max": high}


def test_what_was_not_asked_for_is_not_sent() -> None:
    assert query_of(text="light", bpm=None, key="8A", source=None) == {"q": "light", "key": "8A"}


@pytest.mark.parametrize("bpm", ["fast", "12x", "-", "120-", "1e2", "130-120"])
def test_what_is_no_tempo_is_refused(bpm: str) -> None:
    with pytest.raises(CommandError, match="is no tempo"):
        query_of(text=None, bpm=bpm, key=None, source=None)


def test_the_table_shows_what_mixing_needs() -> None:
    [names, row] = printed(table_of([TRACK])).splitlines()
    assert names.split() == ["id", "title", "artist", "length", "BPM", "key", "LUFS", "bytes", "at"]
    assert row.split() == [
        "3f2ab4c1", "First", "[Light]", "3:05", "124", "8A", "A", "minor", "-9.0", "local",
    ]  # fmt: skip


def test_the_facts_have_their_units_and_how_sure_they_are() -> None:
    told = printed(facts_of(TRACK))
    for part in (
        "First [Light]",
        "124 BPM (confidence 97%, or 62)",
        "A minor, 8A (confidence 50%)",
        "-9.0 LUFS",
        "-0.8 dBTP",
        "mp3, 44.1 kHz, stereo, 192 kb/s",
        "audio/mpeg, 4.4 MB",
        "local (stable)",
        "ab" * 32,
    ):
        assert part in told
    assert "artist" not in told


def test_corrections_are_told_as_such() -> None:
    told = printed(facts_of({**TRACK, "bpm_corrected": True, "key_corrected": True}))
    assert "124 BPM (corrected)" in told
    assert "A minor, 8A (corrected)" in told


def test_a_track_that_is_being_analysed_has_no_facts_yet() -> None:
    told = printed(facts_of({**TRACK, **PENDING}))
    assert "being analysed" in told
    assert "tempo" not in told
    assert "LUFS" not in told


def test_an_analysis_that_found_nothing_says_so() -> None:
    done = {"state": "done", "failure": None}
    told = printed(facts_of({**TRACK, **PENDING, "analysis": done, "integrated_lufs": -70.0}))
    assert told.count("none found") == 2


def test_renditions_are_told_with_what_they_are_or_why_they_are_not() -> None:
    made = {
        "name": "preview",
        "state": "stable",
        "ready": True,
        "source": "s3",
        "codec": "aac",
        "bit_rate_bps": 128_400,
        "duration_s": 30.0,
        "size_bytes": 481_000,
        "start_offset_s": 61.5,
        "failure": None,
    }
    failed = {"name": "playback", "state": "failed", "ready": False, "failure": "truncated"}
    told = printed(facts_of({**TRACK, "renditions": [failed, made]}))
    assert "playback: failed (truncated)" in told
    assert "preview: aac, 128 kb/s, 0:30, 481.0 kB, starts at 61.500 s (s3)" in told
    assert "renditions" not in printed(facts_of({**TRACK, "renditions": []}))
