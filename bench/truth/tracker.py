"""Tracker modules by libopenmpt: their sound, and when it plays each row and note."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from ctypes.util import find_library
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np

from autodj.audio.frames import Floats
from bench.truth.piece import RATE_HZ
from bench.truth.rows import Course, Hit, Row

# Rows are asked for after every so many frames: they are known to 0.2 ms.
_FRAMES: Final = 16
_NOTE, _INSTRUMENT, _VOLUME_KIND, _EFFECT, _VOLUME, _PARAMETER = range(6)
# Notes above are commands such as "stop"; the numbers of libopenmpt for a volume and two slides
# to a note, which strike nothing anew.
_HIGHEST_NOTE: Final = 120
_LOUDEST: Final = 64
_VOLUME_COMMAND, _VOLUME_EFFECT, _SLIDES = 1, 13, frozenset({4, 6})


class NotModule(ValueError):
    """libopenmpt makes nothing of these bytes, or is not there."""


@dataclass(frozen=True, slots=True)
class Rendering:
    """``samples`` float32 ``[2, n]`` at ``RATE_HZ``, and what was played in them."""

    samples: Floats
    course: Course


def render(raw: bytes, longest_s: float) -> Rendering:
    """The module in ``raw``, once through, or the first ``longest_s`` of it."""
    library = _library()
    module = library.openmpt_module_create_from_memory2(raw, len(raw), *[None] * 7)
    if not module:
        raise NotModule("libopenmpt does not know this module")
    try:
        samples, starts = _played(library, module, longest_s)
        rows = tuple(Row(start_s, place) for start_s, _, place in starts)
        hits = tuple(_hits(library, module, [at[1:] for at in starts]))
    finally:
        library.openmpt_module_destroy(module)
    return Rendering(samples, Course(rows, hits, samples.shape[1] / RATE_HZ))


def _played(
    library: ctypes.CDLL, module: int, longest_s: float
) -> tuple[Floats, list[tuple[float, int, int]]]:
    """The sound, and of each row its start in seconds, its pattern and its place there."""
    pairs = np.zeros((int(longest_s * RATE_HZ), 2), np.float32)
    starts: list[tuple[float, int, int]] = []
    before, end = None, 0
    while end + _FRAMES <= len(pairs):
        into = pairs.ctypes.data + end * pairs.strides[0]
        got = library.openmpt_module_read_interleaved_float_stereo(module, RATE_HZ, _FRAMES, into)
        if got == 0:
            break
        order = library.openmpt_module_get_current_order(module)
        place = library.openmpt_module_get_current_row(module)
        if (order, place) != before:
            before = order, place
            pattern = library.openmpt_module_get_current_pattern(module)
            starts.append(((end + _FRAMES / 2) / RATE_HZ, pattern, place))
        end += got
    return np.ascontiguousarray(pairs[:end].T), starts


def _hits(library: ctypes.CDLL, module: int, places: Sequence[tuple[int, int]]) -> Iterator[Hit]:
    """Each note that is struck in ``places``, which are patterns and their rows."""
    cell = library.openmpt_module_get_pattern_row_channel_command
    for channel in range(library.openmpt_module_get_num_channels(module)):
        instrument = 0
        for row, at in enumerate(places):
            found = [cell(module, *at, channel, column) for column in range(_PARAMETER + 1)]
            instrument = found[_INSTRUMENT] or instrument
            loudness = _loudness(found)
            if 0 < found[_NOTE] <= _HIGHEST_NOTE and found[_EFFECT] not in _SLIDES and loudness:
                yield Hit(row, instrument, found[_NOTE], loudness)


def _loudness(cell: Sequence[int]) -> float:
    """0 to 1; instruments' own loudness is not known and counts as full."""
    if cell[_VOLUME_KIND] == _VOLUME_COMMAND:
        return min(1.0, cell[_VOLUME] / _LOUDEST)
    if cell[_EFFECT] == _VOLUME_EFFECT:
        return min(1.0, cell[_PARAMETER] / _LOUDEST)
    return 1.0


@cache
def _library() -> ctypes.CDLL:
    """libopenmpt; what it takes and gives are C's ints but for what is said here."""
    name = find_library("openmpt")
    if name is None:
        raise NotModule("libopenmpt is not installed")
    library = ctypes.CDLL(name)
    handle, number = ctypes.c_void_p, ctypes.c_int32
    create = library.openmpt_module_create_from_memory2
    create.argtypes = [ctypes.c_char_p, ctypes.c_size_t, *[ctypes.c_void_p] * 7]
    create.restype = handle
    read = library.openmpt_module_read_interleaved_float_stereo
    read.argtypes = [handle, number, ctypes.c_size_t, ctypes.c_void_p]
    read.restype = ctypes.c_size_t
    cell = library.openmpt_module_get_pattern_row_channel_command
    cell.argtypes = [handle, number, number, number, ctypes.c_int]
    cell.restype = ctypes.c_uint8
    for asked in ("current_order", "current_pattern", "current_row", "num_channels"):
        getattr(library, f"openmpt_module_get_{asked}").argtypes = [handle]
    library.openmpt_module_destroy.argtypes = [handle]
    library.openmpt_module_destroy.restype = None
    return library
