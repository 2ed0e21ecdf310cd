"""The analysis document as a model: the one description of its fields, with their units.

Times are seconds on the decoder's timeline. Documents of older versions lack the fields that
came later; newer ones may have more.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Seconds = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Byte = Annotated[int, Field(ge=0, le=255)]
Sample = Annotated[int, Field(ge=-128, le=127)]


class Described(BaseModel):
    """A part of the document."""

    model_config = ConfigDict(extra="allow")


class Waveform(Described):
    """The outline: lists of one length, a value for each interval."""

    points_per_s: float = Field(description="Values a second: 50, fewer for very long tracks.")
    peak: list[Byte] = Field(description="Largest sample of either sign; 255 is full scale.")
    low: list[Byte] = Field(description="Amplitude below 200 Hz; 255 is full scale.")
    mid: list[Byte] = Field(description="Amplitude from 200 Hz to 2 kHz.")
    high: list[Byte] = Field(description="Amplitude above 2 kHz.")
    min: list[Sample] = Field(default=[], description="Least sample; -128 is full scale. Since 3.")
    max: list[Sample] = Field(default=[], description="Largest sample. Since 3.")


class Section(Described):
    """A part of the track that begins on a downbeat."""

    label: Literal["intro", "main", "drop", "break", "outro", "hidden"] = Field(
        description="intro, main, drop, break, outro or hidden."
    )
    start_s: Seconds = Field(description="Where it begins.")
    bar: int = Field(ge=1, description="Number of its first bar; that of the track is 1.")
    bars: int = Field(ge=1, description="How many there are.")
    energy: Share = Field(description="Mean energy of its bars.")


class Cues(Described):
    """Downbeats where a DJ would act; null where the track has no such place."""

    cue_in: Seconds | None = Field(description="The first bar that sounds.")
    intro_end: Seconds | None = Field(description="Where the intro fills up or breaks down.")
    drop: Seconds | None = Field(description="Where a full section first sets in suddenly.")
    outro_start: Seconds | None = Field(description="After the last full section.")
    cue_out: Seconds | None = Field(description="The last bar that sounds.")


class Silences(Described):
    """Where nothing sounds."""

    leading_s: Seconds = Field(description="Silence before the sound.")
    trailing_s: Seconds = Field(description="Silence after it.")
    pauses_s: list[tuple[Seconds, Seconds]] = Field(description="Each of 2 s and more: from, to.")
    hidden_track_s: Seconds | None = Field(description="Where a hidden track begins.")


class FileTags(Described):
    """What the file says of itself, as somebody wrote it: text that nobody has checked."""

    bpm: str | None = Field(description="TBPM, BPM or tmpo.")
    key: str | None = Field(description="TKEY, INITIALKEY and the like.")
    replaygain_track_gain: str | None = Field(description="Such as -8.5 dB.")
    replaygain_track_peak: str | None = Field(description="1.0 is full scale.")


class AnalysisDocument(Described):
    """What was measured of a track. A fact that the audio does not have is null."""

    version: int = Field(ge=1, description="Of the analysis: another one measures otherwise.")
    duration_s: Seconds = Field(description="Length of the decoded audio.")
    bpm: float | None = Field(description="Beats a minute, to a thousandth.")
    bpm_confidence: Share = Field(description="How sure the tempo is.")
    bpm_alternative: float | None = Field(description="Another tempo that somebody might tap.")
    beats_s: list[Seconds] = Field(description="Every beat.")
    downbeats_s: list[Seconds] = Field(default=[], description="Those that begin a bar.")
    downbeat_confidence: Share = Field(default=0.0, description="How clearly they stand out.")
    metre: int | None = Field(default=None, description="Beats in most bars.")
    grid: Literal["constant", "variable"] | None = Field(
        default=None, description="constant: first beat and bpm say it all."
    )
    key: str | None = Field(description="Such as A minor.", examples=["A minor"])
    camelot: str | None = Field(description="Such as 8A.", examples=["8A"])
    open_key: str | None = Field(default=None, description="Such as 1m.", examples=["1m"])
    key_confidence: Share = Field(description="How likely it is right.")
    key_alternative: str | None = Field(default=None, description="The next likely key. Since 3.")
    tuning_cents: float | None = Field(default=None, description="Distance from A = 440 Hz.")
    integrated_lufs: float | None = Field(description="Loudness of the whole, LUFS.")
    loudness_range_lu: float | None = Field(default=None, description="LRA, LU.")
    true_peak_dbtp: float | None = Field(description="Largest value between samples, dBTP.")
    replaygain_db: float | None = Field(default=None, description="Gain to -18 LUFS, dB.")
    energy: int | None = Field(default=None, ge=1, le=10, description="1 to 10.")
    bar_energy: list[Share] = Field(default=[], description="One for each downbeat.")
    sections: list[Section] = Field(default=[], description="In order, without gaps.")
    cues: Cues | None = Field(default=None, description="Cue points, seconds.")
    silences: Silences | None = Field(default=None, description="Silence and pauses.")
    waveform: Waveform = Field(description="The outline.")
    tags: FileTags | None = Field(default=None, description="What the file says. Since 3.")
