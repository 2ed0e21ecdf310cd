"""Pages of a list of files, and of what lies directly in a directory."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from autodj.storage.cursors import check_limit, cursor_after, position_of
from autodj.storage.disk import keys_below, names_in


def page_of(
    root: Path, prefix: str, *, limit: int, cursor: str | None, directories: bool
) -> tuple[list[str], list[str], str | None]:
    """Keys, directories (with their slash) and the cursor of the next page."""
    check_limit(limit)
    after = ""
    if cursor is not None:
        after = position_of(cursor, prefix=prefix, directories=directories)
    names = _directly_below(root, prefix, after) if directories else keys_below(root, prefix, after)
    found = list(islice(names, limit + 1))
    onwards = None
    if len(found) > limit:
        found.pop()
        onwards = cursor_after(found[-1], prefix=prefix, directories=directories)
    keys = [name for name in found if not name.endswith("/")]
    return keys, [name for name in found if name.endswith("/")], onwards


def _directly_below(root: Path, prefix: str, after: str) -> Iterator[str]:
    for name in names_in(root, prefix.rpartition("/")[0]):
        if name.startswith(prefix) and name > after and _is_there(root, name):
            yield name


def _is_there(root: Path, name: str) -> bool:
    """An empty directory is no part of a store."""
    return not name.endswith("/") or any(keys_below(root, name))
