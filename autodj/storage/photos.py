"""Whatever people bring, put into a basket in the way of that basket: photos drawn anew where it
says so, everything else as it is.
"""

from __future__ import annotations

import asyncio
import mimetypes
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from autodj.audio.photo import MAX_PHOTO_BYTES, PhotoForm
from autodj.audio.sandbox import Sandbox
from autodj.settings.baskets import Basket
from autodj.storage.base import Described, ObjectStat, Storage
from autodj.storage.disk import BLOCK_BYTES, disk_errors, sha256_of
from autodj.storage.limits import check_size
from autodj.storage.whole import Source, received, save

# Without the tables of this machine: the same name means the same everywhere.
_TYPES: Final = mimetypes.MimeTypes(filenames=())
_ANY: Final = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Photo:
    """What a key can be made of; ``sha256`` (hex) is that of the photo as it is stored."""

    sha256: str
    extension: str
    width_px: int
    height_px: int


def form_of(basket: Basket) -> PhotoForm:
    """How the basket wants its photos."""
    return PhotoForm(basket.image_format, basket.image_side_px)


async def save_photo(
    store: Storage,
    sandbox: Sandbox,
    source: Source,
    *,
    key_of: Callable[[Photo], str],
    scratch: Path,
    form: PhotoForm | None = None,
    metadata: Mapping[str, str] | None = None,
) -> ObjectStat:
    """Draw the photo anew, and put it under the key that ``key_of`` makes.

    Upright, no larger than ``form`` wants it, and without anything that the camera noted. What
    was brought is never stored. UnsupportedMedia for anything but PNG, JPEG and still WebP,
    PictureRejected for what cannot be drawn, TooLarge above ``form.max_bytes``.
    """
    form = form or PhotoForm()
    drawn = scratch / f"{secrets.token_hex(16)}.part"
    try:
        async with _as_file(source, scratch, form.max_bytes) as path:
            size = await sandbox.photo(path, drawn, form)
        sha256 = await asyncio.to_thread(_hashed, drawn)
        return await store.put(
            key_of(Photo(sha256, form.extension, size.width_px, size.height_px)),
            drawn,
            sha256=sha256,
            content_type=form.content_type,
            described=Described(metadata or {}),
        )
    finally:
        await asyncio.to_thread(drawn.unlink, missing_ok=True)


async def save_file(
    store: Storage,
    basket: Basket,
    sandbox: Sandbox,
    file: Path,
    key: str,
    *,
    scratch: Path,
    metadata: Mapping[str, str] | None = None,
    max_photo_bytes: int = MAX_PHOTO_BYTES,
) -> ObjectStat:
    """Put a file as the basket wants it. A photo that is drawn anew has the extension of what
    it became, whatever ``key`` says.
    """
    if basket.images == "reencode":
        wanted = form_of(basket)
        form = PhotoForm(wanted.format, wanted.side_px, max_bytes=max_photo_bytes)
        return await save_photo(
            store,
            sandbox,
            file,
            key_of=lambda photo: _with_extension(key, photo.extension),
            scratch=scratch,
            form=form,
            metadata=metadata,
        )
    content_type, encoding = _TYPES.guess_type(key)
    return await save(
        store,
        key,
        file,
        content_type=_ANY if encoding else content_type or _ANY,
        scratch=scratch,
        described=Described(metadata or {}),
    )


def _with_extension(key: str, extension: str) -> str:
    folder, slash, name = key.rpartition("/")
    return f"{folder}{slash}{name.rpartition('.')[0] or name}.{extension}"


@asynccontextmanager
async def _as_file(source: Source, scratch: Path, max_bytes: int) -> AsyncGenerator[Path]:
    if isinstance(source, Path):
        with disk_errors("the photo"):
            check_size((await asyncio.to_thread(source.stat)).st_size, max_bytes)
        yield source
        return
    stream = _blocks(source) if isinstance(source, bytes) else source
    async with received(stream, scratch, max_bytes) as (path, _):
        yield path


async def _blocks(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), BLOCK_BYTES):
        yield body[start : start + BLOCK_BYTES]


def _hashed(path: Path) -> str:
    with disk_errors("the photo"), path.open("rb") as file:
        return sha256_of(file)
