"""The keys of files in order, in pages, and what lies directly in a directory."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from autodj.storage.cursors import check_limit, cursor_after, position_of
from autodj.storage.keys import is_key, may_start_a_key
from autodj.storage.local_folders import Folders


class Listing:
    """What a store in a directory holds. Names that no key can have, and whatever vanishes
    meanwhile, are passed over.
    """

    def __init__(self, root: Path) -> None:
        self._folders = Folders(root)

    def keys(self, prefix: str = "", after: str = "") -> Iterator[str]:
        """The keys that start with ``prefix`` and come after ``after``, in key order."""
        if may_start_a_key(prefix):
            yield from self._keys("", prefix, after)

    def page(
        self, prefix: str, *, limit: int, cursor: str | None, directories: bool
    ) -> tuple[list[str], list[str], str | None]:
        """Keys, directories (with their slash) and the cursor of the next page."""
        check_limit(limit)
        after = ""
        if cursor is not None:
            after = position_of(cursor, prefix=prefix, directories=directories)
        names = self._directly(prefix, after) if directories else self.keys(prefix, after)
        found = list(islice(names, limit + 1))
        onwards = None
        if len(found) > limit:
            found.pop()
            onwards = cursor_after(found[-1], prefix=prefix, directories=directories)
        keys = [name for name in found if not name.endswith("/")]
        return keys, [name for name in found if name.endswith("/")], onwards

    def _keys(self, folder: str, prefix: str, after: str) -> Iterator[str]:
        for name in self._from(folder, max(prefix, after)):
            if not (name.startswith(prefix) or prefix.startswith(name)):
                return
            if name.endswith("/"):
                yield from self._keys(name, prefix, after)
            elif name > after:
                yield name

    def _directly(self, prefix: str, after: str) -> Iterator[str]:
        if not may_start_a_key(prefix):
            return
        folder = prefix[: prefix.rfind("/") + 1]
        for name in self._from(folder, max(prefix, after)):
            if not name.startswith(prefix):
                return
            # An empty directory is no part of a store.
            if name > after and (not name.endswith("/") or any(self.keys(name))):
                yield name

    def _from(self, folder: str, start: str) -> Iterator[str]:
        """What lies directly in the folder, from the place of ``start`` on, or from the directory
        that this is in.
        """
        names = self._folders.names(folder)
        place = start.removeprefix(folder) if start.startswith(folder) else ""
        first = bisect_left(names, place)
        before = names[first - 1] if first else ""
        if before.endswith("/") and place.startswith(before):
            first -= 1
        for at in range(first, len(names)):
            name = f"{folder}{names[at]}"
            if is_key(name.removesuffix("/")):
                yield name
