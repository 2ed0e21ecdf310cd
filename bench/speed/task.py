"""``python -m bench.speed.task NAME SHORT LONG``: do one thing to both files, and time it."""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

Task = Callable[[Path], None]
_FLOOR_WINDOW, _FLOOR_HOP, _FLOOR_CHUNK = 2048, 441, 64


def main() -> None:
    name, *files = sys.argv[1:]
    began = time.perf_counter()
    task = TASKS[name]()
    import_s = time.perf_counter() - began
    taken: list[tuple[float, float]] = []
    for file in files:
        began, begun = time.perf_counter(), time.process_time()
        task(Path(file))
        taken.append((time.perf_counter() - began, time.process_time() - begun))
    print(
        json.dumps(
            {
                "import_s": import_s,
                "short_s": taken[0][0],
                "long_s": taken[1][0],
                "long_cpu_s": taken[1][1],
                "peak_bytes": _peak_bytes(),
            }
        )
    )


def _peak_bytes() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def ours() -> Task:
    from autodj.audio.analysis import analyze  # noqa: PLC0415  # the import is timed
    from autodj.audio.facts import DecodeLimits  # noqa: PLC0415
    from autodj.audio.identify import identify  # noqa: PLC0415

    def task(path: Path) -> None:
        with path.open("rb") as file:
            analyze(file, identify(path), DecodeLimits(), lambda _: None)

    return task


def usual_librosa() -> Task:
    """What nearly every script does."""
    import librosa  # noqa: PLC0415  # the import is timed
    import pyloudnorm  # noqa: PLC0415
    import soundfile  # type: ignore[import-untyped]  # noqa: PLC0415  # no annotations

    def task(path: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            samples, rate_hz = librosa.load(path)
            librosa.beat.beat_track(y=samples, sr=rate_hz)
            librosa.feature.chroma_cqt(y=samples, sr=rate_hz)
            librosa.feature.rms(y=samples)
            librosa.onset.onset_strength(y=samples, sr=rate_hz)
            stereo, stereo_hz = soundfile.read(path)
            pyloudnorm.Meter(stereo_hz).integrated_loudness(stereo)

    return task


def floor() -> Task:
    """Decoding as we do it, and one FFT of 2,048 samples every 10 ms: less cannot be done."""
    import numpy as np  # noqa: PLC0415  # the import is timed
    import scipy.fft  # noqa: PLC0415

    from autodj.audio.decode import open_decoder  # noqa: PLC0415
    from autodj.audio.facts import DecodeLimits  # noqa: PLC0415
    from autodj.audio.identify import identify  # noqa: PLC0415

    window = np.hanning(_FLOOR_WINDOW).astype(np.float32)
    half = np.array([0.5, 0.5], np.float32)

    def task(path: Path) -> None:
        with path.open("rb") as file, open_decoder(file, identify(path), DecodeLimits()) as source:
            mono = np.concatenate([half @ frame.to_ndarray() for frame in source.frames()])
        frames = np.lib.stride_tricks.sliding_window_view(mono, _FLOOR_WINDOW)[::_FLOOR_HOP]
        for start in range(0, len(frames), _FLOOR_CHUNK):
            np.abs(scipy.fft.rfft(frames[start : start + _FLOOR_CHUNK] * window))

    return task


TASKS: dict[str, Callable[[], Task]] = {"ours": ours, "librosa": usual_librosa, "floor": floor}

if __name__ == "__main__":
    main()
