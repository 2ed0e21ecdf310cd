"""Run by the Python of an environment with Essentia: tempo, beats, key and loudness of a file."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path


def main() -> None:
    began = time.perf_counter()
    import essentia  # noqa: PLC0415  # the import is timed
    import essentia.standard as algorithms  # noqa: PLC0415

    essentia.log.infoActive = False
    import_s = time.perf_counter() - began
    taken = []
    for path in sys.argv[1:]:
        began, begun = time.perf_counter(), time.process_time()
        mono = algorithms.MonoLoader(filename=path)()
        algorithms.RhythmExtractor2013(method="multifeature")(mono)
        algorithms.KeyExtractor(profileType="edma")(mono)
        stereo, *_ = algorithms.AudioLoader(filename=path)()
        algorithms.LoudnessEBUR128()(stereo)
        taken.append((time.perf_counter() - began, time.process_time() - begun))
    lines = Path("/proc/self/status").read_text().splitlines()
    peak = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    found = {"import_s": import_s, "short_s": taken[0][0], "long_s": taken[1][0]}
    found |= {"long_cpu_s": taken[1][1], "peak_bytes": peak}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
