"""A login link lets one person in, once, and soon."""

from __future__ import annotations

import asyncio
import hashlib
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlmodel import col

from autodj.db import Database, LoginLink
from autodj.errors import DatabaseUnavailable, Unauthenticated
from autodj.users.login import accept_login, ensure_user, offer_login

URL = "https://dj.example.org"


def token_in(link: str) -> str:
    return parse_qs(urlsplit(link).query)["t"][0]


async def test_a_user_is_made_once_for_each_name(db: Database) -> None:
    first = await ensure_user(db, "dj")
    assert (await ensure_user(db, "dj")).id == first.id
    assert (await ensure_user(db, "other")).id != first.id


async def test_the_link_leads_to_the_server_and_says_whose_it_is(db: Database) -> None:
    user = await ensure_user(db, "dj")
    link = await offer_login(db, user.id, public_url=URL)
    assert link.startswith(f"{URL}/login?t=")
    assert await accept_login(db, token_in(link)) == user.id


async def test_the_link_works_once(db: Database) -> None:
    user = await ensure_user(db, "dj")
    token = token_in(await offer_login(db, user.id, public_url=URL))
    await accept_login(db, token)
    with pytest.raises(Unauthenticated):
        await accept_login(db, token)


async def test_of_many_who_open_it_at_once_one_gets_in(db: Database) -> None:
    user = await ensure_user(db, "dj")
    token = token_in(await offer_login(db, user.id, public_url=URL))
    outcomes = await asyncio.gather(
        *(accept_login(db, token) for _ in range(8)), return_exceptions=True
    )
    assert [each for each in outcomes if isinstance(each, UUID)] == [user.id]
    # Who waits too long for the row, on a busy machine, is told so instead.
    others = [each for each in outcomes if isinstance(each, Unauthenticated | DatabaseUnavailable)]
    assert len(others) == 7
    with pytest.raises(Unauthenticated):
        await accept_login(db, token)


async def test_a_link_that_is_over_does_not_open(db: Database) -> None:
    user = await ensure_user(db, "dj")
    token = token_in(await offer_login(db, user.id, public_url=URL, ttl_s=0))
    with pytest.raises(Unauthenticated):
        await accept_login(db, token)


@pytest.mark.parametrize("token", ["", "x", "x" * 5000, "\0", "' OR 1=1 --"])
async def test_a_token_that_was_never_given_does_not_open(db: Database, token: str) -> None:
    with pytest.raises(Unauthenticated):
        await accept_login(db, token)


async def test_the_database_keeps_only_a_hash_of_the_token(db: Database) -> None:
    user = await ensure_user(db, "dj")
    token = token_in(await offer_login(db, user.id, public_url=URL))
    async with db.reading() as connection:
        [(kept,)] = (await connection.execute(select(col(LoginLink.token_sha256)))).all()
    assert kept == hashlib.sha256(token.encode()).hexdigest()
    with pytest.raises(Unauthenticated):
        await accept_login(db, kept)


async def test_links_of_two_people_do_not_disturb_each_other(db: Database) -> None:
    people = [await ensure_user(db, name) for name in ("dj", "other")]
    tokens = [token_in(await offer_login(db, user.id, public_url=URL)) for user in people]
    for user, token in reversed(list(zip(people, tokens, strict=True))):
        assert await accept_login(db, token) == user.id
