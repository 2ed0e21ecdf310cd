"""``autodj ls``, ``show``, ``url`` and ``rm``: the library of a running server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from autodj.cli.options import AsJson, BearerToken, DataDir, ServerUrl

if TYPE_CHECKING:
    from autodj.cli.client import Client, Document

TrackId = Annotated[
    str, typer.Argument(metavar="ID", help="The track's id, or as much of its start as is unique.")
]


def ls(
    text: Annotated[
        str | None, typer.Argument(metavar="[WORDS]", help="In title, artist or album.")
    ] = None,
    bpm: Annotated[
        str | None, typer.Option(metavar="FROM-TO", help="Tempo, such as 120-126 or 122.")
    ] = None,
    key: Annotated[str | None, typer.Option(metavar="KEY", help='Key: 8A or "A minor".')] = None,
    source: Annotated[
        str | None, typer.Option(metavar="local|s3", help="Where the bytes are.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most.")] = 200,
    data: DataDir = None,
    server: ServerUrl = None,
    token: BearerToken = None,
    as_json: AsJson = False,
) -> None:
    """List the tracks, newest first: tempo, key, loudness, where the bytes are.

    For example:

        autodj ls
        autodj ls lights --bpm 118-126 --key 8A
        autodj ls --json | jq -r '.[].title'
    """
    from autodj.cli.asking import ask
    from autodj.cli.console import console, print_json
    from autodj.cli.listing import query_of, table_of

    query = query_of(text=text, bpm=bpm, key=key, source=source)

    async def read(client: Client) -> list[Document]:
        tracks: list[Document] = []
        async for track in client.tracks(query):
            tracks.append(track)
            if len(tracks) == limit:
                break
        return tracks

    tracks = ask(read, server, token, data)
    if as_json:
        print_json(tracks)
    elif tracks:
        console().print(table_of(tracks))
    else:
        console().print("No tracks." if query else "No tracks yet; add some with: autodj add FILE")


def show(
    track_id: TrackId,
    data: DataDir = None,
    server: ServerUrl = None,
    token: BearerToken = None,
    as_json: AsJson = False,
) -> None:
    """Show everything that is known of a track.

    For example:

        autodj show 3f2a
    """
    from autodj.cli.asking import ask
    from autodj.cli.console import console, print_json
    from autodj.cli.listing import facts_of, find_track

    async def read(client: Client) -> Document:
        track = await find_track(client, track_id)
        listed = await client.read(f"/tracks/{track['id']}/renditions")
        return {**track, "renditions": listed["items"]}

    track = ask(read, server, token, data)
    if as_json:
        print_json(track)
    else:
        console().print(facts_of(track))


def url(
    track_id: TrackId,
    rendition: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="original, playback, lossless or preview; else what plays best."
        ),
    ] = None,
    data: DataDir = None,
    server: ServerUrl = None,
    token: BearerToken = None,
    as_json: AsJson = False,
) -> None:
    """Print a link that any player takes.

    It plays from the CDN once the track is published, from this server before.

    For example:

        autodj url 3f2a
        autodj url 3f2a --rendition preview
        mpv "$(autodj url 3f2a)"
    """
    from autodj.cli.asking import ask
    from autodj.cli.console import print_json, print_line
    from autodj.cli.listing import find_track

    async def read(client: Client) -> Document:
        track = await find_track(client, track_id)
        query = {} if rendition is None else {"rendition": rendition}
        return await client.read(f"/tracks/{track['id']}/audio/url", query)

    link = ask(read, server, token, data)
    if as_json:
        print_json(link)
    else:
        print_line(link["url"])


def rm(
    track_ids: Annotated[
        list[str], typer.Argument(metavar="ID", help="Tracks, by id or unique start of it.")
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", metavar="", help="Do not ask.")] = False,
    data: DataDir = None,
    server: ServerUrl = None,
    token: BearerToken = None,
) -> None:
    """Delete tracks with all their bytes, here and on S3.

    For example:

        autodj rm 3f2a --yes
    """
    from autodj.cli.asking import ask
    from autodj.cli.console import console
    from autodj.cli.listing import find_track

    async def find(client: Client) -> list[Document]:
        found = [await find_track(client, track_id) for track_id in track_ids]
        return [*{track["id"]: track for track in found}.values()]

    async def delete(client: Client) -> None:
        for track in tracks:
            await client.delete(f"/tracks/{track['id']}")
            console().print(f"deleted  {track['title']}", markup=False)

    tracks = ask(find, server, token, data)
    if not yes:
        titles = ", ".join(track["title"] for track in tracks)
        typer.confirm(f"Delete {titles}?", abort=True)
    ask(delete, server, token, data)
