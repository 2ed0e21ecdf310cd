"""How fast a track is analysed and in how much memory: ``python -m bench.analysis_speed``.

One four-minute stereo MP3 (V0) on one core: ours, the usual librosa script, Essentia with
``--essentia F`` (an environment that has it), and the floor, which is decoding and one pass of
FFTs. Every round starts each of them anew, warms it up with a short file and times the long
one, so that the ratios come from one run. Then two of ours on two cores; the first track of a
process; and with ``--long`` the memory for two hours.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import av
import numpy as np
from av.audio.stream import AudioStream

from autodj.audio import warm
from autodj.audio.synth import PIECES, RATE_HZ, render

ESSENTIA_SCRIPT: Final = Path(__file__).parent / "speed" / "essentia_task.py"
TASK_MODULE: Final = "bench.speed.task"
OURS: Final = "ours"
FLOOR: Final = "floor"
TASKS: Final = (OURS, "librosa", FLOOR)
SHORT_S: Final = 12.0
LONG_MINUTES: Final = 120.0
SINGLE_THREADED: Final = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "PATH": "/usr/bin:/bin",
}


@dataclass(frozen=True, slots=True)
class Timed:
    """One process: to import and do the short file, to do the long one (by wall clock and by
    processor), and its memory.
    """

    import_s: float
    short_s: float
    long_s: float
    long_cpu_s: float
    peak_bytes: int


@dataclass(frozen=True, slots=True)
class Files:
    """The short file to warm up with and the one that is timed."""

    short: Path
    long: Path


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="autodj-speed-") as name:
        folder = Path(name)
        files = Files(folder / "short.mp3", folder / "long.mp3")
        write_music(files.short, SHORT_S)
        write_music(files.long, options.minutes * 60)
        print(f"{options.minutes:g} minutes, {files.long.stat().st_size / 1e6:.1f} MB of MP3 (V0)")
        _compare(files, options)
        _pair(files, options.rounds)
        _first(files, folder)
        if options.long:
            _memory(files.short, folder / "hours.mp3")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench.analysis_speed",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--minutes", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--essentia", type=Path, help="the environment that has Essentia")
    parser.add_argument("--long", action="store_true", help="also two hours, for the memory")
    return parser


def _compare(files: Files, options: argparse.Namespace) -> None:
    names = [*TASKS, *(["essentia"] if options.essentia else [])]
    rows: dict[str, list[Timed]] = {name: [] for name in names}
    for _ in range(options.rounds):
        for name in names:
            rows[name].append(run(name, files, core=0, essentia=options.essentia))
    ours_s = _median(rows[OURS])
    ours_cpu_s = _median_cpu(rows[OURS])
    floor_s, floor_cpu_s = _median(rows[FLOOR]), _median_cpu(rows[FLOOR])
    head = f"{'one core':<12} {'s':>8} {'CPU s':>6} {'x real time':>12}"
    print(f"{head} {'to ours':>8} {'by CPU':>7} {'to floor':>9} {'by CPU':>7} {'MB':>6}")
    for name, timed in rows.items():
        seconds, peak = _median(timed), max(each.peak_bytes for each in timed) / 1e6
        speed = options.minutes * 60 / seconds
        cpu_s = _median_cpu(timed)
        ratios = f"{seconds / ours_s:>8.2f} {cpu_s / ours_cpu_s:>7.2f}"
        ratios += f" {seconds / floor_s:>9.2f} {cpu_s / floor_cpu_s:>7.2f}"
        print(f"{name:<12} {seconds:>8.2f} {cpu_s:>6.2f} {speed:>12.0f} {ratios} {peak:>6.0f}")


def _pair(files: Files, rounds: int) -> None:
    """Two processes at once, each on its core, against one alone."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        print("two workers: this machine has one core")
        return
    gains = []
    for _ in range(rounds):
        alone = run(OURS, files, core=cores[0]).long_s
        with ThreadPoolExecutor(2) as pool:
            both = list(pool.map(lambda core: run(OURS, files, core=core), cores[:2]))
        gains.append(sum(alone / each.long_s for each in both))
    print(f"two workers do {statistics.median(gains):.2f} times the work of one")


def _first(files: Files, folder: Path) -> None:
    """What a new process pays before it is warm, with no cache of compiled code."""
    cache = folder / "compiled"
    timed = run(OURS, Files(files.long, files.long), core=0, more={"NUMBA_CACHE_DIR": str(cache)})
    extra_s = timed.short_s - timed.long_s
    print(
        f"import {timed.import_s:.2f} s; the first track takes {extra_s:+.2f} s beside a later "
        f"one; together {timed.import_s + extra_s:.2f} s"
    )


def _memory(short: Path, hours: Path) -> None:
    write_music(hours, LONG_MINUTES * 60)
    timed = run(OURS, Files(short, hours), core=0)
    print(f"{LONG_MINUTES / 60:g} hours: {timed.long_s:.1f} s, {timed.peak_bytes / 1e6:.0f} MB")


def _median(timed: Sequence[Timed]) -> float:
    return statistics.median(each.long_s for each in timed)


def _median_cpu(timed: Sequence[Timed]) -> float:
    return statistics.median(each.long_cpu_s for each in timed)


def run(
    name: str,
    files: Files,
    *,
    core: int,
    essentia: Path | None = None,
    more: Mapping[str, str] | None = None,
) -> Timed:
    """One process on one core; ours and the floor in the environment of a sandboxed child."""
    task: list[str | Path] = [sys.executable, "-m", TASK_MODULE, name]
    if name == "essentia":
        assert essentia is not None
        task = [essentia / "bin/python", ESSENTIA_SCRIPT]
    environment = {**SINGLE_THREADED, **(more or {})}
    if name in {OURS, FLOOR}:
        environment |= warm._ENVIRONMENT  # noqa: SLF001  # what is measured is what runs
    done = subprocess.run(
        ["taskset", "-c", str(core), *task, files.short, files.long],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr}")
    return Timed(**json.loads(done.stdout.splitlines()[-1]))


def write_music(path: Path, duration_s: float) -> None:
    """Our own pieces one after the other as a V0 MP3 of exactly ``duration_s``."""
    with av.open(path, "w", format="mp3") as output:
        stream = output.add_stream("libmp3lame", rate=RATE_HZ, layout="stereo", format="fltp")
        assert isinstance(stream, AudioStream)
        stream.options = {"flags": "+qscale", "global_quality": "0"}
        played = cache(lambda place: render(PIECES[place]))
        left = round(duration_s * RATE_HZ)
        at = place = 0
        while left > 0:
            samples = np.ascontiguousarray(played(place % len(PIECES))[:, :left], np.float32)
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
            frame.sample_rate, frame.pts = RATE_HZ, at
            output.mux(stream.encode(frame))
            at, left, place = at + samples.shape[1], left - samples.shape[1], place + 1
        output.mux(stream.encode(None))


if __name__ == "__main__":
    main()
