"""Where tracks are played from, remembered by one process for a moment.

What is remembered may be used while it is *fresh*: read from the row less than ``FRESH_S``
ago, and nothing has been committed since as far as the database can say. After that the row is
read again; links and answers made from it stay as long as the row is the same. So no process
uses a source for longer than ``FRESH_S`` after another has changed it, which is far less than
the old copy of a moved track lives.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Hashable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar
from uuid import UUID

from autodj.db.playables import Playable
from autodj.db.playing import PlayableRows
from autodj.errors import NotFound

FRESH_S = 1.0
MAX_TRACKS = 16_384
MAX_BYTES = 32 * 1024 * 1024
MAX_ANSWERS = 8
NEVER = -math.inf
TRACK_BYTES = 2048
"""About what one row takes in memory."""


class Kept(Protocol):
    """An answer as it is remembered: good until a time, and of a size."""

    @property
    def good_until_s(self) -> float: ...

    @property
    def size_bytes(self) -> int: ...


A = TypeVar("A", bound=Kept)


@dataclass(slots=True, eq=False)
class Place(Generic[A]):
    """A row as it was at ``read_at_s`` (Unix seconds), and the answers made from it.

    One that is not remembered, or no more, was never read: nobody finds it fresh.
    """

    track: Playable
    read_at_s: float = NEVER
    stamp: int = 0
    size_bytes: int = TRACK_BYTES
    answers: dict[Hashable, A] = field(default_factory=dict)


class Places(Generic[A]):
    """The places of one process, bounded in number and in bytes.

    For one event loop: nothing here is locked. ``clock`` gives Unix seconds; a clock that is
    set back makes everything stale.
    """

    def __init__(
        self,
        rows: PlayableRows,
        *,
        clock: Callable[[], float],
        fresh_s: float = FRESH_S,
        max_tracks: int = MAX_TRACKS,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._rows = rows
        self._clock = clock
        self._fresh_s = fresh_s
        self._max_tracks = max_tracks
        self._max_bytes = max_bytes
        # The one that was read longest ago comes first.
        self._places: dict[str, Place[A]] = {}
        self._bytes = 0
        self._writes = 0

    def fresh(self, track_id: str) -> Place[A] | None:
        """The place of the track with this id, in lower case, if it may be used now."""
        place = self._places.get(track_id)
        return place if place is not None and self.is_fresh(place) else None

    def is_fresh(self, place: Place[A]) -> bool:
        """Whether a place that was found before may still be used."""
        return (
            0 <= self._clock() - place.read_at_s < self._fresh_s
            and place.stamp == self._rows.stamp()
        )

    async def find(self, track_id: UUID) -> Place[A]:
        """The place of the track, read if need be. NotFound is never remembered."""
        return self.fresh(str(track_id)) or await self.read(track_id)

    async def find_all(self, track_ids: Iterable[UUID]) -> Mapping[UUID, Place[A]]:
        """The places of those of the tracks that there are, by as few queries as can be."""

        async def find(track_id: UUID) -> Place[A] | None:
            with suppress(NotFound):
                return await self.find(track_id)
            return None

        wanted = list(dict.fromkeys(track_ids))
        # Who asks at the same time is served together.
        found = await asyncio.gather(*map(find, wanted))
        return {each: place for each, place in zip(wanted, found, strict=True) if place}

    async def read(self, track_id: UUID) -> Place[A]:
        """The place as the row says now, whatever is remembered."""
        # Taken before the row: what is committed meanwhile makes the place stale.
        stamp, read_at_s, writes = self._rows.stamp(), self._clock(), self._writes
        key = str(track_id)
        try:
            track = await self._rows.read(track_id)
        except NotFound:
            self._drop(key)
            raise
        known = self._places.get(key)
        place = known if known is not None and known.track == track else Place(track)
        if writes == self._writes and (known is None or known.read_at_s <= read_at_s):
            if place is not known:
                self._drop(key)
            place.read_at_s, place.stamp = read_at_s, stamp
            self._remember(key, place)
        return place

    def answer(self, place: Place[A], asked: Hashable) -> A | None:
        """What was kept for the question, if it is still good."""
        found = place.answers.get(asked)
        return found if found is not None and self._clock() < found.good_until_s else None

    def keep(self, place: Place[A], asked: Hashable, answer: A) -> None:
        """Remember an answer for as long as the row stays the same and the answer is good."""
        if len(place.answers) >= MAX_ANSWERS:
            place.answers.clear()
        place.answers[asked] = answer
        key = str(place.track.id)
        if self._places.get(key) is place:
            self._bytes -= place.size_bytes
            place.size_bytes = TRACK_BYTES + sum(each.size_bytes for each in place.answers.values())
            self._bytes += place.size_bytes
            self._make_room()

    def forget(self, track_id: UUID) -> None:
        """For the process's own changes, after their commit: the next to ask reads the row."""
        self._writes += 1
        self._drop(str(track_id))

    def __len__(self) -> int:
        return len(self._places)

    @property
    def size_bytes(self) -> int:
        """About how much memory is taken."""
        return self._bytes

    def _remember(self, key: str, place: Place[A]) -> None:
        if self._places.pop(key, None) is None:
            self._bytes += place.size_bytes
        self._places[key] = place
        self._make_room()

    def _make_room(self) -> None:
        while len(self._places) > self._max_tracks or self._bytes > self._max_bytes:
            self._drop(next(iter(self._places)))

    def _drop(self, key: str) -> None:
        place = self._places.pop(key, None)
        if place is not None:
            self._bytes -= place.size_bytes
            place.read_at_s = NEVER
