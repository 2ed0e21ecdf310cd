"""The page's files, read once: what they hold, packed and as they are, and their address."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from mimetypes import MimeTypes
from pathlib import Path
from typing import Final

from autodj.api.ranges import strong_etag

FOLDER: Final = "/static/"
VERSION_DIGITS: Final = 16
_VERSIONED: Final = re.compile(rf"([0-9a-f]{{{VERSION_DIGITS}}})/(.+)", re.DOTALL)
_TYPES = MimeTypes()
_TYPES.add_type("text/javascript", ".js")
_TYPES.add_type("application/manifest+json", ".webmanifest")
_TYPES.add_type("font/woff2", ".woff2")


@dataclass(frozen=True, slots=True)
class Form:
    """Bytes as they are sent, and how they are packed."""

    content: bytes
    etag: str
    encoding: str | None = None


@dataclass(frozen=True, slots=True)
class Asset:
    """One file. Without ``packed`` it is small already."""

    media_type: str
    plain: Form
    packed: Form | None

    def form(self, *, packed: bool) -> Form:
        return self.packed if packed and self.packed else self.plain


class Assets:
    """The files of one version of the page, by their path.

    Requests choose among these names, so no path is ever made from what somebody sent. The
    version is a hash of all of them: in a folder of that name modules import each other as they
    stand, and nothing below it ever changes.
    """

    def __init__(self, root: Path) -> None:
        files = {path.relative_to(root).as_posix(): path.read_bytes() for path in _files(root)}
        self.version = _version(files)
        self._assets = {
            name: _asset(name, self._addressed(name, content)) for name, content in files.items()
        }

    @property
    def names(self) -> list[str]:
        return list(self._assets)

    def __getitem__(self, name: str) -> Asset:
        return self._assets[name]

    def find(self, path: str) -> tuple[Asset | None, bool]:
        """What a path below the folder names, and whether it does for ever."""
        if versioned := _VERSIONED.fullmatch(path):
            version, name = versioned.groups()
            return self._assets.get(name), version == self.version
        return self._assets.get(path), False

    def _addressed(self, name: str, content: bytes) -> bytes:
        """HTML leads into the folder of the version; what it leads to does not say where it is."""
        if not name.endswith(".html"):
            return content
        plain, versioned = f'"{FOLDER}', f'"{FOLDER}{self.version}/'
        return content.replace(plain.encode(), versioned.encode())


def _files(root: Path) -> Iterable[Path]:
    return (path for path in sorted(root.rglob("*")) if path.is_file() and not path.is_symlink())


def _version(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, content in files.items():
        digest.update(f"{name}\n{len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()[:VERSION_DIGITS]


def _asset(name: str, content: bytes) -> Asset:
    guessed, _ = _TYPES.guess_type(name)
    packed = _form(gzip.compress(content, mtime=0), "gzip")
    plain = _form(content)
    is_smaller = len(packed.content) < len(content)
    return Asset(guessed or "application/octet-stream", plain, packed if is_smaller else None)


def _form(content: bytes, encoding: str | None = None) -> Form:
    return Form(content, strong_etag(hashlib.sha256(content).hexdigest()), encoding)
