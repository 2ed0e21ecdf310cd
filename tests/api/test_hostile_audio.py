"""Audio that was made to hurt, sent as anybody may send it: what is answered, and what stays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from httpx2 import Response

from tests.api.stage import Person, Stage
from tests.audio.hostile import Hostile, hostile_files, playlists, tagged_mp3
from tests.audio.silence import silent_flac
from tests.listening import listening

TRACKS = "/api/v1/tracks"


@dataclass(frozen=True)
class Verdict:
    """The status, and the problem's code; accepted files have none."""

    status: int
    code: str | None = None


NO_KIND = Verdict(415, "unsupported_media")
NO_AUDIO = Verdict(422, "no_audio")
NO_DECODING = Verdict(422, "undecodable")
TRUNCATED = Verdict(422, "truncated")
CHANNELS = Verdict(422, "channels")
SAMPLE_RATE = Verdict(422, "sample_rate")
TAGS = Verdict(422, "tags_too_large")
TAKEN = Verdict(201)

LINES: Mapping[str, Mapping[str, Verdict]] = {
    "an empty file": {"nothing": Verdict(422, "empty")},
    "a single byte": {"one byte": NO_AUDIO},
    "a mebibyte of zeros": {"zeros": NO_KIND},
    "a mebibyte of ones": {"ones": NO_KIND},
    "sync words of MP3 without a frame": {"sync words without frames": NO_AUDIO},
    "a program named .mp3": {"an ELF program": NO_KIND},
    "a page that says 404, named .mp3": {"a page": NO_KIND},
    "an archive named .mp3": {"an archive": NO_KIND, "gzip": NO_KIND},
    "a script in front of MP3": {"a script before MP3": NO_KIND},
    "a playlist that leads elsewhere": {
        "m3u8 over http": NO_KIND,
        "m3u8 of a file": NO_KIND,
        "m3u8 of a neighbour": NO_KIND,
        "m3u8 with a key": NO_KIND,
    },
    "a list of files named .mp3": {"ffconcat": NO_KIND},
    "descriptions of streams": {
        "SDP": NO_KIND,
        "MPD": NO_KIND,
        "an AVI": NO_KIND,
        "an AVI with a playlist inside": NO_KIND,
    },
    "4 GiB of WAV in a file of 4 KB": {
        "4 GiB of WAV in 4 KB": TRUNCATED,
        "WAV of unknown size": TRUNCATED,
        "4 TB of CAF in 4 KB": TRUNCATED,
    },
    "more channels than anybody has": {
        "65535 channels": CHANNELS,
        "nine channels": CHANNELS,
        "no channels": CHANNELS,
        "CAF of 2^31 channels": CHANNELS,
    },
    "WAV of no rate or of no bits": {"no rate": SAMPLE_RATE, "no bits": NO_DECODING},
    "a rate beyond all": {
        "a rate of 2^31 - 1": SAMPLE_RATE,
        "CAF of an infinite rate": SAMPLE_RATE,
    },
    "WAV without samples": {"WAV without samples": NO_AUDIO},
    "a header that is cut": {"WAV cut in its header": NO_DECODING},
    "FLAC that claims 2^36 - 1 samples": {"FLAC claiming 2^36 - 1 samples": TRUNCATED},
    "half a file": {
        "half a FLAC": TRUNCATED,
        "half an MP3": TRUNCATED,
        "half a WAV": TRUNCATED,
        "half a WavPack": TRUNCATED,
    },
    "ID3 that claims 256 MiB": {"ID3 claiming 256 MiB": TAGS},
    "ID3 that unpacks to very much": {
        "an ID3 bomb": TAGS,
        "an ID3 bomb of version 4": TAGS,
        "an ID3 bomb behind an extended header": TAGS,
        "an ID3 bomb behind bytes that are not in step": TAGS,
        "an ID3 bomb behind 5000 frames": TAGS,
        "an ID3 bomb behind another tag": TAGS,
        "an ID3 bomb inside a WAV": TAGS,
    },
    "2^31 Vorbis comments": {
        "2^31 Vorbis comments and no audio": TAGS,
        "2^31 comments in FLAC": TAGS,
        "2^31 comments in Ogg Vorbis": TAGS,
        "2^31 comments in Opus": TAGS,
        "a name of 2^31 bytes in FLAC": TAGS,
    },
    "2,000 boxes of MP4 in each other": {"2000 boxes in each other": NO_DECODING},
    "MP4 of 2^31 samples or a cover of 2 GiB": {
        "2^31 sample sizes": NO_DECODING,
        "a cover of 2 GiB and no audio": NO_AUDIO,
        "a cover of 2 GiB": TAGS,
        "a picture of 2 GiB in its cover": TAGS,
    },
    "twenty minutes of silence in eight channels": {"a bomb of silence": TAKEN},
    "tags that are not text": {"tags that are not text": TAKEN},
}
"""What is sent, by its description, and the verdict on each file of the kind."""

