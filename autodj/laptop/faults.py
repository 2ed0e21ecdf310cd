"""What can be wrong with the machine, in one clear line each."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autodj.errors import CommandError

MIN_FREE_BYTES = 256 * 1024 * 1024


@contextmanager
def plain_faults(place: Path) -> Iterator[None]:
    """Turn an OSError about files under ``place`` into a CommandError of one line."""
    try:
        yield
    except OSError as error:
        raise CommandError(_sentence(error, place)) from error


def prepare_directory(data_dir: Path, *, min_free_bytes: int = MIN_FREE_BYTES) -> Path:
    """Make the data directory, for its owner only, and see that it can be written to.

    Raises CommandError when it cannot be, or when less than ``min_free_bytes`` are free.
    """
    with plain_faults(data_dir):
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        free_bytes = shutil.disk_usage(data_dir).free
    if not os.access(data_dir, os.W_OK | os.X_OK):
        raise CommandError(f"{data_dir} cannot be written to; choose another folder.")
    if free_bytes < min_free_bytes:
        raise CommandError(
            f"The disk is full: {_megabytes(free_bytes)} are free under {data_dir}, "
            f"{_megabytes(min_free_bytes)} are needed to start."
        )
    return data_dir


def _sentence(error: OSError, place: Path) -> str:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return f"The disk is full: nothing more can be written under {place}."
    where = error.filename if error.filename is not None else place
    if error.errno in {errno.EEXIST, errno.ENOTDIR}:
        return f"{where} is not a folder; choose another."
    return f"{where}: {error.strerror or error}."


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1_000_000:,.0f} MB"
