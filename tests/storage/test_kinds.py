"""Keys of what people bring, whatever they call it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autodj.errors import AutodjError, InvalidField
from autodj.storage.keys import check_key
from autodj.storage.kinds import (
    IMPLEMENTATION_PLAN,
    MAX_SLUG_LENGTH,
    avatar_key,
    document_key,
    documents_of,
    event_media_key,
    material_key,
    slug,
)

ID = UUID("0b0e7a52-1111-4222-8333-444455556666")
HASH = "a" * 64


def test_documents_lie_where_they_always_did() -> None:
    assert document_key(7, "prd", "launch") == "projects/7/prd/launch.json"
    assert document_key(ID, "implementation", IMPLEMENTATION_PLAN) == (
        f"projects/{ID}/implementation/implementation_plan.json"
    )
    assert document_key(7, "prd", "launch", prefix="plans/") == "plans/7/prd/launch.json"
    assert documents_of(7) == "projects/7/"
    assert document_key(7, "prd", "x").startswith(documents_of(7, "prd"))
    assert not document_key(71, "prd", "x").startswith(documents_of(7))


def test_media_of_an_event_lie_by_day_in_utc() -> None:
    at = datetime(2026, 3, 1, 0, 30, 5, 42, timezone(timedelta(hours=2)))

    assert event_media_key(5, at, "jpg") == "events/5/media/2026/02/28/223005_000042.jpg"
    assert event_media_key(ID, datetime(2026, 12, 31, tzinfo=UTC), "mp4") == (
        f"events/{ID}/media/2026/12/31/000000_000000.mp4"
    )


def test_pictures_and_materials_are_named_by_their_bytes() -> None:
    assert avatar_key(ID, 256, HASH, "webp") == f"avatars/{ID}/256-{HASH}.webp"
    assert material_key(1, 2, HASH, "pdf") == f"materials/1/2/{HASH}.pdf"
    for bad in ("", "JPG", "a.b", "../x", "123456789"):
        with pytest.raises(InvalidField):
            material_key(1, 2, HASH, bad)
    with pytest.raises(InvalidField):
        avatar_key(1, 256, "../x", "png")


@pytest.mark.parametrize("name", ["launch", "set_plan-2", "a", "0", "x" * MAX_SLUG_LENGTH])
def test_a_name_that_can_be_a_key_stays_as_it_is(name: str) -> None:
    assert slug(name) == name


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("Launch", "launch-"),
        ("Żółć i noc", "zoc-i-noc-"),
        ("夜曲", ""),
        ("a b", "a-b-"),
        ("x" * 200, "x" * (MAX_SLUG_LENGTH - 9) + "-"),
        (".hidden", "hidden-"),
        ("-dash-", "dash-"),
    ],
)
def test_any_other_name_keeps_a_likeness_and_its_own_hash(name: str, start: str) -> None:
    made = slug(name)

    assert made.startswith(start)
    assert len(made) == len(start) + 8
    assert slug(made) == made


@pytest.mark.parametrize(
    "name", ["", " ", ".", "..", "a/b", "/etc/passwd", "a\\b", "a..b", "a\0b", "a\nb", "\ud800"]
)
def test_a_path_is_no_name(name: str) -> None:
    with pytest.raises(InvalidField):
        slug(name)


@given(st.text(max_size=80), st.text(max_size=80))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_different_names_have_different_slugs_that_are_keys(one: str, other: str) -> None:
    made = []
    for name in (one, other):
        try:
            made.append(slug(name))
        except AutodjError:
            return
        check_key(f"a/{made[-1]}.json")
        assert len(made[-1]) <= MAX_SLUG_LENGTH
    assert (made[0] == made[1]) == (one == other)