FILES = [(line, name) for line, files in LINES.items() for name in files]
IDS = [line if len(LINES[line]) == 1 else f"{line}: {name}" for line, name in FILES]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Every file of the table, by its name."""
    folder = tmp_path_factory.mktemp("hostile")
    cases: list[Hostile] = hostile_files(folder)
    return {
        **{case.name: case.data for case in cases},
        "a bomb of silence": silent_flac(minutes=20, rate_hz=96000, channels=8),
        "tags that are not text": tagged_mp3(folder),
    }


def send(stage: Stage, owner: Person, content: bytes) -> Response:
    return stage.client.post(TRACKS, files={"file": ("song.mp3", content)}, headers=owner.bearer)


def library(stage: Stage, owner: Person) -> tuple[int, list[Any]]:
    total = stage.client.get(TRACKS, headers=owner.bearer).json()["total"]
    jobs = stage.client.get("/api/v1/jobs", headers=owner.bearer).json()["items"]
    return total, jobs


def test_the_table_has_every_kind_of_hostile_audio() -> None:
    assert len(LINES) == 27
    assert all(LINES.values())
    assert sum(verdict == TAKEN for files in LINES.values() for verdict in files.values()) == 2


@pytest.mark.parametrize(
    ("line", "name"),
    FILES,
    ids=IDS,
)
def test_hostile_audio_gets_its_verdict_and_nothing_stays_of_what_is_refused(
    stage: Stage, owner: Person, hostile: dict[str, bytes], line: str, name: str
) -> None:
    before, verdict = stage.files(), LINES[line][name]
    answer = send(stage, owner, hostile[name])
    problem = answer.json()
    assert (answer.status_code, problem.get("code")) == (verdict.status, verdict.code), problem
    if verdict.code is None:
        assert library(stage, owner)[0] == 1
        return
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "status", "detail", "instance"} <= problem.keys()
    assert stage.files() == before
    assert library(stage, owner) == (0, [])


def test_audio_is_served_as_what_we_call_it_and_nobody_may_guess(
    stage: Stage, owner: Person, hostile: dict[str, bytes]
) -> None:
    track = send(stage, owner, hostile["tags that are not text"]).json()
    served = stage.client.get(f"{TRACKS}/{track['id']}/audio/stream", headers=owner.bearer)
    assert served.headers["content-type"] == "audio/mpeg"
    assert served.headers["x-content-type-options"] == "nosniff"


def test_tags_that_are_not_text_are_kept_clean_and_short(
    stage: Stage, owner: Person, hostile: dict[str, bytes]
) -> None:
    track = send(stage, owner, hostile["tags that are not text"]).json()
    assert track["title"] == "T" * 512
    assert track["artist"] == "broken \ufffd\ufffd words"
    assert track["album"] == "a cover.exe"


@pytest.fixture
def listener() -> Iterator[tuple[str, list[bytes]]]:
    with listening() as found:
        yield found


def test_a_playlist_makes_nobody_call_out(
    stage: Stage, owner: Person, listener: tuple[str, list[bytes]]
) -> None:
    address, heard = listener
    answers = {name: send(stage, owner, data) for name, data in playlists(address).items()}
    assert {answer.status_code for answer in answers.values()} == {415}
    assert heard == []


def test_what_is_refused_is_not_repeated_to_whoever_sent_it(stage: Stage, owner: Person) -> None:
    mark = b"aVeryOwnMark"
    for data in (mark * 100, b"RIFF" + mark * 20, b"ID3\x03\0\0\0\0\0\x7f" + mark * 40):
        assert mark not in send(stage, owner, data).content
