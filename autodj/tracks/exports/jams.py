"""JAMS (Humphrey et al., *JAMS: a JSON annotated music specification for reproducible MIR
research*, ISMIR 2014): beats, tempo, key and sections as researchers exchange them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.metadata import version
from itertools import pairwise
from typing import Any

from autodj.audio.facts import Analysis
from autodj.tracks.exports.grid import Beats
from autodj.tracks.exports.keys import colon_key
from autodj.tracks.exports.stretches import stretches_of
from autodj.tracks.exports.subject import Subject

CONTENT_TYPE = "application/json"
JAMS_VERSION = "0.3.4"

Annotation = dict[str, Any]
Observation = tuple[float, float, object, float | None]


def jams(subject: Subject) -> str:
    """One JAMS document with an annotation in each of beat, tempo, key_mode and segment_open
    that the track has something to say in.
    """
    document = {
        "file_metadata": {
            "title": subject.title,
            "artist": subject.artist or "",
            "release": subject.album or "",
            "duration": subject.duration_s,
            "identifiers": {},
            "jams_version": JAMS_VERSION,
        },
        "annotations": [] if subject.analysis is None else _annotations(subject, subject.analysis),
        "sandbox": {"autodj_id": subject.id, "location": subject.location},
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _annotations(subject: Subject, analysis: Analysis) -> list[Annotation]:
    length_s = analysis.duration_s
    beats = subject.beats
    made: list[tuple[str, Sequence[Observation]]] = []
    if beats is not None:
        sure = 1.0 if subject.bpm_corrected else analysis.bpm_confidence
        made.append(("beat", _beats(beats)))
        made.append(("tempo", _tempi(beats, length_s, sure)))
    if subject.key is not None:
        sure = 1.0 if subject.key_corrected else analysis.key_confidence
        made.append(("key_mode", [(0.0, length_s, colon_key(subject.key), sure)]))
    if analysis.sections:
        made.append(("segment_open", _sections(analysis)))
    return [_annotation(name, observations, analysis) for name, observations in made]


def _beats(beats: Beats) -> Sequence[Observation]:
    pairs = zip(beats.times_s, beats.numbers, strict=True)
    return [(at_s, 0.0, number, None) for at_s, number in pairs]


def _tempi(beats: Beats, length_s: float, sure: float) -> Sequence[Observation]:
    """The whole track is told: the first tempo from its start on, the last to its end."""
    stretches = stretches_of(beats)
    if len(stretches) == 1:
        return [(0.0, length_s, beats.bpm, sure)]
    edges_s = [0.0, *(round(each.start_s, 4) for each in stretches[1:]), length_s]
    return [
        (start_s, round(stop_s - start_s, 4), round(each.bpm, 3), sure)
        for each, (start_s, stop_s) in zip(stretches, pairwise(edges_s), strict=True)
    ]


def _sections(analysis: Analysis) -> Sequence[Observation]:
    starts_s = [each.start_s for each in analysis.sections]
    stops_s = [*starts_s[1:], analysis.duration_s]
    return [
        (each.start_s, round(stop_s - each.start_s, 6), each.label, None)
        for each, stop_s in zip(analysis.sections, stops_s, strict=True)
    ]


def _annotation(
    namespace: str, observations: Sequence[Observation], analysis: Analysis
) -> Annotation:
    names = ("time", "duration", "value", "confidence")
    return {
        "namespace": namespace,
        "time": 0,
        "duration": analysis.duration_s,
        "annotation_metadata": {
            "annotation_tools": f"autodj {version('autodj')}",
            "version": str(analysis.version),
            "data_source": "program",
            "curator": {"name": "", "email": ""},
            "annotator": {},
            "corpus": "",
            "annotation_rules": "",
            "validation": "",
        },
        "data": [dict(zip(names, each, strict=True)) for each in observations],
        "sandbox": {},
    }
