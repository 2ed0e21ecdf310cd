"""Everything that is measured of a track, in one pass over its samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, BinaryIO

import av
import numpy as np
from numpy.typing import NDArray

from autodj.audio.decode import open_decoder
from autodj.audio.facts import ANALYSIS_VERSION, Analysis, DecodeLimits
from autodj.audio.frames import Floats, SpectrumStream
from autodj.audio.identify import Container
from autodj.audio.key import Key, PitchStream
from autodj.audio.keynames import camelot, open_key
from autodj.audio.loudness import (
    LoudnessStream,
    TruePeakStream,
    gated_loudness,
    levels,
    loudness_range,
)
from autodj.audio.resample import BlockResampler
from autodj.audio.rhythm.activation import shipped_net
from autodj.audio.rhythm.bands import BandStream, Levels
from autodj.audio.rhythm.onsets import FRAMES_PER_S, OnsetStream
from autodj.audio.rhythm.rhythm import Rhythm, measure_rhythm
from autodj.audio.silence import find_silences
from autodj.audio.structure import energy_number, find_structure
from autodj.audio.waveform import WaveformStream

FEATURE_RATE_HZ = 24000
_RHYTHM_WINDOW = 1024
_PITCH_WINDOW = 8192
_PITCH_HOP = 2400
_DECODED_SHARE = 0.95
_PROGRESS_STEP = 0.01
REPLAYGAIN_LUFS = -18.0
_NET = shipped_net()  # read at import: a child that decodes may open no file


def analyze(
    file: BinaryIO,
    container: Container,
    limits: DecodeLimits,
    on_progress: Callable[[float], None],
) -> Analysis:
    """Decode ``file`` block by block and measure it; memory grows by a few megabytes an hour.

    Raises as ``open_decoder`` does. ``on_progress`` gets rising shares of 0 to 1.
    """
    with open_decoder(file, container, limits) as decoder:
        meters = Meters(decoder.sample_rate_hz, min(decoder.channels, 2))
        reported = 0.0
        for frame in decoder.frames():
            meters.push(frame)
            share = _DECODED_SHARE * decoder.position
            if share >= reported + _PROGRESS_STEP:
                reported = share
                on_progress(round(share, 3))
        analysis = meters.finish(decoder.decoded_s)
    on_progress(1.0)
    return analysis


class Meters:
    """All measurements of one track under way. Levels are read at the source's own rate and
    channels, rhythm and pitch from mono at 24 kHz.
    """

    def __init__(self, rate_hz: int, channels: int) -> None:
        self._to_source = BlockResampler(rate_hz, channels)
        self._to_mono = BlockResampler(FEATURE_RATE_HZ, 1)
        self._loudness = LoudnessStream(rate_hz, channels)
        self._true_peak = TruePeakStream(channels)
        self._waveform = WaveformStream(rate_hz)
        self._rhythm_spectra = SpectrumStream(_RHYTHM_WINDOW, FEATURE_RATE_HZ // FRAMES_PER_S)
        self._onsets = OnsetStream(FEATURE_RATE_HZ, _RHYTHM_WINDOW)
        self._bands = BandStream(FEATURE_RATE_HZ, _RHYTHM_WINDOW)
        self._pitch_spectra = SpectrumStream(_PITCH_WINDOW, _PITCH_HOP)
        self._pitches = PitchStream(FEATURE_RATE_HZ, _PITCH_WINDOW)

    def push(self, frame: av.AudioFrame) -> None:
        for block in self._to_source.push(frame):
            self._take_levels(block)
        for block in self._to_mono.push(frame):
            self._take_spectra(
                self._rhythm_spectra.push(block[0]), self._pitch_spectra.push(block[0])
            )

    def finish(self, duration_s: float) -> Analysis:
        for block in self._to_source.finish():
            self._take_levels(block)
        for block in self._to_mono.finish():
            self._take_spectra(
                self._rhythm_spectra.push(block[0]), self._pitch_spectra.push(block[0])
            )
        self._take_spectra(self._rhythm_spectra.finish(), self._pitch_spectra.finish())
        bands = self._bands.finish()
        onsets = self._onsets.finish()
        rhythm = measure_rhythm(onsets, _NET(bands), duration_s)
        return Analysis(
            version=ANALYSIS_VERSION,
            duration_s=round(duration_s, 6),
            true_peak_dbtp=_rounded(self._true_peak.finish()),
            waveform=self._waveform.finish(),
            **_rhythm_facts(rhythm),
            **_key_facts(self._pitches.finish()),
            **_level_facts(self._loudness.finish(), bands, onsets, rhythm),
        )

    def _take_levels(self, samples: Floats) -> None:
        self._loudness.push(samples)
        self._true_peak.push(samples)
        self._waveform.push_samples(samples)

    def _take_spectra(self, rhythm: Floats, pitch: Floats) -> None:
        self._onsets.push(rhythm)
        self._bands.push(rhythm)
        self._waveform.push_spectrum(rhythm, FEATURE_RATE_HZ / _RHYTHM_WINDOW)
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
