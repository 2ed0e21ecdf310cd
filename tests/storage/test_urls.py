"""Where an object of a basket can be had: its CDN, the store itself, or nowhere but here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from autodj.errors import InvalidRequest, NotOffered
from autodj.settings.baskets import Basket
from autodj.settings.encryption import Encryption
from autodj.storage.factory import basket_from
from autodj.storage.local import LocalStorage
from autodj.storage.s3 import S3Storage
from autodj.storage.urls import url_of, urls_of
from tests.storage.builders import KEY, put

CDN = "https://d111111abcdef8.cloudfront.net"
S3 = basket_from({"bucket": "night", "prefix": "prod", "cdn_domain": CDN}, {})


@pytest.mark.can_fail_on("real_s3")
async def test_without_a_cdn_the_store_signs_and_its_link_leads_to_the_bytes(
    real_s3: S3Storage,
) -> None:
    await put(real_s3, KEY, b"bytes")
    basket = Basket("b", s3=S3.s3)

    links = await urls_of(real_s3, basket, [KEY, "tracks/other"], ttl_s=60)

    assert [*links] == [KEY, "tracks/other"]
    async with aiohttp.ClientSession() as http:
        async with http.get(links[KEY]) as answer:
            assert (answer.status, await answer.read()) == (200, b"bytes")
        async with http.get(links["tracks/other"]) as answer:
            assert answer.status == 404


async def test_one_key_has_not_the_links_of_its_letters(local: LocalStorage) -> None:
    with pytest.raises(InvalidRequest):
        await urls_of(local, Basket("b", root=Path("/m"), cdn_origin=CDN), "ab")


async def test_a_basket_behind_a_cdn_has_its_links_there(local: LocalStorage) -> None:
    here = Basket("b", root=Path("/m"), cdn_origin=CDN)

    assert await url_of(local, S3, "covers/a.jpg") == f"{CDN}/prod/covers/a.jpg"
    assert await url_of(local, here, "covers/a.jpg") == f"{CDN}/covers/a.jpg"
    signed = await url_of(local, S3, "a/b", ttl_s=5, sign=lambda key, ttl_s: f"{key}?{ttl_s}")
    assert signed == "a/b?5"


@pytest.mark.can_fail_on("ourselves")
async def test_what_no_link_can_lead_to_is_told_as_such(
    local: LocalStorage, moto: S3Storage
) -> None:
    with pytest.raises(NotOffered, match="directory"):
        await url_of(local, Basket("b", root=local.root), KEY)
    with pytest.raises(NotOffered, match="customer"):
        await url_of(moto, replace(S3, encryption=Encryption("SSE-C")), KEY)
    with pytest.raises(InvalidRequest):
        await url_of(local, S3, "../x")
