"""Object keys: the grammar every store accepts, and one builder for each kind of object."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from autodj.errors import InvalidRequest

MAX_KEY_LENGTH = 200

_ALPHABET = re.compile("[a-z0-9/._-]*")
_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_SHA256 = "[0-9a-f]{64}"


class KeyKind(StrEnum):
    """What an object is for, from the first segment of its key."""

    TRACK = "tracks"
    ANALYSIS = "analysis"
    COVER = "covers"
    RENDITION = "renditions"
    PUBLIC = "public"


@dataclass(frozen=True, slots=True)
class KeyParts:
    """What a key says. ``generation`` belongs to tracks and renditions, ``rendition`` (its
    name) to renditions only, ``version`` to analyses but not to the first ones; ``sha256`` is
    hex.
    """

    kind: KeyKind
    track_id: UUID
    sha256: str
    extension: str
    generation: int | None = None
    rendition: str | None = None
    version: int | None = None


_SHAPES = {
    KeyKind.TRACK: re.compile(
        rf"tracks/(?P<id>{_UUID})/(?P<generation>0|[1-9][0-9]{{0,9}})"
        rf"-(?P<sha256>{_SHA256})\.(?P<extension>[a-z0-9]{{1,8}})"
    ),
    KeyKind.ANALYSIS: re.compile(
        rf"analysis/(?P<id>{_UUID})/(?:v(?P<version>[1-9][0-9]{{0,4}})-[0-9a-f]{{8}}-)?"
        rf"(?P<sha256>{_SHA256})\.(?P<extension>json\.gz)"
    ),
    KeyKind.COVER: re.compile(rf"covers/(?P<id>{_UUID})/(?P<sha256>{_SHA256})\.(?P<extension>jpg)"),
    KeyKind.RENDITION: re.compile(
        rf"renditions/(?P<id>{_UUID})/(?P<rendition>[a-z]{{1,16}})"
        rf"-(?P<generation>0|[1-9][0-9]{{0,9}})-(?P<sha256>{_SHA256})\.(?P<extension>[a-z0-9]{{1,8}})"
    ),
    KeyKind.PUBLIC: re.compile(
        rf"public/(?P<id>{_UUID})/[0-9a-f]{{32}}-(?P<sha256>{_SHA256})"
        r"\.(?P<extension>[a-z0-9]{1,8})"
    ),
}


def check_key(key: str) -> str:
    """Return the key, or raise InvalidRequest.

    1 to 200 of ``a-z 0-9 / . _ -``; segments are not empty and do not begin with a dot, and
    ``..`` appears nowhere. A key therefore means the same to a URL, to S3 and to a file
    system, and cannot reach the dot-named places where a store keeps its own files.
    """
    if not 0 < len(key) <= MAX_KEY_LENGTH:
        raise InvalidRequest(f"An object key has 1 to {MAX_KEY_LENGTH} characters.")
    if not _ALPHABET.fullmatch(key):
        raise InvalidRequest("An object key may hold only a-z, 0-9, '/', '.', '_' and '-'.")
    if ".." in key:
        raise InvalidRequest("An object key never holds '..'.")
    if any(not segment or segment.startswith(".") for segment in key.split("/")):
        raise InvalidRequest("A segment of an object key is empty or begins with a dot.")
    return key


def check_keys(keys: Iterable[str]) -> list[str]:
    """Check each of them. One text is refused: its letters are keys too, of other objects."""
    if isinstance(keys, str):
        raise InvalidRequest("Many object keys are a list, not one text.")
    return [check_key(key) for key in keys]


def is_key(text: str) -> bool:
    """Whether the text is a key at all; stores may hold other people's names beside ours."""
    try:
        check_key(text)
    except InvalidRequest:
        return False
    return True


def may_start_a_key(prefix: str) -> bool:
    return is_key(prefix) or is_key(f"{prefix}0")


def track_key(track_id: UUID, generation: int, sha256: str, extension: str) -> str:
    """``tracks/<uuid>/<generation>-<sha256>.<extension>``: never the same key twice."""
    return _built(KeyKind.TRACK, f"tracks/{track_id}/{generation}-{sha256}.{extension}")


def analysis_key(track_id: UUID, sha256: str, version: int | None = None, token: str = "") -> str:
    """``analysis/<uuid>/v<version>-<token>-<sha256>.json.gz``, or with the hash alone, as the
    first documents had it.

    The hash is that of the compressed document, the version that of the analysis. The token (8
    hex digits) is random, so that no key is used twice.
    """
    name = sha256 if version is None else f"v{version}-{token}-{sha256}"
    return _built(KeyKind.ANALYSIS, f"analysis/{track_id}/{name}.json.gz")


def cover_key(track_id: UUID, sha256: str) -> str:
    """``covers/<uuid>/<sha256>.jpg``."""
    return _built(KeyKind.COVER, f"covers/{track_id}/{sha256}.jpg")


def rendition_key(track_id: UUID, name: str, generation: int, sha256: str, extension: str) -> str:
    """``renditions/<uuid>/<name>-<generation>-<sha256>.<extension>``: never the same key twice."""
    parts = f"{track_id}/{name}-{generation}-{sha256}.{extension}"
    return _built(KeyKind.RENDITION, f"renditions/{parts}")


def public_key(track_id: UUID, token: str, sha256: str, extension: str) -> str:
    """``public/<uuid>/<token>-<sha256>.<extension>``: where no signature is asked for.

    The token (32 hex digits) is random, so that only who was given the key can know it.
    """
    return _built(KeyKind.PUBLIC, f"public/{track_id}/{token}-{sha256}.{extension}")


def parse_key(key: str) -> KeyParts | None:
    """Read back what a builder wrote; None for a key that no builder makes."""
    for kind, shape in _SHAPES.items():
        if found := shape.fullmatch(key):
            parts = found.groupdict()
            generation, version = parts.get("generation"), parts.get("version")
            return KeyParts(
                kind=kind,
                track_id=UUID(parts["id"]),
                sha256=parts["sha256"],
                extension=parts["extension"],
                generation=None if generation is None else int(generation),
                rendition=parts.get("rendition"),
                version=None if version is None else int(version),
            )
    return None


def _built(kind: KeyKind, key: str) -> str:
    if not _SHAPES[kind].fullmatch(key):
        raise InvalidRequest(f"These parts make no key for {kind}: {key!r}.")
    return key
