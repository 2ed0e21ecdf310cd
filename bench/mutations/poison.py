"""The sandbox's tasks, with decoders that fail as a hole in FFmpeg would let them.

A file whose last bytes are ``POISON:`` and a word does that to the decoder; any other file is
treated as it is in the product.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, BinaryIO, Final, NoReturn

from autodj.audio import tasks
from autodj.audio.child import Emit, Task

MARK: Final = b"POISON:"
_WORD_BYTES: Final = 5
_GROWTH_BYTES: Final = 1 << 30


def poisoned(data: bytes, word: str) -> bytes:
    """``data`` that will ``crash``, ``spins`` for ever, or ``grows``."""
    return data + MARK + word.encode()


def _crash() -> NoReturn:
    ctypes.string_at(0)
    raise AssertionError


def _spin() -> NoReturn:
    while True:
        pass


def _grow() -> None:
    block = bytearray(_GROWTH_BYTES)
    block[::4096] = bytes(len(block[::4096]))


_POISONS: Final[Mapping[bytes, Callable[[], object]]] = {
    b"crash": _crash,
    b"spins": _spin,
    b"grows": _grow,
}


def _exposed(task: Task, file: BinaryIO, arguments: dict[str, Any], emit: Emit) -> object:
    file.seek(0)
    end = file.read()[-len(MARK) - _WORD_BYTES :]
    if end.startswith(MARK):
        _POISONS[end[len(MARK) :]]()
    return task(file, arguments, emit)


TASKS: dict[str, Task] = {name: partial(_exposed, task) for name, task in tasks.TASKS.items()}
