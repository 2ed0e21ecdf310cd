"""Which file is played, which steps a rendition takes, and where a preview starts: all pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autodj.audio.facts import ANALYSIS_VERSION
from autodj.audio.recipes import RenditionMode, RenditionName, Wishes
from autodj.db import FileSource, FileState, Visibility
from autodj.db.playables import Playable
from autodj.db.ready import Ready, unpack
from autodj.errors import NotFound
from autodj.settings import load
from autodj.tracks.policy import FOR_EVER, Policy
from autodj.tracks.rendition_plan import loudest
from autodj.tracks.renditions import select
from autodj.tracks.steps import Step, next_rendition_step, rendition_wakes_at

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HERE = Policy(publish_to_s3=False, keep_local_s=0, lease_s=60, analysis_version=ANALYSIS_VERSION)
TO_S3 = replace(HERE, publish_to_s3=True)
TYPES = {"playback": "audio/mp4", "lossless": "audio/flac", "preview": "audio/mp4"}


def packed(name: str) -> str:
    fields = (
        *(name, "s3", "", f"renditions/x/{name}", "2", "ext", TYPES[name], "cd" * 32),
        *("1000", "61.5", "0.011995464852607709"),
    )
    return "|".join(fields)


def track(content_type: str, *names: str) -> Playable:
    return Playable(
        id=UUID(int=1),
        owner_id=UUID(int=2),
        visibility=Visibility.PRIVATE,
        file_source=FileSource.LOCAL,
        file_path="tracks/x/0-original",
        s3_object_key=None,
        generation=0,
        title="Night Bus",
        extension="aiff",
        content_type=content_type,
        sha256="ab" * 32,
        size_bytes=9000,
        duration_s=61.6,
        renditions=";".join(map(packed, names)) or None,
    )


ALL = ("playback", "lossless", "preview")


@pytest.mark.parametrize(
    ("content_type", "names", "accept", "chosen"),
    [
        ("audio/aiff", ALL, None, "playback"),
        ("audio/aiff", ALL, "*/*", "playback"),
        ("audio/aiff", ALL, "application/json", "playback"),
        ("audio/aiff", ALL, "audio/flac", "lossless"),
        ("audio/aiff", ALL, "audio/flac;q=0.9, */*;q=0.1", "lossless"),
        ("audio/aiff", ALL, "audio/flac;q=0.5, audio/mp4", "playback"),
        ("audio/aiff", ALL, "AUDIO/FLAC", "lossless"),
        ("audio/aiff", ALL, "audio/*, audio/mp4;q=0", "lossless"),
        ("audio/aiff", ALL, "audio/aiff", "original"),
        ("audio/aiff", ALL, "audio/mp4;q=x", "playback"),
        ("audio/aiff", ALL, "audio/flac;q=2", "playback"),
        ("audio/aiff", ALL, ",;,", "playback"),
        # Firefox names kinds of Ogg and WAV above all others; not all of them play.
        ("audio/ogg", ("playback",), "audio/ogg,audio/wav,audio/*;q=0.9,*/*;q=0.5", "playback"),
        ("audio/wav", ("lossless", "preview"), "*/*", "original"),
        ("audio/wav", ("lossless", "preview"), "audio/*", "original"),
        ("audio/wav", ("lossless",), "audio/flac, */*;q=0.5", "lossless"),
        ("audio/flac", ("preview",), "audio/mp4", "original"),
        ("audio/flac", (), "audio/mp4", "original"),
        ("audio/flac", (), None, "original"),
    ],
)
def test_the_asker_gets_what_is_best_for_him(
    content_type: str, names: tuple[str, ...], accept: str | None, chosen: str
) -> None:
    assert select(track(content_type, *names), None, accept).rendition == chosen


def test_what_is_chosen_has_the_fields_of_its_own_file() -> None:
    original = track("audio/aiff", *ALL)
    played = select(original, "playback", "audio/flac")
    assert (played.id, played.title, played.visibility) == (
        *(original.id, original.title),
        original.visibility,
    )
    assert (played.file_source, played.file_path) == (FileSource.S3, None)
    assert played.s3_object_key == "renditions/x/playback"
    assert (played.sha256, played.size_bytes, played.generation) == ("cd" * 32, 1000, 2)
    assert (played.content_type, played.extension) == ("audio/mp4", "ext")
    assert played.duration_s == 61.5
    assert played.start_offset_s == pytest.approx(0.0119954649, abs=1e-9)
    assert select(original, "original", "audio/mp4") is original


@given(
    names=st.sampled_from([c for n in range(4) for c in combinations(ALL, n)]),
    wanted=st.sampled_from([*ALL, "original", "karaoke", ""]),
    accept=st.none() | st.text(max_size=60),
)
def test_what_is_named_is_played_or_not_found_whatever_is_accepted(
    names: tuple[str, ...], wanted: str, accept: str | None
) -> None:
    asked = track("audio/aiff", *names)
    if wanted in {*names, "original"}:
        assert select(asked, wanted, accept).rendition == wanted
    else:
        with pytest.raises(NotFound):
            select(asked, wanted, accept)
    assert select(asked, None, accept).rendition in {*names, "original"} - {"preview"}


def test_what_is_packed_is_read_back() -> None:
    assert unpack(None) == unpack("") == ()
    [ready] = unpack(packed("lossless"))
    assert ready == Ready(
        name=RenditionName.LOSSLESS,
        file_source=FileSource.S3,
        file_path=None,
        s3_object_key="renditions/x/lossless",
        generation=2,
        extension="ext",
        content_type="audio/flac",
        sha256="cd" * 32,
        size_bytes=1000,
        duration_s=61.5,
        start_offset_s=0.011995464852607709,
    )


@dataclass
class Row:
    file_state: FileState
    file_source: FileSource | None = None
    clean_after: datetime | None = None


LATER = NOW + timedelta(hours=1)
LOCAL, S3 = FileSource.LOCAL, FileSource.S3


@pytest.mark.parametrize(
    ("row", "policy", "step", "wakes_at"),
    [
        (Row(FileState.PENDING), HERE, Step.RENDER, NOW),
        (Row(FileState.FAILED), TO_S3, None, None),
        (Row(FileState.DELETING), HERE, Step.DELETE, NOW),
        (Row(FileState.STABLE, LOCAL), HERE, None, None),
        (Row(FileState.STABLE, LOCAL), TO_S3, Step.PUBLISH, NOW),
        (Row(FileState.STABLE, S3), TO_S3, None, None),
        (Row(FileState.COPYING, LOCAL), HERE, Step.PUBLISH, NOW),
        (Row(FileState.CLEANING, S3, LATER), TO_S3, None, LATER),
        (Row(FileState.CLEANING, S3, NOW), TO_S3, Step.CLEAN, NOW),
        (Row(FileState.CLEANING, S3, FOR_EVER), TO_S3, None, None),
    ],
)
def test_a_rendition_is_made_and_then_moves_as_a_track_does(
    row: Row, policy: Policy, step: Step | None, wakes_at: datetime | None
) -> None:
    assert next_rendition_step(row, policy, NOW) is step
    assert rendition_wakes_at(row, policy, NOW) == wakes_at


def waveform(*levels: int, points_per_s: float = 1.0) -> dict[str, object]:
    bands = {band: list(levels) for band in ("low", "mid", "high")}
    return {"waveform": {"points_per_s": points_per_s, **bands}}


@pytest.mark.parametrize(
    ("analysis", "length_s", "start_s"),
    [
        (waveform(0, 0, 9, 9, 0, 0), 2, 2.0),
        (waveform(9, 9, 0, 0, 0, 0), 2, 0.0),
        (waveform(0, 0, 0, 0, 9, 9), 2, 4.0),
        (waveform(0, 0, 0, 0, 9, 9, points_per_s=2), 1, 2.0),
        (waveform(1, 1, 1), 3, 0.0),
        (waveform(1, 1), 3, None),
        (waveform(), 3, None),
        (waveform(1, 1, points_per_s=0), 1, None),
        ({}, 3, None),
    ],
)
def test_a_preview_starts_where_most_happens(
    analysis: dict[str, object], length_s: float, start_s: float | None
) -> None:
    assert loudest(analysis, length_s) == start_s


def test_the_settings_become_wishes() -> None:
    secret = {"AUTODJ_SECRET": "q8Zr3vN0tYx7LmC2sKd9WbE5hUjP1aGf"}
    assert Policy.of(load(secret), 1).wishes == Wishes()
    given = {
        "RENDITIONS": "always",
        "RENDITION_FORMAT": "mp3",
        "RENDITION_BITRATE_BPS": "192000",
        "RENDITION_LOSSLESS": "false",
        "PREVIEW_S": "0",
        "PREVIEW_BITRATE_BPS": "96000",
        "RENDER_TIMEOUT_S": "600",
    }
    policy = Policy.of(load({**secret, **given}), 1)
    assert policy.wishes == Wishes(
        mode=RenditionMode.ALWAYS,
        extension="mp3",
        bit_rate_bps=192_000,
        lossless=False,
        preview_s=0,
        preview_bit_rate_bps=96_000,
    )
    assert policy.render_timeout_s == 600


def test_the_basket_of_the_tracks_says_how_they_are_coded(tmp_path: Path) -> None:
    (tmp_path / "storage.yaml").write_text(
        "storage:\n  default_type: local\n  baskets:\n    music:\n      kinds: tracks\n"
        "      rendition_format: mp3\n      rendition_bitrate_bps: 128000\n"
    )
    given = {
        "AUTODJ_SECRET": "q8Zr3vN0tYx7LmC2sKd9WbE5hUjP1aGf",
        "STORAGE_CONFIG": str(tmp_path / "storage.yaml"),
    }
    wishes = Policy.of(load(given), 1).wishes
    assert (wishes.extension, wishes.bit_rate_bps) == ("mp3", 128_000)
