"""How fast renditions are made, of what size, in how much memory: ``python -m bench.renditions``.

Synthesises one piece of music, writes it as every kind of file that gets renditions, and has a
sandbox make each of them, as the workers do. Speed is in times of real time by wall clock, one
rendition at a time; the memory is that of the child, at its peak.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import av
import numpy as np
from av.audio.stream import AudioStream

from autodj.audio.encode import encode
from autodj.audio.frames import Floats
from autodj.audio.identify import identify
from autodj.audio.layout import is_indexed
from autodj.audio.recipes import Made, Recipe, Wishes
from autodj.audio.rendition_rules import Original, recipes
from autodj.audio.sandbox import Sandbox, open_sandbox
from autodj.audio.synth import PIECES, RATE_HZ, render

KINDS: Final = ("alac", "aiff", "caf", "wv", "wav", "flac", "aac", "ogg", "opus")
WATCH_S: Final = 0.02
MEGABYTE: Final = 1e6


@dataclass(frozen=True, slots=True)
class Timed:
    """One rendition: how long it took, its size, and the child's peak of resident memory."""

    made: Made
    seconds: float
    size_bytes: int
    peak_bytes: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=4.0)
    minutes = parser.parse_args().minutes
    asyncio.run(measure(minutes))


async def measure(minutes: float) -> None:
    """Print one line for each kind of original and rendition."""
    print(f"{minutes:g} minutes of music, one rendition at a time")
    print(
        f"{'original':<16} {'rendition':<10} {'made as':<14} "
        f"{'x real time':>11} {'MB':>6} {'RSS MB':>7}"
    )
    with tempfile.TemporaryDirectory(prefix="autodj-bench-") as name:
        folder = Path(name)
        async with open_sandbox() as sandbox:
            for path, codec in originals(folder, minutes):
                for recipe in wanted(path, codec, minutes * 60):
                    timed = await make(sandbox, path, recipe, folder / "output")
                    print(_line(path, recipe, timed))


def originals(folder: Path, minutes: float) -> Iterator[tuple[Path, str]]:
    """Each kind of file with the word for its codec."""
    samples = music(minutes)
    codecs = {"alac": "alac", "aiff": "pcm_s16be", "caf": "alac", "wv": "wavpack"}
    codecs |= {"wav": "pcm_s16le", "flac": "flac", "aac": "aac", "ogg": "vorbis", "opus": "opus"}
    for kind in KINDS:
        path = folder / f"original.{kind}"
        encode(samples, RATE_HZ, path, codec=kind)
        yield path, codecs[kind]
    yield bare_mp3(folder / "no Xing.mp3", samples), "mp3"
    yield late_index(folder / "moov at end.m4a", samples), "aac"


def music(minutes: float) -> Floats:
    """Pieces one after the other, stereo ``[2, n]``."""
    count = round(minutes * 60 * RATE_HZ)
    parts: list[Floats] = []
    while sum(part.shape[1] for part in parts) < count:
        parts.append(render(PIECES[len(parts) % len(PIECES)]))
    return np.ascontiguousarray(np.concatenate(parts, axis=1)[:, :count], np.float32)


def bare_mp3(path: Path, samples: Floats) -> Path:
    return _written(path, samples, "mp3", "libmp3lame", {"write_xing": "0", "id3v2_version": "0"})


def late_index(path: Path, samples: Floats) -> Path:
    return _written(path, samples, "mp4", "aac", {})


def wanted(path: Path, codec: str, duration_s: float) -> tuple[Recipe, ...]:
    container = identify(path)
    original = Original(container, codec, is_indexed(path, container), duration_s)
    return recipes(original, Wishes())


async def make(sandbox: Sandbox, path: Path, recipe: Recipe, output: Path) -> Timed:
    started = time.perf_counter()
    task = asyncio.create_task(sandbox.render(path, identify(path), recipe, output))
    peak = 0
    while not task.done():
        await asyncio.wait({task}, timeout=WATCH_S)
        peak = max(peak, _child_bytes(sandbox.start().process_id))
    made = await task
    assert made is not None
    seconds = time.perf_counter() - started
    return Timed(made, seconds, await asyncio.to_thread(_taken_away, output), peak)


def _taken_away(output: Path) -> int:
    size_bytes = output.stat().st_size
    output.unlink()
    return size_bytes


def _child_bytes(parent_id: int) -> int:
    """The peak of resident memory of the child that lives now; 0 when there is none."""
    with suppress(OSError, ValueError, IndexError):
        children = Path(f"/proc/{parent_id}/task/{parent_id}/children").read_text().split()
        status = Path(f"/proc/{children[0]}/status").read_text()
        # One that has just ended has no memory any more.
        peaks = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
        return int(peaks[0]) * 1024
    return 0


def _written(
    path: Path, samples: Floats, muxer: str, encoder: str, options: dict[str, str]
) -> Path:
    with av.open(path, "w", format=muxer, options=options) as output:
        stream = output.add_stream(encoder, rate=RATE_HZ, layout="stereo", format="fltp")
        assert isinstance(stream, AudioStream)
        stream.bit_rate = 192_000
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = RATE_HZ, 0
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def _line(path: Path, recipe: Recipe, timed: Timed) -> str:
    how = "copied" if recipe.copied else timed.made.codec
    if recipe.bit_rate_bps is not None:
        how += f" {recipe.bit_rate_bps // 1000}k"
    speed = timed.made.duration_s / timed.seconds
    size, peak = timed.size_bytes / MEGABYTE, timed.peak_bytes / MEGABYTE
    original = path.name.removeprefix("original.")
    return f"{original:<16} {recipe.name:<10} {how:<14} {speed:>11.0f} {size:>6.1f} {peak:>7.0f}"


if __name__ == "__main__":
    main()
