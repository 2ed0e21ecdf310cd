"""What a sandbox's children can do. Imported only in the warm process."""

from __future__ import annotations

import base64
import errno
import importlib
import os
import pkgutil
from dataclasses import asdict
from typing import Any, BinaryIO

import av

from autodj.audio.analysis import analyze as measure
from autodj.audio.child import Emit, Task
from autodj.audio.cover import draw_anew, embedded_picture, render_cover
from autodj.audio.decode import Decoder, open_decoder
from autodj.audio.facts import DecodeLimits, Probe, Tags
from autodj.audio.identify import BY_EXTENSION, M4A, Container
from autodj.audio.mp4 import tempo_tag
from autodj.audio.photo import PhotoForm
from autodj.audio.recipes import Recipe
from autodj.audio.rendition import make_rendition
from autodj.audio.tags import read_tags

_PROGRESS_STEP_S = 60.0
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


def _load_all_of_av() -> None:
    """PyAV imports a module when it first meets such a stream, and a child opens no files."""
    for module in pkgutil.walk_packages(av.__path__, "av."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


_load_all_of_av()


def probe(file: BinaryIO, arguments: dict[str, Any], emit: Emit) -> object:
    """A ``Probe`` as a document."""
    container, limits = _opening(arguments)
    with open_decoder(file, container, limits) as decoder:
        _count(decoder, emit)
        duration_s = decoder.decoded_s
        return Probe(
            duration_s=round(duration_s, 6),
            sample_rate_hz=decoder.sample_rate_hz,
            channels=decoder.channels,
            codec=decoder.codec,
            bit_rate_bps=round(decoder.audio_bytes * 8 / duration_s),
            tags=_tags(file, container, decoder),
            has_cover=decoder.has_picture,
        ).to_document()


def cover(file: BinaryIO, arguments: dict[str, Any], _emit: Emit) -> object:
    """A JPEG in base64, or None when no picture is attached."""
    container, limits = _opening(arguments)
    with open_decoder(file, container, limits) as decoder:
        picture = embedded_picture(decoder.source)
    return None if picture is None else base64.b64encode(render_cover(picture)).decode()


def photo(file: BinaryIO, arguments: dict[str, Any], _emit: Emit) -> object:
    """The photo is drawn anew into the output: its size in pixels, and whether the disk was
    full.
    """
    form = PhotoForm(**arguments["form"])
    clean, drawn = draw_anew(file.read(form.max_bytes + 1), form)
    try:
        with os.fdopen(arguments["output_fd"], "wb", closefd=False) as output:
            output.write(clean)
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        return {"drawn": None, "disk_full": True}
    return {"drawn": asdict(drawn), "disk_full": False}


def tags(file: BinaryIO, arguments: dict[str, Any], _emit: Emit) -> object:
    """The file's ``Tags`` as a document, without decoding it."""
    container, limits = _opening(arguments)
    with open_decoder(file, container, limits) as decoder:
        return _tags(file, container, decoder).to_document()


def _tags(file: BinaryIO, container: Container, decoder: Decoder) -> Tags:
    """To be called last: the decoder does not find back to its place."""
    tempo = tempo_tag(file) if container == M4A else None
    own = {} if tempo is None else {"tmpo": tempo}
    return read_tags(decoder.source.metadata, decoder.stream.metadata, own)


def analyze(file: BinaryIO, arguments: dict[str, Any], emit: Emit) -> object:
    """An ``Analysis`` as a document, with progress on the way."""
    container, limits = _opening(arguments)
    return measure(file, container, limits, lambda share: emit("progress", share)).to_document()


def render(file: BinaryIO, arguments: dict[str, Any], emit: Emit) -> object:
    """What was made and why nothing was: a ``Made`` document or None, and whether the disk
    was full.
    """
    container, limits = _opening(arguments)
    recipe = Recipe.from_document(arguments["recipe"])
    try:
        made = make_rendition(
            file,
            container,
            limits,
            recipe,
            arguments["output_fd"],
            lambda share: emit("progress", share),
        )
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        return {"made": None, "disk_full": True}
    return {"made": made and made.to_document(), "disk_full": False}


TASKS: dict[str, Task] = {
    "probe": probe,
    "cover": cover,
    "photo": photo,
    "tags": tags,
    "analyze": analyze,
    "render": render,
}


def _opening(arguments: dict[str, Any]) -> tuple[Container, DecodeLimits]:
    return BY_EXTENSION[arguments["extension"]], DecodeLimits.from_document(arguments["limits"])


def _count(decoder: Decoder, emit: Emit) -> None:
    reported_s = 0.0
    for _ in decoder.frames():
        if decoder.decoded_s - reported_s >= _PROGRESS_STEP_S:
            reported_s = decoder.decoded_s
            emit("progress", round(decoder.position, 4))
