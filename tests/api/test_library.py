"""Listing, looking at, correcting and deleting what is one's own."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autodj.api.listing import camelot_of, read_cursor, write_cursor
from autodj.audio.keynames import MODES, PITCHES
from autodj.db import (
    AnalysisState,
    FileSource,
    FileState,
    Session,
    Track,
    Visibility,
    tracks,
)
from tests.api.stage import Person, Stage
from tests.builders import MOMENT, make_track

TRACKS = "/api/v1/tracks"


def titles(stage: Stage, owner: Person, query: str = "") -> list[str]:
    answer = stage.client.get(f"{TRACKS}{query}", headers=owner.bearer)
    assert answer.status_code == 200, answer.text
    return [track["title"] for track in answer.json()["items"]]


@pytest.fixture
def shelf(either_stage: Stage) -> tuple[Stage, Person]:
    """Four tracks of one owner and one of somebody else."""
    stage = either_stage
    owner, other = stage.person(), stage.person()
    on_s3: dict[str, Any] = {
        "file_source": FileSource.S3,
        "file_path": None,
        "s3_object_key": f"tracks/{uuid4()}/1",
    }
    measured: dict[str, Any] = {"analysis_state": AnalysisState.DONE, "musical_key": "A minor"}
    shelf: list[dict[str, Any]] = [
        {"title": "First", "artist": "Ada 100%", "bpm": 120.0, "camelot": "8A", **measured},
        {"title": "Second", "artist": "Bea", "bpm": 124.5, "camelot": "9A", **on_s3},
        {"title": "Third", "album": "Night_Bus", "bpm": 87.0, "corrected_bpm": 174.0},
        {
            "title": "Fourth",
            "camelot": "8A",
            "corrected_camelot": "3B",
            "corrected_key": "Db major",
        },
    ]
    stage.add(
        *(
            make_track(owner.id, created_at=MOMENT + timedelta(minutes=number), **columns)
            for number, columns in enumerate(shelf)
        ),
        make_track(other.id, title="Not yours"),
        make_track(owner.id, title="Not yet", file_state=FileState.PENDING, file_source=None),
    )
    return stage, owner


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["Fourth", "Third", "Second", "First"]),
        ("?q=sec", ["Second"]),
        ("?q=BEA", ["Second"]),
        ("?q=night_", ["Third"]),
        ("?q=00%25", ["First"]),
        ("?q=%25", ["First"]),
        ("?q=", ["Fourth", "Third", "Second", "First"]),
        ("?q=nothing", []),
        ("?bpm_min=121", ["Third", "Second"]),
        ("?bpm_max=124.5", ["Second", "First"]),
        ("?bpm_min=170&bpm_max=180", ["Third"]),
        ("?key=8A", ["First"]),
        ("?key=8a", ["First"]),
        ("?key=A%20minor", ["First"]),
        ("?key=a+Minor", ["First"]),
        ("?key=3B", ["Fourth"]),
        ("?key=C%23%20major", ["Fourth"]),
        ("?source=s3", ["Second"]),
        ("?source=local&q=r", ["Fourth", "Third", "First"]),
        ("?state=stable", ["Fourth", "Third", "Second", "First"]),
        ("?state=copying", []),
        ("?analysis=done", ["First"]),
        ("?analysis=pending&source=local", ["Fourth", "Third"]),
    ],
)
def test_every_fact_narrows_the_list(
    shelf: tuple[Stage, Person], query: str, expected: list[str]
) -> None:
    assert titles(*shelf, query) == expected


def test_pages_follow_each_other_by_their_links_without_gap_or_repetition(
    either_stage: Stage,
) -> None:
    stage, owner = either_stage, either_stage.person()
    # Twins in time are told apart by id.
    stage.add(
        *(
            make_track(owner.id, title=f"{number}", created_at=MOMENT + timedelta(number // 3))
            for number in range(10)
        )
    )
    seen, url, pages = [], f"{TRACKS}?limit=4&q=&source=local", 0
    while url:
        answer = stage.client.get(url, headers=owner.bearer)
        page = answer.json()
        assert page["total"] == 10
        seen += [track["title"] for track in page["items"]]
        pages += 1
        link = answer.headers.get("link", "")
        assert bool(link) == (page["next_cursor"] is not None)
        url = link.removeprefix("<").partition(">")[0]
        if link:
            assert link.endswith('>; rel="next"')
            asked = parse_qs(urlsplit(url).query)
            assert asked == {
                "limit": ["4"],
                "source": ["local"],
                "cursor": [page["next_cursor"]],
            }
    assert pages == 3
    assert sorted(seen) == sorted(map(str, range(10)))
    assert [int(title) // 3 for title in seen] == sorted(
        (int(title) // 3 for title in seen), reverse=True
    )


def test_a_page_that_is_just_full_has_no_next(stage: Stage, owner: Person) -> None:
    stage.add(*(make_track(owner.id) for _ in range(3)))
    answer = stage.client.get(f"{TRACKS}?limit=3", headers=owner.bearer)
    assert answer.json()["next_cursor"] is None
    assert "link" not in answer.headers


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("limit=0", "/limit"),
        ("limit=201", "/limit"),
        ("limit=-1", "/limit"),
        ("limit=1000000000", "/limit"),
        ("limit=x", "/limit"),
        ("limit=%D9%A3", "/limit"),
        ("limit=", "/limit"),
        ("limit=5&limit=6", "/limit"),
        ("cursor=x", "/cursor"),
        ("cursor=AAAA", "/cursor"),
        ("cursor=%F0%9F%8E%B5", "/cursor"),
        ("cursor=f_________________________________", "/cursor"),
        ("bpm_min=nan", "/bpm_min"),
        ("bpm_max=inf", "/bpm_max"),
        ("bpm_min=-1", "/bpm_min"),
        ("key=13A", "/key"),
        ("key=H%20minor", "/key"),
        ("key=", "/key"),
        ("source=ftp", "/source"),
        ("state=pending", "/state"),
        ("analysis=DONE", "/analysis"),
        ("unknown=1", "/unknown"),
        ("q=%00", "/q"),
        (f"q={'x' * 201}", "/q"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(
    stage: Stage, owner: Person, query: str, pointer: str
) -> None:
    answer = stage.client.get(f"{TRACKS}?{query}", headers=owner.bearer)
    assert answer.status_code == 422, answer.text
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]


@given(
    moment=st.datetimes(timezones=st.just(MOMENT.tzinfo)),
    track_id=st.uuids(),
)
def test_a_cursor_is_read_as_it_was_written(moment: Any, track_id: Any) -> None:
    track = make_track(track_id, id=track_id, created_at=moment)
    assert read_cursor(write_cursor(track)) == (moment, track_id)


@given(st.text(max_size=64))
def test_what_was_never_a_cursor_is_a_value_error(text: str) -> None:
    try:
        read_cursor(text)
    except ValueError as error:
        assert "cursor" in str(error)  # noqa: PT017 - most texts are none, a few may be


def test_every_key_has_an_hour_by_name_and_by_number() -> None:
    hours = {camelot_of(f"{pitch} {mode}") for pitch in PITCHES for mode in MODES}
    assert len(hours) == 24
    assert {camelot_of(hour.lower()) for hour in hours} == hours


def test_a_track_is_shown_whole(stage: Stage, owner: Person) -> None:
    row = stage.track(owner, bpm=87.0, corrected_bpm=174.0, camelot="8A", musical_key="A minor")
    shown = stage.client.get(f"{TRACKS}/{row.id}", headers=owner.bearer).json()
    assert shown["id"] == str(row.id)
    assert shown["created_at"] == "2026-03-01T12:00:00Z"
    assert (shown["bpm"], shown["bpm_corrected"]) == (174.0, True)
    assert (shown["key"], shown["camelot"], shown["key_corrected"]) == ("A minor", "8A", False)
    assert shown["playable"] is True
    assert (shown["file_source"], shown["file_state"]) == ("local", "stable")
    assert shown["audio_url"] == f"{TRACKS}/{row.id}/audio/url"
    assert (shown["cover_url"], shown["job_id"]) == (None, None)
    assert shown["analysis"] == {"state": "pending", "version": None, "failure": None, "url": None}
    assert not {"owner_id", "file_path", "s3_object_key", "generation"} & set(shown)


def test_a_track_that_has_not_changed_is_not_sent_again(stage: Stage, owner: Person) -> None:
    path = f"{TRACKS}/{stage.track(owner).id}"
    etag = stage.client.get(path, headers=owner.bearer).headers["etag"]
    assert etag == '"v1"'
    again = stage.client.get(path, headers={**owner.bearer, "If-None-Match": f'"x", {etag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    changed = stage.client.patch(path, json={"title": "New"}, headers=owner.bearer)
    assert changed.headers["etag"] == '"v2"'
    again = stage.client.get(path, headers={**owner.bearer, "If-None-Match": etag})
    assert (again.status_code, again.json()["title"]) == (200, "New")


def test_a_track_whose_file_moves_has_changed_each_time(either_stage: Stage) -> None:
    stage = either_stage
    owner = stage.person()
    track, moment = stage.track(owner), MOMENT + timedelta(days=1)
    key = f"tracks/{track.id}/1-{track.sha256}.mp3"

    async def move(how: Callable[[Session, Track], Awaitable[None]]) -> None:
        async with stage.runtime.db.transaction() as session:
            await how(session, await tracks.get(session, track.id))

    reserve = partial(tracks.reserve, s3_object_key=key, now=moment)
    moves = [
        reserve,
        partial(tracks.abandon, failure="store_timeout", now=moment),
        reserve,
        partial(tracks.flip, clean_after=moment, now=moment),
        partial(tracks.cleaned, now=moment),
    ]
    seen: list[str] = []
    url = f"{TRACKS}/{track.id}"
    etag = stage.client.get(url, headers=owner.bearer).headers["etag"]
    for each in moves:
        stage.run(move, each)
        answer = stage.client.get(url, headers=owner.bearer | {"If-None-Match": etag})
        assert answer.status_code == 200, seen
        etag = answer.headers["etag"]
        seen.append(answer.json()["file_state"])
    assert seen == ["copying", "stable", "copying", "cleaning", "stable"]


@pytest.mark.parametrize(
    ("correction", "expected"),
    [
        ({"title": "  New name "}, {"title": "New name"}),
        ({"artist": "Ada", "album": "One"}, {"artist": "Ada", "album": "One"}),
        ({"artist": None}, {"artist": None}),
        ({"visibility": "public"}, {"visibility": "public"}),
        ({"bpm": 174}, {"bpm": 174.0, "bpm_corrected": True}),
        ({"bpm": None}, {"bpm": 87.0, "bpm_corrected": False}),
        ({"key": "db Major"}, {"key": "Db major", "camelot": "3B", "key_corrected": True}),
        ({"key": None}, {"key": "A minor", "camelot": "8A", "key_corrected": False}),
        ({"title": "夜行バス 🚌"}, {"title": "夜行バス 🚌"}),
    ],
)
def test_a_person_knows_better(
    stage: Stage, owner: Person, correction: dict[str, object], expected: dict[str, object]
) -> None:
    row = stage.track(
        owner, artist="Old", bpm=87.0, corrected_bpm=90.0, musical_key="A minor", camelot="8A"
    )
    path = f"{TRACKS}/{row.id}"
    answer = stage.client.patch(path, json=correction, headers=owner.bearer)
    assert answer.status_code == 200, answer.text
    for shown in (answer.json(), stage.client.get(path, headers=owner.bearer).json()):
        assert {name: shown[name] for name in expected} == expected
        assert shown["version"] == 2


def test_correcting_nothing_changes_nothing(stage: Stage, owner: Person) -> None:
    path = f"{TRACKS}/{stage.track(owner).id}"
    answer = stage.client.patch(path, json={}, headers=owner.bearer)
    assert (answer.status_code, answer.json()["version"]) == (200, 1)


@pytest.mark.parametrize(
    ("correction", "pointer"),
    [
        ({"title": ""}, "/title"),
        ({"title": "  "}, "/title"),
        ({"title": None}, "/title"),
        ({"title": "x" * 513}, "/title"),
        ({"title": 5}, "/title"),
        ({"title": "a\0b"}, "/title"),
        ({"title": "\ud800"}, "/title"),
        ({"bpm": 19.9}, "/bpm"),
        ({"bpm": 401}, "/bpm"),
        ({"bpm": "120"}, "/bpm"),
        ({"bpm": True}, "/bpm"),
        ({"key": "8A"}, "/key"),
        ({"key": "H minor"}, "/key"),
        ({"visibility": "secret"}, "/visibility"),
        ({"visibility": None}, "/visibility"),
        ({"owner_id": str(uuid4())}, "/owner_id"),
        ({"file_source": "s3"}, "/file_source"),
    ],
)
def test_a_correction_that_may_not_be_changes_nothing(
    stage: Stage, owner: Person, correction: dict[str, object], pointer: str
) -> None:
    path = f"{TRACKS}/{stage.track(owner).id}"
    # json.dumps escapes what UTF-8 cannot hold.
    headers = {**owner.bearer, "Content-Type": "application/json"}
    answer = stage.client.patch(path, content=json.dumps(correction), headers=headers)
    assert answer.status_code == 422, answer.text
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]
    assert stage.client.get(path, headers=owner.bearer).json()["version"] == 1


@pytest.mark.parametrize(
    ("header", "status"),
    [('"v1"', 200), ("*", 200), ('"v9", "v1"', 200), ('"v2"', 412), ('W/"v1"', 412), ("v1", 412)],
)
def test_a_change_can_insist_on_a_version(
    stage: Stage, owner: Person, header: str, status: int
) -> None:
    path = f"{TRACKS}/{stage.track(owner).id}"
    headers = {**owner.bearer, "If-Match": header}
    answer = stage.client.patch(path, json={"title": "New"}, headers=headers)
    assert answer.status_code == status
    assert (stage.client.get(path, headers=owner.bearer).json()["title"] == "New") == (
        status == 200
    )


def test_of_many_who_insist_on_the_same_version_one_wins(either_stage: Stage) -> None:
    stage, owner = either_stage, either_stage.person()
    path = f"{TRACKS}/{stage.track(owner).id}"
    headers = {**owner.bearer, "If-Match": '"v1"'}

    def correct(number: int) -> int:
        body = {"title": f"{number}"}
        return stage.client.patch(path, json=body, headers=headers).status_code

    with ThreadPoolExecutor(6) as pool:
        statuses = sorted(pool.map(correct, range(6)))
    assert statuses == [200, *[412] * 5]
    assert stage.client.get(path, headers=owner.bearer).json()["version"] == 2


def test_a_deleted_track_is_gone_at_once_and_waits_for_the_sweep(
    either_stage: Stage,
) -> None:
    stage, owner = either_stage, either_stage.person()
    row = stage.stored(owner, b"ID3" + bytes(1000))
    path = f"{TRACKS}/{row.id}"
    assert stage.client.delete(path, headers=owner.bearer).status_code == 204
    reads: list[Callable[[], Any]] = [
        lambda: stage.client.get(path, headers=owner.bearer),
        lambda: stage.client.get(f"{path}/audio/url", headers=owner.bearer),
        lambda: stage.client.get(f"{path}/audio/stream", headers=owner.bearer),
        lambda: stage.client.patch(path, json={"title": "x"}, headers=owner.bearer),
        lambda: stage.client.delete(path, headers=owner.bearer),
    ]
    assert [read().status_code for read in reads] == [404] * len(reads)
    assert titles(stage, owner) == []


def test_a_stranger_cannot_tell_mine_from_none(stage: Stage, owner: Person) -> None:
    other = stage.person()
    mine = f"{TRACKS}/{stage.track(owner, visibility=Visibility.PRIVATE).id}"
    none = f"{TRACKS}/{uuid4()}"
    answers = []
    for path in (mine, none):
        answer = stage.client.get(path, headers=other.bearer)
        assert answer.status_code == 404
        answers.append(
            {k: v for k, v in answer.json().items() if k not in {"instance", "request_id"}}
        )
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/tracks/1",
        "/api/v1/tracks/..%2f..%2fetc",
        "/api/v1/tracks/%00",
        "/api/v1/tracks//",
        "/api/v1/tracks/",
        "/api/v1/tracks/a%5Cb",
        "/api/v1/Tracks",
        "/api/v2/tracks",
        "/api/v1/tracks/" + "0" * 36,
    ],
)
def test_an_address_that_is_none_is_not_found(stage: Stage, owner: Person, path: str) -> None:
    answer = stage.client.get(path, headers=owner.bearer)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
