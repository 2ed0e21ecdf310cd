"""What a running ``autodj up`` leaves in its data folder, so that other commands find it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from autodj.errors import CommandError
from autodj.laptop.locks import try_lock
from autodj.laptop.private import read_private, write_private

FILE_NAME = "running.json"


@dataclass(frozen=True, slots=True)
class Running:
    """A server on this machine: where it answers, whose it is, and what its parts were told."""

    url: str
    user_id: UUID
    environment: Mapping[str, str] = field(repr=False)


@contextmanager
def announced(data_dir: Path, running: Running) -> Iterator[None]:
    """Let other commands find the server while the block runs."""
    file = data_dir / FILE_NAME
    write_private(
        file,
        json.dumps(
            {
                "url": running.url,
                "user_id": str(running.user_id),
                "environment": dict(running.environment),
            }
        ),
    )
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def find_running(data_dir: Path) -> Running | None:
    """The server that holds the folder now; None without one, also after one that was killed."""
    file = data_dir / FILE_NAME
    try:
        text = read_private(file)
    except FileNotFoundError:
        return None
    descriptor = try_lock(data_dir / "lock")
    if descriptor is not None:
        os.close(descriptor)
        return None
    try:
        said = json.loads(text)
        return Running(said["url"], UUID(said["user_id"]), dict(said["environment"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CommandError(
            f"{file} is damaged", hint="Stop `autodj up` with Ctrl-C, and start it again."
        ) from error
