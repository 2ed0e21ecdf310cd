"""What one process remembers of where tracks are played from is never used too late."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Coroutine, Generator, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from autodj.db import FileSource, Visibility
from autodj.db.playables import Playable
from autodj.errors import DatabaseUnavailable, NotFound
from autodj.tracks.places import FRESH_S, MAX_ANSWERS, TRACK_BYTES, Place, Places

LINK_LIFE_S = 3.0
GRACE_S = LINK_LIFE_S + FRESH_S
"""The least that is safe: who has just read the row before it moved may use it for
``FRESH_S``, and the listener what he was given for ``LINK_LIFE_S``."""

OWNER = uuid4()


def make_playable(track_id: UUID | None = None, **changes: Any) -> Playable:
    track = Playable(
        id=track_id or uuid4(),
        owner_id=OWNER,
        visibility=Visibility.PUBLIC,
        file_source=FileSource.LOCAL,
        file_path="tracks/0",
        s3_object_key=None,
        generation=0,
        title="Night Bus",
        extension="mp3",
        content_type="audio/mpeg",
        sha256="ab" * 32,
        size_bytes=7_200_000,
        duration_s=180.0,
    )
    return replace(track, **changes)


def source_of(track: Playable) -> str:
    found = track.file_path if track.file_source is FileSource.LOCAL else track.s3_object_key
    assert found is not None
    return found


@dataclass
class Answer:
    good_until_s: float = math.inf
    size_bytes: int = 100


class Query:
    """One that is under way: it has seen the row, and brings it when it is told to."""

    def __init__(self, seen: Playable | None) -> None:
        self._seen = seen

    def __await__(self) -> Generator[None, None, Playable]:
        yield
        if self._seen is None:
            raise NotFound
        return self._seen


class Careless(Places[Answer]):
    """Once read, for ever used."""

    def is_fresh(self, place: Place[Answer]) -> bool:
        return place.read_at_s > -math.inf


class Late(Places[Answer]):
    """Counts the age of a row from when it came, not from when it was asked for."""

    async def read(self, track_id: UUID) -> Place[Answer]:
        place = await super().read(track_id)
        place.read_at_s = self._clock()
        return place


class Deaf(Places[Answer]):
    """Does not hear of the process's own changes."""

    def forget(self, track_id: UUID) -> None:
        del track_id


class Eager(Places[Answer]):
    """Remembers a row that was under way while the process itself changed it."""

    def forget(self, track_id: UUID) -> None:
        self._drop(str(track_id))


class World:
    """A row as it is committed, the objects it leads to, the time, and one process that serves
    the track to everybody at every moment.
    """

    def __init__(self, kind: type[Places[Answer]], *, tells: bool, grace_s: float) -> None:
        self.now_s = 1_000_000.0
        self.row: Playable | None = make_playable()
        self.objects = {source_of(self.row)}
        self.old = ""
        self.clean_after_s = math.inf
        self.promised_until_s: dict[str, float] = {}
        self.gone_at_s = self.private_at_s = math.inf
        self.ours = False
        self.commits = 0
        self._tells = tells
        self._grace_s = grace_s
        self._track_id = self.row.id
        self._places = kind(self, clock=lambda: self.now_s)
        self._reading: list[Coroutine[Any, Any, Place[Answer]]] = []

    def stamp(self) -> int:
        return self.commits if self._tells else 0

    async def read(self, track_id: UUID) -> Playable:
        assert track_id == self._track_id
        return await Query(self.row)

    def close(self) -> None:
        for reading in self._reading:
            reading.close()

    # What may happen; each returns whether it could

    def move(self) -> bool:
        """To S3 or back: copied and verified before, then the row goes over at once."""
        if self.row is None or self.clean_after_s < math.inf:
            return False
        generation, here = self.row.generation + 1, self.row.file_source is FileSource.LOCAL
        self.old, key = source_of(self.row), f"tracks/{generation}"
        self.objects.add(key)
        self._commit(
            replace(
                self.row,
                generation=generation,
                file_source=FileSource.S3 if here else FileSource.LOCAL,
                s3_object_key=key if here else self.old,
                file_path=self.old if here else key,
            )
        )
        self.clean_after_s = self.now_s + self._grace_s
        return True

    def clean(self) -> bool:
        if self.now_s < self.clean_after_s:
            return False
        assert self.promised_until_s.get(self.old, 0) <= self.now_s, "a link is cut off"
        self.objects.discard(self.old)
        self.clean_after_s = math.inf
        return True

    def change_who_may_hear(self, *, ours: bool) -> bool:
        if self.row is None:
            return False
        public = self.row.visibility is Visibility.PUBLIC
        self._commit(
            replace(self.row, visibility=Visibility.PRIVATE if public else Visibility.PUBLIC)
        )
        self.private_at_s = self.now_s if public else math.inf
        self._tell_ourselves(ours=ours)
        return True

    def delete(self, *, ours: bool) -> bool:
        """The objects may go at once: nobody is to hear the track any more."""
        if self.row is None:
            return False
        self._commit(None)
        self.gone_at_s = self.now_s
        self.clean_after_s = math.inf
        self.objects.clear()
        self._tell_ourselves(ours=ours)
        return True

    def set_out_to_read(self) -> bool:
        reading = self._places.read(self._track_id)
        reading.send(None)
        self._reading.append(reading)
        return True

    def come_back(self) -> bool:
        """The queries of a process follow each other, and so do their answers."""
        if not self._reading:
            return False
        with suppress(StopIteration, NotFound):
            self._reading.pop(0).send(None)
        return True

    def pass_time(self, seconds: float) -> bool:
        self.now_s += seconds
        return True

    def serve(self) -> None:
        """Use what is remembered without asking the database, and look whether that was right."""
        place = self._places.fresh(str(self._track_id))
        if place is None:
            return
        if self._tells:
            assert place.track == self.row, "the database had told"
        if self.row is None:
            assert self.now_s - self.gone_at_s < FRESH_S, "long deleted"
            assert not self.ours, "deleted by ourselves"
            return
        source = source_of(place.track)
        assert source in self.objects, "the bytes are gone"
        self.promised_until_s[source] = self.now_s + LINK_LIFE_S
        if place.track.visibility is Visibility.PUBLIC is not self.row.visibility:
            assert self.now_s - self.private_at_s < FRESH_S, "long private"
            assert not self.ours, "made private by ourselves"

    def _commit(self, row: Playable | None) -> None:
        self.row = row
        self.commits += 1

    def _tell_ourselves(self, *, ours: bool) -> None:
        self.ours = ours
        if ours:
            self._places.forget(self._track_id)


