"""Everything that is measured of a track, in one pass over its samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from autodj.audio.blocks import source_blocks
from autodj.audio.decode import open_decoder
from autodj.audio.facts import ANALYSIS_VERSION, Analysis, DecodeLimits
from autodj.audio.frames import Floats
from autodj.audio.identify import Container
from autodj.audio.key import Key, find_key, shipped_weights
from autodj.audio.keynames import camelot, open_key
from autodj.audio.loudness import (
    LoudnessStream,
    TruePeakStream,
    gated_loudness,
    levels,
    loudness_range,
)
from autodj.audio.pitches import NO_COURSE, PitchStream
from autodj.audio.rhythm.activation import shipped_net
from autodj.audio.rhythm.bands import BandStream, Levels
from autodj.audio.rhythm.onsets import OnsetStream
from autodj.audio.rhythm.rhythm import Rhythm, Sound, measure_rhythm
from autodj.audio.silence import find_silences
from autodj.audio.spectra import Spectra
from autodj.audio.structure import energy_number, find_structure
from autodj.audio.waveform import WaveformStream

_DECODED_SHARE = 0.95
_PROGRESS_STEP = 0.01
REPLAYGAIN_LUFS = -18.0
# Read at import: a child that decodes may open no file.
_NET = shipped_net()
_KEY_WEIGHTS = shipped_weights()


def analyze(
    file: BinaryIO,
    container: Container,
    limits: DecodeLimits,
    on_progress: Callable[[float], None],
) -> Analysis:
    """Decode ``file`` block by block and measure it; memory grows by some 40 MB an hour.

    Raises as ``open_decoder`` does. ``on_progress`` gets rising shares of 0 to 1.
    """
    with open_decoder(file, container, limits) as decoder:
        channels = min(decoder.channels, 2)
        meters = Meters(decoder.sample_rate_hz, channels)
        reported = 0.0
        for block in source_blocks(decoder.frames(), decoder.sample_rate_hz, channels):
            meters.push(block)
            share = _DECODED_SHARE * decoder.position
            if share >= reported + _PROGRESS_STEP:
                reported = share
                on_progress(round(share, 3))
        analysis = meters.finish(decoder.decoded_s)
    on_progress(1.0)
    return analysis


class Meters:
    """All measurements of one track under way, from its samples at the source's own rate."""

    def __init__(self, rate_hz: int, channels: int) -> None:
        self._loudness = LoudnessStream(rate_hz, channels)
        self._true_peak = TruePeakStream(channels)
        self._waveform = WaveformStream(rate_hz)
        self._spectra = Spectra(rate_hz, channels)
        self._onsets = OnsetStream(self._spectra.rate_hz, self._spectra.window_samples)
        self._bands = BandStream(self._spectra.rate_hz, self._spectra.window_samples)
        self._pitches = PitchStream(self._spectra.pitch_rate_hz, self._spectra.pitch_window_samples)

    def push(self, samples: Floats) -> None:
        """Take ``[channels, samples]`` that follow those before."""
        self._loudness.push(samples)
        self._true_peak.push(samples)
        self._waveform.push_samples(samples)
        self._take_spectra(*self._spectra.push(samples))

    def finish(self, duration_s: float) -> Analysis:
        """All that is known now that the track has ended after ``duration_s``."""
        self._take_spectra(*self._spectra.finish())
        waveform = self._waveform.finish()
        bands = self._bands.finish()
        onsets = self._onsets.finish()
        pitches = self._pitches.finish()
        course = NO_COURSE if pitches is None else pitches.course
        rhythm = measure_rhythm(Sound(onsets, bands, course), _NET(bands), duration_s)
        return Analysis(
            version=ANALYSIS_VERSION,
            duration_s=round(duration_s, 6),
            true_peak_dbtp=_rounded(self._true_peak.finish()),
            waveform=waveform,
            **_rhythm_facts(rhythm),
            **_key_facts(find_key(pitches, _KEY_WEIGHTS)),
            **_level_facts(self._loudness.finish(), bands, onsets, rhythm),
        )

    def _take_spectra(self, rhythm: Floats, pitch: Floats) -> None:
        self._onsets.push(rhythm)
        self._bands.push(rhythm)
        self._waveform.push_spectrum(rhythm, self._spectra.rate_hz / self._spectra.window_samples)
        if len(pitch):
            self._pitches.push(pitch)


def _rhythm_facts(rhythm: Rhythm | None) -> dict[str, Any]:
    if rhythm is None:
        return {"bpm": None, "bpm_confidence": 0.0, "bpm_alternative": None, "beats_s": ()}
    beats_s = np.round(rhythm.beats_s, 4)
    return {
        "bpm": round(rhythm.bpm, 3),
        "bpm_confidence": round(rhythm.confidence, 3),
        "bpm_alternative": round(rhythm.alternative, 3) if rhythm.alternative else None,
        "beats_s": tuple(beats_s.tolist()),
        "downbeats_s": tuple(beats_s[rhythm.bars.downbeats].tolist()),
        "downbeat_confidence": round(rhythm.bars.confidence, 3),
        "metre": rhythm.bars.metre,
        "grid": "constant" if rhythm.is_constant else "variable",
    }


def _key_facts(key: Key | None) -> dict[str, Any]:
    if key is None:
        return {"key": None, "camelot": None, "key_confidence": 0.0}
    return {
        "key": key.name,
        "camelot": camelot(key.name),
        "open_key": open_key(key.name),
        "key_confidence": round(key.confidence, 3),
        "key_alternative": key.alternative,
        "tuning_cents": round(key.tuning_cents, 1),
    }


def _level_facts(
    energies: NDArray[np.float64], bands: Levels, onsets: Floats, rhythm: Rhythm | None
) -> dict[str, Any]:
    integrated = gated_loudness(energies)
    moments = levels(energies)
    downbeats_s = np.zeros(0) if rhythm is None else rhythm.beats_s[rhythm.bars.downbeats]
    form = find_structure(bands, moments, np.round(downbeats_s, 4))
    return {
        "integrated_lufs": _rounded(integrated),
        "loudness_range_lu": _rounded(loudness_range(energies)),
        "replaygain_db": _rounded(None if integrated is None else REPLAYGAIN_LUFS - integrated),
        "energy": energy_number(integrated, onsets, rhythm.bpm if rhythm else None),
        "bar_energy": form.energy,
        "sections": form.sections,
        "cues": form.cues,
        "silences": find_silences(moments),
    }


def _rounded(level: float | None) -> float | None:
    return None if level is None else round(level, 2)
