"""The public copy's states, on both engines: which moves there are, and from where."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import product

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from autodj.db import Database, FileSource, PublicState, Track, Visibility, library, tracks
from autodj.db import public as public_rows
from autodj.errors import Conflict
from tests.builders import MOMENT, make_track, make_user

STATES = (None, *PublicState)
NEW_KEY = "public/new"
Move = Callable[[AsyncSession, Track], Awaitable[None]]


async def begin(session: AsyncSession, row: Track) -> None:
    await public_rows.begin(session, row, key=f"{NEW_KEY}/{row.id}", now=MOMENT)


async def open_to_all(session: AsyncSession, row: Track) -> None:
    await public_rows.open_to_all(session, row, now=MOMENT)


async def close(session: AsyncSession, row: Track) -> None:
    await public_rows.close(session, row, now=MOMENT)


async def forget(session: AsyncSession, row: Track) -> None:
    await public_rows.forget(session, row, now=MOMENT)


# Each move, the states it leads from, and whether the track must be public on S3.
MOVES: dict[Move, tuple[set[PublicState | None], bool, PublicState | None]] = {
    begin: ({None}, True, PublicState.MAKING),
    open_to_all: ({PublicState.MAKING}, True, PublicState.OPEN),
    close: ({PublicState.MAKING, PublicState.OPEN}, False, PublicState.CLOSING),
    forget: ({PublicState.CLOSING}, False, None),
}


async def add(db: Database, **columns: object) -> Track:
    user = make_user()
    track = make_track(user.id, **columns)
    async with db.transaction() as session:
        session.add(user)
        await session.flush()
        session.add(track)
    return track


async def add_copy(
    db: Database, state: PublicState | None, visibility: Visibility, source: FileSource
) -> Track:
    on_s3 = source is FileSource.S3
    track = make_track(make_user().id)
    return await add(
        db,
        id=track.id,
        visibility=visibility,
        file_source=source,
        file_path=None if on_s3 else track.file_path,
        s3_object_key=f"tracks/{track.id}" if on_s3 else None,
        public_state=state,
        public_object_key=None if state is None else f"public/{track.id}",
    )


@pytest.mark.parametrize("move", list(MOVES), ids=lambda move: move.__name__)
async def test_a_move_leads_from_its_states_only(db: Database, move: Move) -> None:
    before, needs_public, after = MOVES[move]
    for state, visibility, source in product(STATES, Visibility, FileSource):
        row = await add_copy(db, state, visibility, source)
        is_public = (visibility, source) == (Visibility.PUBLIC, FileSource.S3)
        allowed = state in before and (is_public or not needs_public)
        try:
            async with db.transaction() as session:
                await move(session, row)
            moved = True
        except Conflict:
            moved = False
        assert moved is allowed, (state, visibility, source)
        async with db.transaction() as session:
            now = await tracks.get(session, row.id)
        assert now.public_state == (after if allowed else state)
        assert (now.public_object_key is None) is (now.public_state is None)


@pytest.mark.parametrize("move", [open_to_all, close, forget], ids=lambda move: move.__name__)
async def test_a_move_of_one_copy_does_not_touch_another(db: Database, move: Move) -> None:
    [state, *_] = MOVES[move][0]
    row = await add_copy(db, state, Visibility.PUBLIC, FileSource.S3)
    row.public_object_key = "public/an-earlier-one"
    with pytest.raises(Conflict):
        async with db.transaction() as session:
            await move(session, row)


async def test_readers_see_that_a_copy_opens_and_closes_by_the_rows_version(db: Database) -> None:
    row = await add_copy(db, PublicState.MAKING, Visibility.PUBLIC, FileSource.S3)
    async with db.transaction() as session:
        await open_to_all(session, row)
        await close(session, row)
        assert (await tracks.get(session, row.id)).version == row.version + 2


async def test_a_row_that_was_changed_since_it_was_read_is_not_put_to_rest(db: Database) -> None:
    row = await add(db)
    async with db.transaction() as session:
        locked = await tracks.get_owned(session, row.id, row.owner_id, lock=True)
        library.correct(locked, {"visibility": Visibility.PUBLIC}, now=MOMENT)
    async with db.transaction() as session:
        read_before = row
        await tracks.postpone(session, read_before, until=None, attempts=0, failure=None)
        found = await tracks.get(session, row.id)
        assert found.next_attempt_at == MOMENT
        await tracks.postpone(session, found, until=None, attempts=0, failure=None)
        assert (await tracks.get(session, row.id)).next_attempt_at is None
