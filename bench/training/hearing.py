"""What the product's own streams hear in a recording, with any weights of the network."""

from __future__ import annotations

from pathlib import Path

from autodj.audio.blocks import BLOCK_SAMPLES
from autodj.audio.pitches import NO_COURSE, PitchStream
from autodj.audio.rhythm.activation import ActivationNet, Heard
from autodj.audio.rhythm.bands import BandStream
from autodj.audio.rhythm.onsets import OnsetStream
from autodj.audio.rhythm.rhythm import Sound
from autodj.audio.spectra import Spectra
from bench.truth.piece import RATE_HZ
from bench.truth.sound_files import read_sound


def hear(path: Path, net: ActivationNet) -> tuple[Sound, Heard]:
    """The sound of the file over time, and what the network hears in it."""
    samples = read_sound(path)
    spectra = Spectra(RATE_HZ, samples.shape[0])
    onsets = OnsetStream(spectra.rate_hz, spectra.window_samples)
    bands = BandStream(spectra.rate_hz, spectra.window_samples)
    pitches = PitchStream(spectra.pitch_rate_hz, spectra.pitch_window_samples)
    starts = range(0, samples.shape[1], BLOCK_SAMPLES)
    pushed = [samples[:, start : start + BLOCK_SAMPLES] for start in starts]
    for rhythm, pitch in [*map(spectra.push, pushed), spectra.finish()]:
        onsets.push(rhythm)
        bands.push(rhythm)
        if len(pitch):
            pitches.push(pitch)
    heard = pitches.finish()
    sound = Sound(onsets.finish(), bands.finish(), NO_COURSE if heard is None else heard.course)
    return sound, net(sound.levels)
