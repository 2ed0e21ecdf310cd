"""The beat grid that Serato keeps inside audio files, and that Mixxx takes from there too.

Two bytes of version, the number of markers, one for each stretch of even tempo, and a byte
of no known meaning, all big-endian. A marker is its time in seconds and the number of beats
until the next one; the last has its tempo instead (J. Holthaus, *Reversing Serato's GEOB
tags*, 2019, and what Mixxx reads).
"""

from __future__ import annotations

import base64
import struct

from autodj.tracks.exports.grid import Beats
from autodj.tracks.exports.stretches import stretches_of

DESCRIPTION = "Serato BeatGrid"
MIME_TYPE = "application/octet-stream"
_VERSION = b"\x01\x00"
_LINE_BYTES = 54
# Serato counts MP3 from the first frame of the decoder's delay; Mixxx takes this off again.
_MP3_OFFSET_S = {44100: 0.026, 48000: 0.024}


def beat_grid(beats: Beats, *, offset_s: float = 0.0) -> bytes:
    """The binary grid, all times moved by ``offset_s``."""
    *inner, last = stretches_of(beats)
    packed = [struct.pack(">fI", each.start_s + offset_s, each.beats) for each in inner]
    packed.append(struct.pack(">ff", last.start_s + offset_s, last.bpm))
    return b"".join([_VERSION, struct.pack(">I", len(packed)), *packed, b"\x00"])


def mp3_offset_s(sample_rate_hz: int) -> float:
    """How much later Serato's clock says a moment of an MP3 is than ours."""
    return _MP3_OFFSET_S.get(sample_rate_hz, 0.0)


def as_comment(grid: bytes) -> str:
    """The grid as text for a Vorbis comment: Base64 in lines of 72, no padding, one more
    letter at the end.
    """
    whole = b"\0".join([MIME_TYPE.encode(), b"", DESCRIPTION.encode(), grid])
    lines = [
        base64.b64encode(whole[at : at + _LINE_BYTES]).rstrip(b"=").decode()
        for at in range(0, len(whole), _LINE_BYTES)
    ]
    return "\n".join(lines) + "A"
