"""The file columns of a row can only ever hold a shape that readers can trust."""

from __future__ import annotations

from itertools import product

import pytest
from sqlalchemy.exc import IntegrityError

from autodj.db import Database, FileSource, FileState
from tests.builders import MOMENT, make_track, make_user

SHAPES = list(product(FileState, (None, *FileSource), (False, True), (False, True)))


def is_legal(state: FileState, source: FileSource | None, path: bool, key: bool) -> bool:
    match state:
        case FileState.PENDING | FileState.FAILED | FileState.DELETING:
            return source is None
        case FileState.STABLE:
            return (source, path, key) in {
                (FileSource.LOCAL, True, False),
                (FileSource.S3, False, True),
            }
        case FileState.COPYING | FileState.CLEANING:
            return source is not None and path and key


def test_eighteen_of_the_seventy_two_shapes_are_legal() -> None:
    assert len(SHAPES) == 72
    assert sum(is_legal(*shape) for shape in SHAPES) == 18


async def test_the_database_takes_the_legal_shapes_and_no_other(db: Database) -> None:
    user = make_user()
    async with db.transaction() as session:
        session.add(user)
    taken = []
    for number, (state, source, path, key) in enumerate(SHAPES):
        track = make_track(
            user.id,
            file_state=state,
            file_source=source,
            file_path=f"tracks/{number}/path" if path else None,
            s3_object_key=f"tracks/{number}/key" if key else None,
            clean_after=MOMENT,
        )
        try:
            async with db.transaction() as session:
                session.add(track)
        except IntegrityError:
            continue
        taken.append((state, source, path, key))
    assert taken == [shape for shape in SHAPES if is_legal(*shape)]


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"size_bytes": 0}, id="no bytes"),
        pytest.param(
            {
                "file_state": FileState.CLEANING,
                "file_source": FileSource.S3,
                "s3_object_key": "tracks/x/1",
                "clean_after": None,
            },
            id="cleaning without an end",
        ),
    ],
)
async def test_a_readable_row_needs_what_readers_need(
    db: Database, values: dict[str, object]
) -> None:
    user = make_user()
    async with db.transaction() as session:
        session.add(user)
    with pytest.raises(IntegrityError):
        async with db.transaction() as session:
            session.add(make_track(user.id, **values))


async def test_one_owner_cannot_hold_the_same_bytes_in_two_living_tracks(db: Database) -> None:
    first, second = make_user(), make_user()
    async with db.transaction() as session:
        session.add_all([first, second])
    async with db.transaction() as session:
        session.add(make_track(first.id, sha256="cd" * 32))
        session.add(make_track(second.id, sha256="cd" * 32))
        session.add(
            make_track(first.id, sha256="cd" * 32, file_state=FileState.DELETING, file_source=None)
        )
    with pytest.raises(IntegrityError):
        async with db.transaction() as session:
            session.add(make_track(first.id, sha256="cd" * 32))
