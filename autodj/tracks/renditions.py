"""Which of a track's files is played: the one that was asked for, or the best for the asker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from autodj.audio.recipes import RenditionName
from autodj.db.playables import Playable
from autodj.db.ready import Ready, unpack
from autodj.errors import NotFound
from autodj.tracks.weights import weights

ORIGINAL = "original"
_ANYTHING = "*/*"


def select(track: Playable, wanted: str | None, accept: str | None) -> Playable:
    """The track as it is played: key, path, source, type, hash, size, length and offset are
    those of the chosen file, which ``rendition`` names.

    ``wanted`` is a name (``original``, or that of a rendition); NotFound when there is none of
    that name to be played. Without it the HTTP header ``accept`` chooses among what is whole:
    the file made for playback, else the original, unless the asker likes another one better.
    """
    if wanted is not None:
        return _named(track, wanted)
    if not track.renditions:
        return track
    ready = {each.name: each for each in unpack(track.renditions)}
    playback, lossless = (
        ready.get(name) for name in (RenditionName.PLAYBACK, RenditionName.LOSSLESS)
    )
    default = track if playback is None else _played(track, playback)
    if accept is None:
        return default
    liked = weights(accept)
    offered = [default, *([_played(track, lossless)] if lossless else [])]
    best = max(offered, key=lambda each: _quality(liked, each.content_type))
    if _quality(liked, best.content_type) > 0:
        return best
    # A file that browsers do not play well is for those who take nothing else.
    return track if _quality(liked, track.content_type) > 0 else default


def _named(track: Playable, wanted: str) -> Playable:
    if wanted == ORIGINAL:
        return track
    for ready in unpack(track.renditions):
        if ready.name == wanted:
            return _played(track, ready)
    raise NotFound("The track has no such rendition that could be played now")


def _played(track: Playable, ready: Ready) -> Playable:
    return replace(
        track,
        file_source=ready.file_source,
        file_path=ready.file_path,
        s3_object_key=ready.s3_object_key,
        generation=ready.generation,
        extension=ready.extension,
        content_type=ready.content_type,
        sha256=ready.sha256,
        size_bytes=ready.size_bytes,
        duration_s=ready.duration_s,
        rendition=ready.name.value,
        start_offset_s=ready.start_offset_s,
    )


def _quality(liked: Mapping[str, float], content_type: str) -> float:
    """How much a type is liked, by the most exact range that it falls in."""
    for media_range in (content_type, f"{content_type.partition('/')[0]}/*", _ANYTHING):
        if media_range in liked:
            return liked[media_range]
    return 0.0
