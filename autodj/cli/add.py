"""``autodj add``: files, folders and URLs to a running server."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from autodj.cli.options import AsJson, BearerToken, DataDir, ServerUrl

if TYPE_CHECKING:
    from autodj.cli.adding import Outcome
    from autodj.cli.sources import Sources
    from autodj.errors import AutodjError

_TOLD_ALIKE = 3


def add(
    sources: Annotated[list[str], typer.Argument(metavar="FILE|FOLDER|URL", help="What to add.")],
    wait: Annotated[
        bool, typer.Option("--wait", metavar="", help="Wait until each is analysed and published.")
    ] = False,
    parallel: Annotated[
        int, typer.Option("--parallel", "-p", min=1, max=16, help="How many at the same time.")
    ] = 2,
    data: DataDir = None,
    server: ServerUrl = None,
    token: BearerToken = None,
    as_json: AsJson = False,
) -> None:
    """Add tracks: files, whole folders, or URLs that the server fetches.

    What the library has already is told, not stored twice. A file that is refused does not
    stop the others; the exit code is 1 when there was one.

    For example:

        autodj add song.flac
        autodj add ~/Music/sets --wait
        autodj add https://example.org/mix.mp3 --server https://dj.example.org
    """
    import asyncio

    from autodj.cli.adding import NotAdded, add_all
    from autodj.cli.client import open_client
    from autodj.cli.console import print_json
    from autodj.cli.progress import shown_progress
    from autodj.cli.sources import find_sources
    from autodj.cli.where import find_server

    chosen = find_server(server, token, data)
    found = find_sources(sources)

    async def run() -> Sequence[Outcome]:
        async with open_client(chosen) as client:
            with shown_progress(found, quiet=as_json) as watcher:
                return await add_all(client, found, watcher, parallel=parallel, wait=wait)

    ended = asyncio.run(run())
    if as_json:
        print_json([each.document() for each in ended])
    else:
        _summarise(ended, found)
    if any(isinstance(each, NotAdded) for each in ended):
        raise typer.Exit(1)


def _summarise(ended: Sequence[Outcome], sources: Sources) -> None:
    """Counts on stdout; on stderr each failure with what to do about it."""
    from autodj.cli.console import console, tell_of
    from autodj.cli.words import plural

    counts = {
        "added": sum(each.status == "added" for each in ended),
        "already there": sum(each.status == "duplicate" for each in ended),
        "failed": sum(each.status == "failed" for each in ended),
    }
    parts = [f"{count} {name}" for name, count in counts.items() if count]
    if sources.skipped:
        parts.append(f"{plural(len(sources.skipped), 'other file')} left out")
    console().print(", ".join(parts) or "Nothing to add: no audio files there", style="bold")
    for fault, names in _by_fault(ended):
        for name in names[:_TOLD_ALIKE]:
            tell_of(name, fault)
        if more := len(names[_TOLD_ALIKE:]):
            tell_of(f"{more} more", fault)


def _by_fault(ended: Sequence[Outcome]) -> Iterable[tuple[AutodjError, Sequence[str]]]:
    """What went wrong, and for which sources: a server that is gone is gone for all."""
    from autodj.cli.adding import NotAdded

    alike: dict[tuple[str, str], tuple[AutodjError, list[str]]] = {}
    for each in ended:
        if isinstance(each, NotAdded):
            words = each.fault.detail, each.fault.hint
            alike.setdefault(words, (each.fault, []))[1].append(each.source)
    return alike.values()
