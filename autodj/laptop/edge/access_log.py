"""Access logs in the form of CloudFront's standard logs: a line for each answer, tab-separated,
gathered into compressed files that are named as CloudFront names them.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logs-reference.html
"""

from __future__ import annotations

import asyncio
import gzip
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote

import structlog

from autodj.errors import StoreError
from autodj.laptop.edge.origin import S3Origin

log = structlog.get_logger("autodj.edge")

_FIELD_NAMES: Final = (
    "date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status "
    "cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id "
    "x-host-header cs-protocol cs-bytes time-taken x-forwarded-for ssl-protocol ssl-cipher "
    "x-edge-response-result-type cs-protocol-version fle-status fle-encrypted-fields c-port "
    "time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len "
    "sc-range-start sc-range-end"
)
FIELDS: Final = tuple(_FIELD_NAMES.split())
FLUSH_EVERY_S: Final = 60.0
MAX_LINES: Final = 10_000
KEEP_S: Final = 30 * 86400.0

_NAME: Final = re.compile(r"\.?[A-Z0-9]+\.\d{4}-\d\d-\d\d-\d\d\.[0-9a-f]{8}\.gz")

# Everything printable but the signs that would need escaping in a field.
_PLAIN: Final = "".join(
    chr(code) for code in range(33, 127) if chr(code) not in "<>\"#%{|}\\^~[]`'"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One answer. ``moment`` is its end in POSIX seconds; ``fields`` by the names of FIELDS,
    where what is missing or empty is written as ``-``.
    """

    moment: float
    fields: dict[str, str] = field(default_factory=dict)

    def line(self) -> str:
        """The line of the file, without its end."""
        when = datetime.fromtimestamp(self.moment, UTC)
        told = {"date": f"{when:%Y-%m-%d}", "time": f"{when:%H:%M:%S}", **self.fields}
        return "\t".join(_escaped(told.get(name, "")) or "-" for name in FIELDS)


Store = Callable[[str, bytes], Awaitable[None]]


class AccessLog:
    """Entries until they are stored, a file for each hour they belong to.

    ``store`` gets a file name and its compressed content. As CloudFront's, these logs are told
    as well as is possible: a process that is killed takes its latest entries with it.
    """

    def __init__(self, distribution_id: str, store: Store) -> None:
        self._distribution_id = distribution_id
        self._store = store
        self._entries: list[Entry] = []

    def note(self, entry: Entry) -> None:
        """Remember the entry; when far too many wait, the oldest go."""
        self._entries.append(entry)
        del self._entries[:-MAX_LINES]

    async def flush(self) -> None:
        """Store what was noted. What cannot be stored now is kept for the next time, also when
        we are cancelled.
        """
        waiting, self._entries = self._entries, []
        by_hour: dict[str, list[Entry]] = {}
        for entry in waiting:
            hour = f"{datetime.fromtimestamp(entry.moment, UTC):%Y-%m-%d-%H}"
            by_hour.setdefault(hour, []).append(entry)
        try:
            for hour in list(by_hour):
                storing = asyncio.create_task(self._stored(hour, by_hour[hour]))
                try:
                    await asyncio.shield(storing)
                finally:  # cancelled in the middle, it would be stored twice
                    if await storing:
                        del by_hour[hour]
        finally:
            self._entries[:0] = [entry for entries in by_hour.values() for entry in entries]
            del self._entries[:-MAX_LINES]

    async def _stored(self, hour: str, entries: list[Entry]) -> bool:
        name = f"{self._distribution_id}.{hour}.{secrets.token_hex(4)}.gz"
        try:
            await self._store(name, _file_of(entries))
        except Exception as error:  # noqa: BLE001 - whatever it is, the next time may be better
            log.warning("edge_log_not_stored", name=name, reason=str(error))
            return False
        return True

    async def keep_flushing(self, every_s: float = FLUSH_EVERY_S) -> None:
        """Store again and again until cancelled, and once more then."""
        try:
            while True:
                await asyncio.sleep(every_s)
                await self.flush()
        finally:
            await self.flush()


def into_folder(folder: Path, *, keep_s: float = KEEP_S) -> Store:
    """Each file whole or not at all; access logs go when they are ``keep_s`` old, and nothing
    else does: the folder may be anybody's.
    """

    async def store(name: str, content: bytes) -> None:
        await asyncio.to_thread(_write, folder / name, content)
        await asyncio.to_thread(_let_go, folder, time.time() - keep_s)

    return store


def into_bucket(bucket: S3Origin, prefix: str) -> Store:
    """Objects of the bucket under the prefix; StoreError when it does not take one."""

    async def store(name: str, content: bytes) -> None:
        folder = prefix.strip("/")
        path = f"/{folder}/{name}" if folder else f"/{name}"
        answer = await bucket.put(path, content, {"Content-Type": "application/gzip"})
        if answer.status != 200:
            raise StoreError(f"The bucket answered {answer.status} to the access log {name}.")

    return store


def _escaped(text: str) -> str:
    # The tilde is the one sign that quote never escapes.
    return quote(text, safe=_PLAIN, errors="surrogateescape").replace("~", "%7E")


def _file_of(entries: list[Entry]) -> bytes:
    lines = ["#Version: 1.0", f"#Fields: {_FIELD_NAMES}", *(each.line() for each in entries)]
    return gzip.compress("".join(f"{line}\n" for line in lines).encode("ascii"))


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = file.with_name(f".{file.name}")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(file)
    except OSError:  # it comes again every minute, under another name
        unfinished.unlink(missing_ok=True)
        raise


def _let_go(folder: Path, before: float) -> None:
    for path in folder.iterdir():
        # What cannot be removed is met again the next time, and the new file is stored already.
        with suppress(OSError):
            if _NAME.fullmatch(path.name) and path.lstat().st_mtime < before:
                path.unlink()
