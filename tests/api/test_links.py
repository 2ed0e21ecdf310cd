"""Links to many tracks in one request."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from sqlalchemy import event

from autodj.api.links import MAX_IDS
from autodj.db import Visibility
from tests.api.stage import Person, Stage

URL = "/api/v1/tracks/audio/urls"


@contextmanager
def queries_of(stage: Stage) -> Iterator[list[str]]:
    """What is asked of the tables meanwhile."""
    asked: list[str] = []

    def note(_1: object, _2: object, statement: str, *_: object) -> None:
        if "FROM tracks" in statement:
            asked.append(statement)

    engine = stage.runtime.db.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(engine, "before_cursor_execute", note)


def test_each_track_has_the_link_that_it_has_by_itself_or_says_why_not(
    stage: Stage, owner: Person
) -> None:
    mine = stage.stored(owner, b"mine")
    shown = stage.stored(stage.person(), b"shown", visibility=Visibility.PUBLIC)
    hidden = stage.stored(stage.person(), b"hidden")
    none = uuid4()
    asked = "&".join(f"id={each}" for each in (shown.id, hidden.id, none, mine.id, mine.id))

    answer = stage.client.get(f"{URL}?{asked}", headers=owner.bearer)

    assert answer.status_code == 200, answer.text
    found = {each["track_id"]: each for each in answer.json()["items"]}
    assert [*found] == [str(shown.id), str(hidden.id), str(none), str(mine.id)]
    for track in (mine, shown):
        told = found[str(track.id)]
        alone = stage.client.get(f"/api/v1/tracks/{track.id}/audio/url", headers=owner.bearer)
        assert (told["link"], told["problem"]) == (alone.json(), None)
        assert told["link"]["source"] == "local"
    assert stage.client.get(found[str(mine.id)]["link"]["url"]).content == b"mine"
    for track_id in (hidden.id, none):
        told = found[str(track_id)]
        assert (told["link"], told["problem"]) == (None, "not_found")
    assert "no-store" in answer.headers["cache-control"]


def test_a_rendition_that_a_track_has_not_does_not_stop_the_others(
    stage: Stage, owner: Person
) -> None:
    track = stage.stored(owner, b"one")
    for rendition, problem in (("original", None), ("preview", "not_found")):
        url = f"{URL}?id={track.id}&rendition={rendition}"
        [told] = stage.client.get(url, headers=owner.bearer).json()["items"]
        assert told["problem"] == problem


def test_many_tracks_are_looked_for_by_one_query(postgres_stage: Stage) -> None:
    stage, owner = postgres_stage, postgres_stage.person()
    tracks = [stage.track(owner) for _ in range(20)]
    asked = "&".join(f"id={each.id}" for each in tracks)
    with queries_of(stage) as queries:
        links = stage.client.get(f"{URL}?{asked}", headers=owner.bearer).json()["items"]
    assert [each["problem"] for each in links] == [None] * 20
    assert len(queries) == 1


def test_a_playlist_of_links_looks_for_its_tracks_by_one_query(postgres_stage: Stage) -> None:
    stage, owner = postgres_stage, postgres_stage.person()
    for _ in range(20):
        stage.track(owner)
    with queries_of(stage) as queries:
        answer = stage.client.get("/api/v1/export?format=m3u8", headers=owner.bearer)
    assert answer.text.count("/audio/stream?expires=") == 20
    assert len(queries) == 2  # the list, and what delivery needs of it


def test_who_asks_for_nothing_or_too_much_is_refused(stage: Stage, owner: Person) -> None:
    many = "&".join(f"id={uuid4()}" for _ in range(MAX_IDS + 1))
    for query in ("", f"?{many}", "?id=x", f"?id={uuid4()}&x=1"):
        assert stage.client.get(f"{URL}{query}", headers=owner.bearer).status_code == 422
    assert stage.client.get(f"{URL}?id={uuid4()}").status_code == 401
