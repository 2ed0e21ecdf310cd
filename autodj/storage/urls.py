"""Where an object of a basket can be had without us: one function for every kind of thing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final
from urllib.parse import quote

from autodj.errors import NotOffered
from autodj.settings.baskets import Basket
from autodj.storage.base import Presigner, Storage
from autodj.storage.keys import check_key, check_keys

TTL_S: Final = 3600


async def url_of(
    store: Storage,
    basket: Basket,
    key: str,
    *,
    ttl_s: int = TTL_S,
    sign: Callable[[str, int], str] | None = None,
) -> str:
    """The basket's CDN, else the store's own link, good for ``ttl_s`` seconds.

    ``sign`` makes the link of a CDN that asks for a signature, from key and seconds; without it
    that link is plain and never ends. NotOffered for a directory and for customers' keys: then
    the bytes have to pass through a server that knows who may have them.
    """
    check_key(key)
    if basket.needs_proxy:
        raise NotOffered("Objects under a customer's key are not read by link.")
    if basket.cdn_origin is not None:
        prefix = "" if basket.s3 is None else basket.s3.prefix
        return sign(key, ttl_s) if sign else f"{basket.cdn_origin}/{quote(f'{prefix}{key}')}"
    if isinstance(store, Presigner):
        return await store.presign(key, ttl_s=ttl_s)
    raise NotOffered(
        "Nobody but this server sends the files of a directory.",
        hint="Read the object and pass it on, or use a basket on S3 or behind a CDN.",
    )


async def urls_of(
    store: Storage,
    basket: Basket,
    keys: Iterable[str],
    *,
    ttl_s: int = TTL_S,
    sign: Callable[[str, int], str] | None = None,
) -> Mapping[str, str]:
    """The same for many at once, by key; S3 is not asked, links are made here."""
    return {
        key: await url_of(store, basket, key, ttl_s=ttl_s, sign=sign) for key in check_keys(keys)
    }
