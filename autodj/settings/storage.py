"""The storage section of a configuration file, checked value by value into baskets.

Whatever is not said comes from the environment's settings; a basket that says nothing is like
the ``default`` one. Every fault is collected, and no value is repeated in one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import urlsplit

from autodj.settings import parsers
from autodj.settings.baskets import (
    DEFAULT_BASKET,
    STORAGE_CLASSES,
    Basket,
    Baskets,
    Kind,
)
from autodj.settings.encryption import Encryption, EncryptionType
from autodj.settings.s3 import S3Settings

Tree = Mapping[str, object]
Parse = Callable[[str], object]

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
BUCKET_REQUIRED: Final = "S3 bucket name is required"
KEY_PREFIX: Final = parsers.matching(
    r"/?[a-z0-9._-]+(/[a-z0-9._-]+)*/?", "a prefix of a-z 0-9 . _ - and /"
)

# What each word of the file is called in S3Settings, and how its text is read.
_S3: Final[Mapping[str, tuple[str, Parse]]] = {
    "bucket": ("bucket", parsers.bucket_name),
    "region": (
        "region",
        parsers.matching(r"[a-z]{2,}(-[a-z0-9]+)*", "a region such as eu-central-1"),
    ),
    "prefix": ("prefix", KEY_PREFIX),
    "access_key": ("access_key", str),
    "secret_key": ("secret_key", str),
    "session_token": ("session_token", str),
    "profile": ("profile", parsers.matching(r"[^\s\[\]]{1,64}", "a profile's name")),
    "role_arn": ("role_arn", parsers.matching(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/.+", "an ARN")),
    "use_iam_role": ("use_iam_role", parsers.boolean),
    "endpoint_url": ("endpoint_url", parsers.http_url),
    "path_style": ("path_style", parsers.boolean),
    "expected_bucket_owner": (
        "expected_bucket_owner",
        parsers.matching(r"[0-9]{12}", "an account of 12 digits"),
    ),
    "max_connections": ("max_connections", parsers.whole(1, 1000)),
    "multipart_threshold": ("multipart_bytes", parsers.whole(5 * 1024**2, 5 * 1024**3)),
    "max_retries": ("max_retries", parsers.whole(0, 10)),
    "retry_delay": ("retry_delay_s", parsers.decimal(0, 20)),
    "connect_timeout": ("connect_timeout_s", parsers.decimal(0.1, 60)),
    "read_timeout": ("read_timeout_s", parsers.decimal(0.1, 300)),
}
_BASKET: Final[Mapping[str, tuple[str, Parse]]] = {
    "storage_class": ("storage_class", parsers.one_of(*STORAGE_CLASSES)),
    "cdn_domain": ("cdn_origin", parsers.cdn_origin),
    "versioning": ("versioning", parsers.boolean),
    "retention_days": ("retention_days", parsers.whole(1, 36500)),
    "max_object_bytes": ("max_object_bytes", parsers.whole(1, 5 * 1024**4)),
    "compress_above_bytes": ("compress_above_bytes", parsers.whole(0, 1024**3)),
    "images": ("images", parsers.one_of("keep", "reencode")),
    "image_format": ("image_format", parsers.one_of("jpeg", "webp")),
    "image_side_px": ("image_side_px", parsers.whole(16, 10_000)),
    "rendition_format": ("rendition_format", parsers.one_of("aac", "mp3")),
    "rendition_bitrate_bps": ("rendition_bit_rate_bps", parsers.whole(32_000, 320_000)),
}
_LOCAL: Final[Mapping[str, tuple[str, Parse]]] = {
    "root": ("root", parsers.absolute_path),
    "path": ("root", parsers.absolute_path),
}
_ENCRYPTION: Final[Mapping[str, EncryptionType]] = {
    "none": "none",
    "SSE-S3": "SSE-S3",
    "AES256": "SSE-S3",
    "SSE-KMS": "SSE-KMS",
    "aws:kms": "SSE-KMS",
    "SSE-C": "SSE-C",
}
TYPES: Final = {"local": "local", "filesystem": "local", "s3": "s3"}
_OF_S3: Final = (*_S3, *_BASKET, "encryption")
_OF_LOCAL: Final = (*_LOCAL, *_BASKET)


@dataclass(frozen=True, slots=True)
class Base:
    """What the environment says: where a basket starts from."""

    s3: S3Settings
    media_root: Path
    default_type: str
    production: bool = False

    @property
    def encryption(self) -> Encryption:
        return Encryption(
            _ENCRYPTION[self.s3.sse or "none"],
            kms_key_id=self.s3.kms_key_id,
            customer_key=self.s3.customer_key,
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
    section = _mapping(tree, where, faults)
    _check_names(section, ("default_type", "s3", "local", "baskets"), where, faults)
    default_type = _type(section.get("default_type"), f"{where}.default_type", base, faults)
    shared: dict[str, Tree] = {
        kind: _mapping(section.get(kind), f"{where}.{kind}", faults) for kind in ("s3", "local")
    }
    default = basket_of(
        DEFAULT_BASKET, default_type, shared[default_type], base, faults, f"{where}.{default_type}"
    )
    by_name = {DEFAULT_BASKET: default}
    bound: dict[Kind, str] = {}
    for name, given in _mapping(section.get("baskets"), f"{where}.baskets", faults).items():
        place = f"{where}.baskets.{name}"
        own = dict(_mapping(given, place, faults))
        type_ = _type(own.pop("type", default_type), f"{place}.type", base, faults)
        _bind(own.pop("kinds", []), name, bound, f"{place}.kinds", faults)
        by_name[name] = basket_of(name, type_, {**shared[type_], **own}, base, faults, place)
    return Baskets(by_name, bound)


def basket_of(
    name: str, type_: str, given: Tree, base: Base, faults: list[str], where: str
) -> Basket:
    """One basket from what is said of it."""
    _check_names(given, _OF_LOCAL if type_ == "local" else _OF_S3, where, faults)
    common = _values(given, _BASKET, where, faults)
    if type_ == "local":
        root = _values(given, _LOCAL, where, faults).get("root", base.media_root)
        return Basket(name, root=cast("Path", root), **cast("dict[str, Any]", common))
    values = _values(given, _S3, where, faults)
    s3 = replace(base.s3, **cast("dict[str, Any]", _keys_together(given, values)))
    faults += [_told(where, word, fault) for word, fault in _s3_faults(s3, given, base)]
    encryption = _encryption(given.get("encryption"), base, _at(where, "encryption"), faults)
    common = {"storage_class": base.s3.storage_class, **common}
    return Basket(name, s3=s3, encryption=encryption, **cast("dict[str, Any]", common))


def _keys_together(given: Tree, values: dict[str, object]) -> dict[str, object]:
    """Keys of one source are not mixed with those of another."""
    if "prefix" in values:
        values["prefix"] = f"{str(values['prefix']).strip('/')}/"
    if given.get("access_key") or given.get("secret_key"):
        keys: dict[str, object] = {"access_key": None, "secret_key": None, "session_token": None}
        return {**keys, "keys_from": "config", "use_iam_role": False, **values}
    if values.get("use_iam_role"):
        return {**values, "access_key": None, "secret_key": None, "session_token": None}
    return values


def _s3_faults(s3: S3Settings, given: Tree, base: Base) -> Iterable[tuple[str, str]]:
    if not s3.bucket and not _text(given.get("bucket")):
        yield "", BUCKET_REQUIRED
    if s3.access_key and not s3.secret_key:
        yield "secret_key", "is missing, and access_key is set"
    if s3.secret_key and not s3.access_key:
        yield "access_key", "is missing, and secret_key is set"
    if s3.endpoint_url and s3.endpoint_url.startswith("http:"):
        host = urlsplit(s3.endpoint_url).hostname or ""
        if base.production:
            yield "endpoint_url", "must be https in production"
        elif host not in LOOPBACK and not host.endswith(".localhost"):
            yield "endpoint_url", "may be plain http only on this machine"


def _encryption(given: object, base: Base, where: str, faults: list[str]) -> Encryption:
    if given is None:
        return base.encryption
    said = {"type": given} if isinstance(given, str) else _mapping(given, where, faults)
    _check_names(said, ("type", "kms_key_id", "bucket_key", "customer_key"), where, faults)
    name = _text(said.get("type"))
    if name not in _ENCRYPTION:
        faults.append(_told(where, "type", f"must be one of {', '.join(_ENCRYPTION)}"))
        return base.encryption
    readers: dict[str, tuple[str, Parse]] = {
        "kms_key_id": ("kms_key_id", str),
        "bucket_key": ("bucket_key", parsers.boolean),
        "customer_key": ("customer_key", parsers.key_of_32_bytes),
    }
    values = cast("dict[str, Any]", _values(said, readers, where, faults))
    found = replace(base.encryption, type=_ENCRYPTION[name], **values)
    if found.type == "SSE-KMS" and not found.kms_key_id:
        faults.append(_told(where, "kms_key_id", "is required for SSE-KMS"))
    if found.type == "SSE-C" and not said.get("customer_key") and not found.customer_key:
        faults.append(_told(where, "customer_key", "is required for SSE-C"))
    return found


def _bind(given: object, name: str, bound: dict[Kind, str], where: str, faults: list[str]) -> None:
    kinds = [each.value for each in Kind]
    for each in given if isinstance(given, list) else [given]:
        if each not in kinds:
            faults.append(_told(where, "", _unknown(str(each), kinds)))
        elif bound.setdefault(Kind(each), name) != name:
            faults.append(_told(where, "", f"{each} goes into {bound[Kind(each)]} already"))


def _type(given: object, where: str, base: Base, faults: list[str]) -> str:
    text = _text(given) or base.default_type
    if text not in TYPES:
        faults.append(_told(where, "", "must be s3 or local"))
        return base.default_type
    return TYPES[text]


def _values(
    given: Tree, readers: Mapping[str, tuple[str, Parse]], where: str, faults: list[str]
) -> dict[str, object]:
    found: dict[str, object] = {}
    for word, (name, parse) in readers.items():
        text = _text(given.get(word))
        if not text:
            continue
        try:
            found[name] = parse(text)
        except ValueError as error:
            faults.append(_told(where, word, str(error)))
    return found


def _check_names(given: Tree, known: Iterable[str], where: str, faults: list[str]) -> None:
    names = [*known]
    faults += [_told(where, "", _unknown(each, names)) for each in given if each not in names]


def _unknown(name: str, known: list[str]) -> str:
    close = get_close_matches(name, known, n=1)
    shown = name if re.fullmatch(r"[\w.-]{1,64}", name) else "a name there"
    return f"{shown} is unknown" + (f"; did you mean {close[0]}?" if close else "")


def _mapping(given: object, where: str, faults: list[str]) -> Tree:
    if given is None:
        return {}
    if isinstance(given, Mapping) and all(isinstance(name, str) for name in given):
        return given
    faults.append(_told(where, "", "must be names with values"))
    return {}


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str() | int() | float():
            return str(value).strip()
        case _:
            return "?"


def _told(where: str, word: str, fault: str) -> str:
    place = _at(where, word)
    return f"{place}: {fault}" if place else fault


def _at(where: str, word: str) -> str:
    return f"{where}.{word}".strip(".")
