"""The two short-time spectra that rhythm, key and outline are read from."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np

from autodj.audio.decimate import Decimator, Halvings
from autodj.audio.frames import Floats, SpectrumStream
from autodj.audio.resample import BlockResampler

RHYTHM_FRAMES_PER_S = 100
_PITCH_FRAMES_PER_S = 10
# Both windows last 43 ms, and both are quick to transform.
_WINDOWS = {22050: 960, 24000: 1024}
_CONVERTED_HZ = 24000
_MOST_HALVINGS = 3
_PITCH_PART = 4
# At a quarter of the rate, twice the samples are eight times the duration: 3 Hz from bin to bin.
_PITCH_WINDOWS = 2
# Of the energy of both sides; the sum of sides that have nothing in common keeps all of it.
_CANCELLED = 0.01
# Enough samples to tell by; a prime, for what repeats.
_EVERY = 61
# Twenty seconds: whoever takes few frames of pitch at a time pays for the calls, not for the work.
_PITCHES_AT_ONCE = 200


class Spectra:
    """Magnitudes of mono at 22.05 or 24 kHz, a hundred times a second, for the rhythm, and at
    a quarter of that rate, ten times a second, for the pitch.

    The usual rates are one of the two times a power of two and are halved until they are
    there; others are converted to 24 kHz. One piece at 44.1 and at 48 kHz has nearly the same
    levels. ``bin_hz`` and ``pitch_bin_hz`` are the distances of the bins.
    """

    def __init__(self, rate_hz: int, channels: int) -> None:
        self._source_hz = rate_hz
        self._channels = channels
        halvings = halvings_of(rate_hz)
        self.rate_hz = _CONVERTED_HZ if halvings is None else rate_hz >> halvings
        self._converter = BlockResampler(_CONVERTED_HZ, 1) if halvings is None else None
        self._halvings = Halvings(halvings or 0)
        self._pitch_decimator = Decimator(_PITCH_PART)
        self.window_samples = _WINDOWS[self.rate_hz]
        self.pitch_rate_hz = self.rate_hz / _PITCH_PART
        self.pitch_window_samples = _PITCH_WINDOWS * self.window_samples
        self._rhythm = SpectrumStream(
            self.window_samples, Fraction(self.rate_hz, RHYTHM_FRAMES_PER_S), gain=1 / channels
        )
        self._pitch = SpectrumStream(
            self.pitch_window_samples,
            Fraction(self.pitch_rate_hz) / _PITCH_FRAMES_PER_S,
            _PITCHES_AT_ONCE,
            gain=1 / channels,
        )

    def push(self, samples: Floats) -> tuple[Floats, Floats]:
        """The frames ``[frames, bins]`` of rhythm and of pitch complete with ``samples``
        ``[channels, n]``; those of pitch come twenty seconds at a time.
        """
        mono = samples[0] if self._channels == 1 else _both(*samples)
        if self._converter is not None:
            mono = self._converted(mono)
        return self._taken(self._halvings.push(mono))

    def finish(self) -> tuple[Floats, Floats]:
        """The frames that reach past the end."""
        left = self._halvings.finish()
        if self._converter is not None:
            left = _joined(list(self._converter.finish()))
        rhythm, pitch = self._taken(left)
        last_pitch = self._pitch.push(self._pitch_decimator.finish())
        return (
            np.concatenate([rhythm, self._rhythm.finish()]),
            np.concatenate([pitch, last_pitch, self._pitch.finish()]),
        )

    def _taken(self, mono: Floats) -> tuple[Floats, Floats]:
        return self._rhythm.push(mono), self._pitch.push(self._pitch_decimator.push(mono))

    def _converted(self, mono: Floats) -> Floats:
        assert self._converter is not None
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(mono[None, :]), format="fltp", layout="mono"
        )
        frame.sample_rate = self._source_hz
        return _joined(list(self._converter.push(frame)))


def halvings_of(rate_hz: int) -> int | None:
    """How often a rate is halved until it is one that the features are read at; None where that
    gives neither.
    """
    for halvings in range(_MOST_HALVINGS + 1):
        if any(rate_hz == base << halvings for base in _WINDOWS):
            return halvings
    return None


def _both(left: Floats, right: Floats) -> Floats:
    """Their sum; their difference where they nearly cancel, as they do in files one side of which
    is turned over.
    """
    some_left, some_right = left[::_EVERY], right[::_EVERY]
    some = some_left + some_right
    apart = np.vdot(some_left, some_left) + np.vdot(some_right, some_right)
    return left - right if np.vdot(some, some) < _CANCELLED * apart else left + right


def _joined(blocks: list[Floats]) -> Floats:
    return np.concatenate([np.zeros(0, np.float32), *(block[0] for block in blocks)])