EVENTS: tuple[Callable[[World], bool], ...] = (
    World.move,
    World.clean,
    lambda world: world.change_who_may_hear(ours=False),
    lambda world: world.change_who_may_hear(ours=True),
    lambda world: world.delete(ours=False),
    lambda world: world.delete(ours=True),
    World.set_out_to_read,
    World.come_back,
    lambda world: world.pass_time(0.75 * FRESH_S),
    lambda world: world.pass_time(LINK_LIFE_S - 0.6),
)


def live(make: Callable[[], World], events: Iterable[Callable[[World], bool]]) -> int:
    """Let the events happen, serving after each; how many did before one could not."""
    world = make()
    try:
        for count, event in enumerate(events):
            if not event(world):
                return count
            world.serve()
    finally:
        world.close()
    return MAX_STEPS


MAX_STEPS = 1000


def every_history(make: Callable[[], World], length: int) -> int:
    """Live all sequences of events of that length that can be; how many there are."""
    lived, choices = 0, [0] * length
    while True:
        done = live(make, (EVENTS[choice] for choice in choices))
        lived += done == MAX_STEPS
        # The next one that does not begin with what could not be.
        at = min(done, length - 1)
        while choices[at] == len(EVENTS) - 1:
            if at == 0:
                return lived
            at -= 1
        choices[at] += 1
        choices[at + 1 :] = [0] * (length - at - 1)


def random_histories(make: Callable[[], World], count: int) -> None:
    chance = random.Random(20260301)
    for _ in range(count):
        world = make()
        for _ in range(60):
            if chance.choice(EVENTS)(world):
                world.serve()
        world.close()


def worlds(
    kind: type[Places[Answer]] = Places, *, tells: bool = False, grace_s: float = GRACE_S
) -> Callable[[], World]:
    return lambda: World(kind, tells=tells, grace_s=grace_s)


