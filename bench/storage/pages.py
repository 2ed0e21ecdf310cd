"""``python -m bench.storage.pages``: all pages of one large local folder, quiet and busy.

In the busy one an object appears before every page, so that nothing can be remembered.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

from autodj.storage.local import LocalStorage
from autodj.storage.local_folders import SETTLED_NS


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.storage.pages", description=__doc__)
    parser.add_argument("--keys", type=int, default=100_000, help="objects in it (100000)")
    parser.add_argument("--limit", type=int, default=100, help="on each page (100)")
    parser.add_argument("--pages", type=int, help="no more than so many pages (all)")
    parser.add_argument("--folder", type=Path, help="where the files go (the system's choice)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="autodj-pages-", dir=options.folder) as name:
        folder = Path(name, "tracks")
        folder.mkdir()
        for number in range(options.keys):
            (folder / f"{number:07}").touch()
        time.sleep(SETTLED_NS / 10**9)
        for busy in (False, True):
            asyncio.run(_measure(Path(name), options.limit, options.pages, busy=busy))


async def _measure(root: Path, limit: int, most_pages: int | None, *, busy: bool) -> None:
    store = LocalStorage(root)
    pages = keys = 0
    cursor = None
    cpu_s, began = time.process_time(), time.perf_counter()
    while pages != most_pages:
        if busy:
            (root / "tracks" / f"new-{pages}").touch()
        page = await store.page("tracks/", limit=limit, cursor=cursor)
        pages, keys, cursor = pages + 1, keys + len(page.objects), page.cursor
        if cursor is None:
            break
    seconds, cpu_s = time.perf_counter() - began, time.process_time() - cpu_s
    print(
        f"{'busy' if busy else 'quiet'}: {keys} keys on {pages} pages in {seconds:.1f} s, "
        f"{cpu_s:.1f} s of CPU, {1000 * cpu_s / pages:.1f} ms a page"
    )


if __name__ == "__main__":
    main()
