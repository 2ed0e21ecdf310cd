"""Run by the Python of an environment with Essentia: one line of JSON for each file."""

from __future__ import annotations

import json
import sys

import essentia
import essentia.standard as algorithms


def main() -> None:
    essentia.log.infoActive = False
    essentia.log.warningActive = False
    for path in sys.argv[1:]:
        samples = algorithms.MonoLoader(filename=path, sampleRate=44100)()
        said: dict[str, object] = {}
        said |= {method: rhythm(samples, method) for method in ("multifeature", "degara")}
        said |= {profile: key(samples, profile) for profile in ("bgate", "edma")}
        print(json.dumps(said), flush=True)


def rhythm(samples: object, method: str) -> dict[str, object]:
    bpm, beats_s, *_ = algorithms.RhythmExtractor2013(method=method)(samples)
    return {"bpm": float(bpm), "beats_s": [float(beat) for beat in beats_s]}


def key(samples: object, profile: str) -> object:
    tonic, mode, _ = algorithms.KeyExtractor(profileType=profile)(samples)
    return f"{tonic} {mode}"


if __name__ == "__main__":
    main()