@pytest.mark.parametrize("tells", [False, True])
def test_no_source_is_used_after_its_bytes_may_be_gone(tells: bool) -> None:
    assert every_history(worlds(tells=tells), 5) > 10_000
    random_histories(worlds(tells=tells), 1000)


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        (worlds(Careless), "gone|cut off|long|ourselves"),
        (worlds(Careless, tells=True), "the database had told"),
        (worlds(Late), "long"),
        (worlds(Deaf), "ourselves"),
        (worlds(Eager), "ourselves"),
        (worlds(grace_s=LINK_LIFE_S), "cut off"),
    ],
    ids=["never looks", "never asks", "counts from later", "deaf", "eager", "short grace"],
)
def test_a_cache_that_is_wrong_is_found_out(wrong: Callable[[], World], complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        random_histories(wrong, 2000)


# What is remembered, and for how long


class Rows:
    """Rows that are read at once; ``reads`` counts how often."""

    def __init__(self, *tracks: Playable) -> None:
        self.tracks = {track.id: track for track in tracks}
        self.number = 0
        self.reads = 0
        self.broken = False

    def stamp(self) -> int:
        return self.number

    async def read(self, track_id: UUID) -> Playable:
        self.reads += 1
        if self.broken:
            raise DatabaseUnavailable
        if track_id not in self.tracks:
            raise NotFound
        return self.tracks[track_id]


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_000_000.0

    def __call__(self) -> float:
        return self.now_s


async def test_a_row_is_read_once_while_it_is_fresh_and_then_again() -> None:
    track, clock = make_playable(), Clock()
    rows = Rows(track)
    places: Places[Answer] = Places(rows, clock=clock)
    first = await places.find(track.id)
    clock.now_s += FRESH_S - 0.01
    assert await places.find(track.id) is first
    assert rows.reads == 1
    clock.now_s += 0.01
    assert places.fresh(str(track.id)) is None
    assert (await places.find(track.id)).track == track
    assert rows.reads == 2
    rows.number += 1
    await places.find(track.id)
    assert rows.reads == 3
    clock.now_s -= 10  # set back
    await places.find(track.id)
    assert rows.reads == 4


async def test_answers_stay_while_the_row_is_the_same_and_go_with_it() -> None:
    track, clock = make_playable(), Clock()
    rows = Rows(track)
    places: Places[Answer] = Places(rows, clock=clock)
    answer = Answer(good_until_s=clock.now_s + 60)
    places.keep(await places.find(track.id), "url", answer)
    clock.now_s += 59
    place = await places.find(track.id)
    assert places.answer(place, "url") is answer
    assert places.answer(place, "stream") is None
    clock.now_s += 1
    assert places.answer(await places.find(track.id), "url") is None
    places.keep(place, "url", Answer())
    rows.tracks[track.id] = replace(track, generation=1)
    clock.now_s += FRESH_S
    assert places.answer(await places.find(track.id), "url") is None


async def test_what_is_not_there_is_asked_for_each_time() -> None:
    track = make_playable()
    rows = Rows()
    places: Places[Answer] = Places(rows, clock=Clock())
    for _ in range(2):
        with pytest.raises(NotFound):
            await places.find(track.id)
    assert (rows.reads, len(places)) == (2, 0)
    rows.tracks[track.id] = track
    assert (await places.find(track.id)).track == track
    del rows.tracks[track.id]
    with pytest.raises(NotFound):
        await places.read(track.id)
    assert (len(places), places.size_bytes) == (0, 0)


async def test_a_database_that_fails_takes_nothing_away() -> None:
    track, clock = make_playable(), Clock()
    rows = Rows(track)
    places: Places[Answer] = Places(rows, clock=clock)
    place = await places.find(track.id)
    rows.broken = True
    with pytest.raises(DatabaseUnavailable):
        await places.read(track.id)
    assert await places.find(track.id) is place
    clock.now_s += FRESH_S
    with pytest.raises(DatabaseUnavailable):
        await places.find(track.id)


async def test_places_are_bounded_in_number_and_in_bytes() -> None:
    tracks = [make_playable() for _ in range(5)]
    places: Places[Answer] = Places(Rows(*tracks), clock=Clock(), max_tracks=3)
    found = [await places.find(track.id) for track in tracks]
    assert len(places) == 3
    assert [places.is_fresh(place) for place in found] == [False, False, True, True, True]
    await places.read(tracks[2].id)  # now the youngest
    await places.find(tracks[0].id)
    assert places.fresh(str(tracks[2].id)) is not None
    assert places.fresh(str(tracks[3].id)) is None

    small: Places[Answer] = Places(Rows(*tracks), clock=Clock(), max_bytes=3 * TRACK_BYTES + 500)
    found = [await small.find(track.id) for track in tracks[:3]]
    small.keep(found[2], "url", Answer(size_bytes=400))
    assert (len(small), small.size_bytes) == (3, 3 * TRACK_BYTES + 400)
    small.keep(found[2], "url", Answer(size_bytes=500))
    assert (len(small), small.size_bytes) == (3, 3 * TRACK_BYTES + 500)
    small.keep(found[1], "url", Answer(size_bytes=1))
    assert (len(small), small.size_bytes) == (2, 2 * TRACK_BYTES + 501)
    small.keep(found[0], "url", Answer(size_bytes=10**9))  # no longer remembered
    assert small.size_bytes == 2 * TRACK_BYTES + 501


async def test_one_track_has_few_answers() -> None:
    track = make_playable()
    places: Places[Answer] = Places(Rows(track), clock=Clock())
    place = await places.find(track.id)
    for number in range(10 * MAX_ANSWERS):
        places.keep(place, number, Answer())
        assert len(place.answers) <= MAX_ANSWERS
        assert places.answer(place, number) is not None
    assert places.size_bytes == TRACK_BYTES + 100 * len(place.answers)
