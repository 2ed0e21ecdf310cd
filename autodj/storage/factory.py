"""A store from a plain mapping, for scripts and for whoever embeds the storage core."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from autodj.errors import StorageConfigError
from autodj.settings.baskets import DEFAULT_BASKET, Basket
from autodj.settings.interpolation import interpolated
from autodj.settings.load import environment, storage_base
from autodj.settings.storage.base import Base
from autodj.settings.storage.section import basket_of, baskets_of
from autodj.settings.storage.tree import check_names, mapping_in, text_of
from autodj.settings.storage.words import TYPES
from autodj.storage.baskets import open_basket
from autodj.storage.local import LocalStorage

if TYPE_CHECKING:
    from autodj.storage.s3 import S3Storage


def create_storage(
    config: Mapping[str, object] | str,
    access_key: str | None = None,
    secret_key: str | None = None,
    region: str = "us-east-1",
    *,
    environ: Mapping[str, str] | None = None,
) -> AbstractAsyncContextManager[LocalStorage | S3Storage]:
    """The store that ``config`` describes; ``async with`` opens and closes it.

    Either one store, ``{"type": "s3", "bucket": ..., ...}`` or ``{"type": "local", "root":
    ...}``, or a whole section as in the YAML file, ``{"default_type": ..., "s3": {...}}`` (also
    under ``storage``), of which the default basket is taken. Texts may hold ``${NAME}``; what
    is not said comes from the environment. StorageConfigError, which is a ValueError, lists
    every fault at once, before anything is opened.

    The positional form (bucket, access key, secret key, region) is deprecated.
    """
    if isinstance(config, str):
        warnings.warn(
            "create_storage(bucket, access_key, secret_key, region) is deprecated; "
            'pass {"type": "s3", "bucket": ...} instead',
            DeprecationWarning,
            stacklevel=2,
        )
        config = {
            "type": "s3",
            "bucket": config,
            "access_key": access_key,
            "secret_key": secret_key,
            "region": region,
        }
    return open_basket(basket_from(config, environment() if environ is None else environ))


def basket_from(config: Mapping[str, object], environ: Mapping[str, str]) -> Basket:
    """The basket that the mapping describes; StorageConfigError with every fault."""
    faults: list[str] = []
    base = storage_base(environ, faults)
    filled = interpolated(dict(config), environ, faults)
    assert isinstance(filled, dict)
    basket = _basket(filled, base, faults)
    if faults:
        raise StorageConfigError(faults)
    return basket


def _basket(config: dict[str, object], base: Base, faults: list[str]) -> Basket:
    if "storage" in config:
        check_names(config, ("storage",), "", faults)
        section = config["storage"]
        return baskets_of(section, base, faults).by_name[DEFAULT_BASKET]
    if isinstance(config.get("s3"), dict) or "default_type" in config or "baskets" in config:
        return baskets_of(config, base, faults, where="").by_name[DEFAULT_BASKET]
    given = dict(mapping_in(config, "", faults))
    name = text_of(given.pop("type", "")) or ("s3" if "bucket" in given else base.default_type)
    if name not in TYPES:
        faults.append("type: must be s3 or local")
    return basket_of(DEFAULT_BASKET, TYPES.get(name, "s3"), given, base, faults, "")
