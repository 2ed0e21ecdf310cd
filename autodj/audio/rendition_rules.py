"""Which renditions a file is to have: decided from what is known of it, without looking."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from autodj.audio.identify import AAC, FLAC, M4A, MP3, WAV, Container
from autodj.audio.recipes import Recipe, RenditionMode, RenditionName, Wishes

PREVIEW_SHARE = 1.5
"""A track that is not this many times as long as a preview needs none."""

_PLAIN_WAV = frozenset({"pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_f32le"})
# Floats and 32-bit integers do not fit into FLAC's 24 bits.
_LOSSLESS = frozenset(
    {"flac", "alac", "wavpack"}
    | {"pcm_u8", "pcm_s8", "pcm_s16le", "pcm_s24le", "pcm_s16be", "pcm_s24be"}
)


@dataclass(frozen=True, slots=True)
class Original:
    """What is known of the file. ``indexed`` is as ``layout.is_indexed`` says;
    ``loudest_s`` is where its most energetic part starts, if that is known.
    """

    container: Container
    codec: str
    indexed: bool
    duration_s: float
    bit_rate_bps: int | None = None
    loudest_s: float | None = None


def plays_everywhere(original: Original) -> bool:
    """Whether browsers play and seek the file as it is, starting at once and on the same
    timeline as our decoder.
    """
    if original.container == MP3:
        return original.codec == "mp3" and original.indexed
    if original.container == M4A:
        return original.codec == "aac" and original.indexed
    if original.container == WAV:
        return original.codec in _PLAIN_WAV
    return original.container == FLAC


def recipes(original: Original, wishes: Wishes) -> tuple[Recipe, ...]:
    """Every rendition that the file is to have."""
    if wishes.mode is RenditionMode.NEVER:
        return ()
    return tuple(_recipes(original, wishes))


def _recipes(original: Original, wishes: Wishes) -> Iterator[Recipe]:
    if not plays_everywhere(original):
        yield _repaired(original) or _encoded(wishes)
    elif wishes.mode is RenditionMode.ALWAYS and _is_larger(original, wishes):
        yield _encoded(wishes)
    if wishes.lossless and original.codec in _LOSSLESS and original.container != FLAC:
        yield Recipe(RenditionName.LOSSLESS, "flac")
    if 0 < wishes.preview_s * PREVIEW_SHARE < original.duration_s:
        yield _preview(original, wishes)


def _repaired(original: Original) -> Recipe | None:
    """The same coded audio in a file that players find their way in."""
    if original.container == MP3 and original.codec == "mp3":
        return Recipe(RenditionName.PLAYBACK, "mp3", copied=True)
    if original.container in (M4A, AAC) and original.codec == "aac":
        return Recipe(RenditionName.PLAYBACK, "m4a", copied=True)
    return None


def _encoded(wishes: Wishes) -> Recipe:
    return Recipe(RenditionName.PLAYBACK, wishes.extension, bit_rate_bps=wishes.bit_rate_bps)


def _is_larger(original: Original, wishes: Wishes) -> bool:
    return original.bit_rate_bps is None or original.bit_rate_bps > wishes.bit_rate_bps


def _preview(original: Original, wishes: Wishes) -> Recipe:
    start_s = original.duration_s / 3 if original.loudest_s is None else original.loudest_s
    return Recipe(
        RenditionName.PREVIEW,
        wishes.extension,
        bit_rate_bps=wishes.preview_bit_rate_bps,
        start_s=max(0.0, min(start_s, original.duration_s - wishes.preview_s)),
        length_s=wishes.preview_s,
    )
