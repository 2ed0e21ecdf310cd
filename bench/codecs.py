"""Whether one performance has one grid in every kind of file: ``python -m bench.codecs``.

Each of our pieces is coded in every kind that is taken and each copy analysed; the beats are
compared with those of the WAV and with the score. Exits with 1 when a beat of a kind that knows
its coder's delay lies more than 5 ms from the WAV's. ADTS, and MP3 without a Xing header, have no
place to say how much silence the coder put in front; theirs are shown and not judged.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import av
import numpy as np
from av.audio.stream import AudioStream
from numpy.typing import NDArray

from autodj.audio.analysis import analyze
from autodj.audio.encode import encode
from autodj.audio.facts import Analysis, DecodeLimits
from autodj.audio.frames import Floats
from autodj.audio.identify import identify
from autodj.audio.synth import PIECES, RATE_HZ, Piece, render

MOST_APART_S: Final = 0.005
Times = NDArray[np.float64]
Coder = Callable[[Floats, int, Path], None]


def _without_header(samples: Floats, rate_hz: int, path: Path) -> None:
    with av.open(path, "w", format="mp3", options={"write_xing": "0"}) as output:
        stream = output.add_stream("libmp3lame", rate=rate_hz, layout="stereo", format="fltp")
        assert isinstance(stream, AudioStream)
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples), format="fltp", layout="stereo"
        )
        frame.sample_rate, frame.pts = rate_hz, 0
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


@dataclass(frozen=True, slots=True)
class Kind:
    """How a file is made, and whether it can say how much silence its coder put in front."""

    code: Coder
    suffix: str
    knows_delay: bool = True


def _of(codec: str, suffix: str | None = None, *, knows_delay: bool = True) -> Kind:
    return Kind(partial(encode, codec=codec), suffix or codec, knows_delay)


KINDS: Final[Mapping[str, Kind]] = {
    "wav": _of("wav"),
    "mp3": _of("mp3"),
    "m4a": _of("m4a"),
    "ogg": _of("ogg"),
    "flac": _of("flac"),
    "opus": _of("opus"),
    "alac": _of("alac", "m4a"),
    "caf": _of("caf"),
    "wv": _of("wv"),
    "aiff": _of("aiff"),
    "adts": _of("aac", knows_delay=False),
    "mp3 without header": Kind(_without_header, "mp3", knows_delay=False),
}


def analysed(samples: Floats, kind: str, folder: Path, rate_hz: int = RATE_HZ) -> Analysis:
    """What is found in ``samples`` once they are a file of this kind."""
    path = folder / f"copy.{KINDS[kind].suffix}"
    KINDS[kind].code(samples, rate_hz, path)
    with path.open("rb") as file:
        return analyze(file, identify(path), DecodeLimits(), lambda _share: None)


def apart_s(beats: Sequence[float], others: Sequence[float] | Times) -> Times:
    """For each beat the distance to the nearest of the others, signed."""
    there = np.asarray(others)
    return np.array([beat - there[np.argmin(np.abs(there - beat))] for beat in beats])


def score_s(piece: Piece, duration_s: float) -> Times:
    """Where the piece has its beats, and would have them in its tail."""
    return np.arange(0, duration_s, 60 / piece.bpm)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.codecs",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--bars", type=int, default=8, help="the most bars of each section (8)")
    options = parser.parse_args(arguments)
    worst_s = 0.0
    print(f"{'':<16} {'':<20} {'BPM':>8} {'beats':>5} {'to WAV, ms':>11} {'to score, ms':>13}")
    with tempfile.TemporaryDirectory(prefix="autodj-codecs-") as name:
        for piece in PIECES:
            worst_s = max(worst_s, _compare(_shortened(piece, options.bars), Path(name)))
    print(f"most apart: {worst_s * 1000:.2f} ms")
    sys.exit(worst_s > MOST_APART_S)


def _shortened(piece: Piece, bars: int) -> Piece:
    sections = tuple(replace(each, bars=min(bars, each.bars)) for each in piece.sections)
    return replace(piece, sections=sections)


def _compare(piece: Piece, folder: Path) -> float:
    """The largest distance of a beat to the WAV's, of the kinds that are judged."""
    samples, worst_s = render(piece), 0.0
    first = analysed(samples, "wav", folder)
    for name, kind in KINDS.items():
        found = analysed(samples, name, folder)
        to_wav = np.abs(apart_s(found.beats_s, first.beats_s))
        to_score = np.abs(apart_s(found.beats_s, score_s(piece, found.duration_s)))
        print(
            f"{piece.slug:<16} {name:<20} {found.bpm or 0:>8.3f} {len(found.beats_s):>5} "
            f"{to_wav.max() * 1000:>11.2f} {to_score.max() * 1000:>13.2f}"
        )
        if kind.knows_delay:
            worst_s = max(worst_s, float(to_wav.max()))
    return worst_s


if __name__ == "__main__":
    main()
