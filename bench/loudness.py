"""Our loudness beside FFmpeg's meter: ``python -m bench.loudness [FILE...]``.

FFmpeg's ``ebur128`` filter measures the same decoded samples. Without files our own pieces are
taken, each also soft, mono and at other rates. Exits with 1 when a figure lies further apart than
0.1 LU (integrated), 0.3 LU (range) or 0.2 dB (true peak).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import av
import numpy as np
from av.filter import Graph

from autodj.audio.decode import open_decoder
from autodj.audio.facts import DecodeLimits
from autodj.audio.frames import Floats
from autodj.audio.identify import identify
from autodj.audio.loudness import LoudnessStream, TruePeakStream, gated_loudness, loudness_range
from autodj.audio.resample import BlockResampler
from autodj.audio.synth import PIECES, RATE_HZ, render

MOST_APART: Final = (0.1, 0.3, 0.2)
_BLOCK: Final = 30_011
_TRUE_PEAK: Final = "lavfi.r128.true_peak"
_LAYOUTS: Final = {1: "mono", 2: "stereo"}


@dataclass(frozen=True, slots=True)
class Levels:
    """Integrated LUFS, the range in LU, and the true peak in dBTP."""

    integrated_lufs: float
    range_lu: float
    true_peak_dbtp: float

    def apart(self, other: Levels) -> tuple[float, float, float]:
        return (
            abs(self.integrated_lufs - other.integrated_lufs),
            abs(self.range_lu - other.range_lu),
            abs(self.true_peak_dbtp - other.true_peak_dbtp),
        )


def ours(samples: Floats, rate_hz: int) -> Levels:
    """By our own streams, of samples ``[channels, n]`` that pass the gates."""
    loudness = LoudnessStream(rate_hz, samples.shape[0])
    peak = TruePeakStream(samples.shape[0])
    for block in _blocks(samples):
        loudness.push(block)
        peak.push(block)
    energies = loudness.finish()
    found = gated_loudness(energies), loudness_range(energies), peak.finish()
    integrated_lufs, range_lu, true_peak_dbtp = found
    assert integrated_lufs is not None
    assert range_lu is not None
    assert true_peak_dbtp is not None
    return Levels(integrated_lufs, range_lu, true_peak_dbtp)


def ffmpegs(samples: Floats, rate_hz: int) -> Levels:
    """By the ``ebur128`` filter, which writes what it has found so far on every frame; its peak is
    a linear value.
    """
    graph = Graph()
    source = graph.add_abuffer(
        sample_rate=rate_hz, format="fltp", layout=_LAYOUTS[samples.shape[0]]
    )
    meter, sink = graph.add("ebur128", "metadata=1:peak=true"), graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    words: dict[str, str] = {}
    at, highest = 0, 0.0
    for block in [*_blocks(samples), None]:
        frame = None
        if block is not None:
            frame = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(block), format="fltp", layout=_LAYOUTS[samples.shape[0]]
            )
            frame.sample_rate, frame.pts = rate_hz, at
            at += block.shape[1]
        graph.push(frame)
        for measured in _pulled(graph):
            words |= measured.metadata
            highest = max(highest, float(measured.metadata.get(_TRUE_PEAK, 0.0)))
    peak_dbtp = float(20 * np.log10(highest))
    return Levels(float(words["lavfi.r128.I"]), float(words["lavfi.r128.LRA"]), peak_dbtp)


def _pulled(graph: Graph) -> Iterator[av.AudioFrame]:
    while True:
        try:
            frame = graph.pull()
        except (BlockingIOError, EOFError):
            return
        assert isinstance(frame, av.AudioFrame)
        yield frame


def _blocks(samples: Floats) -> list[Floats]:
    return [samples[:, at : at + _BLOCK] for at in range(0, samples.shape[1], _BLOCK)]


def decoded(path: Path) -> tuple[Floats, int]:
    """The samples of a file as its analysis sees them, and their rate."""
    with path.open("rb") as file, open_decoder(file, identify(path), DecodeLimits()) as decoder:
        resampler = BlockResampler(decoder.sample_rate_hz, min(decoder.channels, 2))
        blocks = [block for frame in decoder.frames() for block in resampler.push(frame)]
        blocks += resampler.finish()
        return np.concatenate(blocks, axis=1), decoder.sample_rate_hz


def variants() -> Iterator[tuple[str, Floats, int]]:
    """Our pieces as they are, at another pace, fading, and in one channel."""
    for piece in PIECES:
        samples = render(piece)
        yield piece.slug, samples, RATE_HZ
        yield f"{piece.slug}, played at 48 kHz", samples, 48000
        fading = samples * np.linspace(1.0, 0.05, samples.shape[1], dtype=np.float32)
        yield f"{piece.slug}, fading", fading, RATE_HZ
        yield f"{piece.slug}, left", samples[:1], RATE_HZ


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.loudness",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", type=Path, nargs="*", metavar="FILE")
    options = parser.parse_args(arguments)
    cases = ((path.name, *decoded(path)) for path in options.files) if options.files else variants()
    worst = (0.0, 0.0, 0.0)
    print(f"{'':<36} {'LUFS':>7} {'LU':>6} {'dBTP':>6}   apart")
    for name, samples, rate_hz in cases:
        mine = ours(samples, rate_hz)
        apart = mine.apart(ffmpegs(samples, rate_hz))
        worst = tuple(map(max, worst, apart))  # type: ignore[assignment]  # map keeps no length
        levels = f"{mine.integrated_lufs:>7.2f} {mine.range_lu:>6.2f} {mine.true_peak_dbtp:>6.2f}"
        print(f"{name[:36]:<36} {levels}   " + " ".join(f"{each:.3f}" for each in apart))
    print("most apart: " + ", ".join(f"{each:.3f}" for each in worst))
    sys.exit(any(each > most for each, most in zip(worst, MOST_APART, strict=True)))


if __name__ == "__main__":
    main()
