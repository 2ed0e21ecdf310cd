"""The storage section of a configuration file, checked value by value into baskets.

Whatever is not said comes from the environment's settings; a basket that says nothing is like
the ``default`` one. Every fault is collected, and no value is repeated in one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from autodj.settings.baskets import DEFAULT_BASKET, Basket, Baskets, Kind
from autodj.settings.encryption import TYPE_BY_NAME, Encryption
from autodj.settings.endpoint import fault_of_endpoint
from autodj.settings.plain_http import fault_of_plain_http
from autodj.settings.s3 import S3Settings
from autodj.settings.storage import words
from autodj.settings.storage.base import Base
from autodj.settings.storage.inheritance import taken_over
from autodj.settings.storage.tree import (
    Tree,
    at,
    check_names,
    mapping_in,
    text_of,
    told,
    unknown_name,
    values_in,
)


def baskets_without_file(base: Base) -> Baskets:
    """One basket for everything; local documents keep their former versions."""
    if base.default_type == "s3":
        return Baskets({DEFAULT_BASKET: s3_basket(base)})
    default = Basket(DEFAULT_BASKET, root=base.media_root)
    documents = replace(default, name="documents", versioning=True)
    return Baskets({DEFAULT_BASKET: default, "documents": documents}, {Kind.DOCUMENTS: "documents"})


def s3_basket(base: Base) -> Basket:
    """The bucket of the environment."""
    return Basket(
        DEFAULT_BASKET,
        s3=base.s3,
        encryption=base.encryption,
        storage_class=base.s3.storage_class,
    )


def baskets_of(tree: object, base: Base, faults: list[str], where: str = "storage") -> Baskets:
    """The baskets of the section ``storage``; those with faults are left as they were."""
    section = mapping_in(tree, where, faults)
    check_names(section, ("default_type", "s3", "local", "baskets"), where, faults)
    shared: dict[str, Tree] = {
        kind: mapping_in(section.get(kind), f"{where}.{kind}", faults) for kind in ("s3", "local")
    }
    described = next((kind for kind, given in shared.items() if given), base.default_type)
    default_type = _type(
        section.get("default_type"), f"{where}.default_type", base, faults, otherwise=described
    )
    default = basket_of(
        DEFAULT_BASKET, default_type, shared[default_type], base, faults, f"{where}.{default_type}"
    )
    by_name = {DEFAULT_BASKET: default}
    bound: dict[Kind, str] = {}
    for name, told_of_it in mapping_in(section.get("baskets"), f"{where}.baskets", faults).items():
        place = f"{where}.baskets.{name}"
        own = dict(mapping_in(told_of_it, place, faults))
        type_ = _type(own.pop("type", default_type), f"{place}.type", base, faults)
        _bind(own.pop("kinds", []), name, bound, f"{place}.kinds", faults)
        given = taken_over(shared[type_], own)
        by_name[name] = basket_of(name, type_, given, base, faults, place)
    for kind in shared.keys() - {each.type for each in by_name.values()}:
        # Of what nobody takes over, the bucket need not be named.
        lent = replace(base, s3=replace(base.s3, bucket=base.s3.bucket or "nobodys"))
        basket_of(kind, kind, shared[kind], lent, faults, f"{where}.{kind}")
    return Baskets(by_name, bound)


def basket_of(
    name: str, type_: str, given: Tree, base: Base, faults: list[str], where: str
) -> Basket:
    """One basket from what is said of it."""
    check_names(given, words.OF_LOCAL if type_ == "local" else words.OF_S3, where, faults)
    common = values_in(given, words.BASKET, where, faults)
    if type_ == "local":
        root = values_in(given, words.LOCAL, where, faults).get("root", base.media_root)
        if len({text for each in words.LOCAL if (text := text_of(given.get(each)))}) > 1:
            faults.append(told(where, "path", "and root disagree; set one of them"))
        return Basket(name, root=cast("Path", root), **cast("dict[str, Any]", common))
    values = values_in(given, words.S3, where, faults)
    s3 = replace(base.s3, **cast("dict[str, Any]", _keys_together(given, values)))
    faults += [told(where, word, fault) for word, fault in _s3_faults(s3, given, base)]
    encryption = _encryption(given.get("encryption"), base, at(where, "encryption"), faults)
    common = {"storage_class": base.s3.storage_class, **common}
    return Basket(name, s3=s3, encryption=encryption, **cast("dict[str, Any]", common))


def _keys_together(given: Tree, values: dict[str, object]) -> dict[str, object]:
    """Keys of one source are not mixed with those of another."""
    if "prefix" in values:
        values["prefix"] = f"{str(values['prefix']).strip('/')}/"
    elif given.get("prefix") == "":
        values["prefix"] = ""
    if given.get("access_key") or given.get("secret_key"):
        keys: dict[str, object] = {"access_key": None, "secret_key": None, "session_token": None}
        return {**keys, "keys_from": "config", "use_iam_role": False, **values}
    if values.get("use_iam_role"):
        return {**values, "access_key": None, "secret_key": None, "session_token": None}
    return values


def _s3_faults(s3: S3Settings, given: Tree, base: Base) -> Iterable[tuple[str, str]]:
    if not s3.bucket and not text_of(given.get("bucket")):
        yield "", "S3 bucket name is required"
    if s3.access_key and not s3.secret_key:
        yield "secret_key", "is missing, and access_key is set"
    if s3.secret_key and not s3.access_key:
        yield "access_key", "is missing, and secret_key is set"
    if given.get("session_token") and not given.get("access_key"):
        yield "access_key", "is missing, and session_token is set"
    if s3.endpoint_url:
        for fault in (
            fault_of_plain_http(s3.endpoint_url, production=base.production),
            fault_of_endpoint(s3.endpoint_url, s3.bucket),
        ):
            if fault:
                yield "endpoint_url", fault


def _encryption(given: object, base: Base, where: str, faults: list[str]) -> Encryption:
    if given is None:
        return base.encryption
    said = {"type": given} if isinstance(given, str) else mapping_in(given, where, faults)
    check_names(said, ("type", "kms_key_id", "bucket_key", "customer_key"), where, faults)
    name = text_of(said.get("type"))
    if name not in TYPE_BY_NAME:
        faults.append(told(where, "type", f"must be one of {', '.join(TYPE_BY_NAME)}"))
        return base.encryption
    values = cast("dict[str, Any]", values_in(said, words.ENCRYPTION, where, faults))
    found = replace(base.encryption, type=TYPE_BY_NAME[name], **values)
    if found.type == "SSE-KMS" and not found.kms_key_id:
        faults.append(told(where, "kms_key_id", "is required for SSE-KMS"))
    if found.type == "SSE-C" and not said.get("customer_key") and not found.customer_key:
        faults.append(told(where, "customer_key", "is required for SSE-C"))
    return found


def _bind(given: object, name: str, bound: dict[Kind, str], where: str, faults: list[str]) -> None:
    kinds = [each.value for each in Kind]
    for each in given if isinstance(given, list) else [given]:
        if each not in kinds:
            faults.append(told(where, "", unknown_name(str(each), kinds)))
        elif bound.setdefault(Kind(each), name) != name:
            faults.append(told(where, "", f"{each} goes into {bound[Kind(each)]} already"))


def _type(
    given: object, where: str, base: Base, faults: list[str], *, otherwise: str | None = None
) -> str:
    """``otherwise`` is what a type that is none is taken for, so that the rest is judged too."""
    text = text_of(given) or base.default_type
    if text not in words.TYPES:
        faults.append(told(where, "", "must be s3 or local"))
        return otherwise or base.default_type
    return words.TYPES[text]
