"""Facts about audio, and the limits it must keep: plain values that travel as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from autodj.audio.form import NO_CUES, NO_SILENCES, Cues, Section, Silences
from autodj.audio.id3 import MAX_TAG_BYTES

ANALYSIS_VERSION = 12
"""Rises whenever the same bytes may give another analysis."""

Document = Mapping[str, Any]

_CURVES = ("peak", "low", "mid", "high", "min", "max")


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """What audio may be and still be taken. A file may decode to at most ``max_duration_s``
    of ``max_channels`` channels; of its claimed length at least ``min_decoded_share`` must
    be there.
    """

    max_duration_s: float = 10800.0
    max_channels: int = 8
    min_rate_hz: int = 8000
    max_rate_hz: int = 192000
    max_tag_bytes: int = MAX_TAG_BYTES
    min_decoded_share: float = 0.98

    def to_document(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_document(cls, document: Document) -> DecodeLimits:
        return cls(**document)


@dataclass(frozen=True, slots=True)
class Tags:
    """What the file says of itself, cleaned for display. ``bpm``, ``key`` and the ReplayGain
    words are as written by whoever tagged it, not measured.
    """

    title: str | None = None
    artist: str | None = None
    album: str | None = None
    album_artist: str | None = None
    genre: str | None = None
    date: str | None = None
    track: str | None = None
    bpm: str | None = None
    key: str | None = None
    replaygain_track_gain: str | None = None
    replaygain_track_peak: str | None = None

    def to_document(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_document(cls, document: Document) -> Tags:
        return cls(**document)


@dataclass(frozen=True, slots=True)
class Probe:
    """What decoding the whole file once has shown. ``duration_s`` is counted, not claimed;
    ``bit_rate_bps`` is the audio's own average.
    """

    duration_s: float
    sample_rate_hz: int
    channels: int
    codec: str
    bit_rate_bps: int | None
    tags: Tags
    has_cover: bool

    def to_document(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_document(cls, document: Document) -> Probe:
        return cls(**{**document, "tags": Tags.from_document(document["tags"])})


@dataclass(frozen=True, slots=True)
class Waveform:
    """The outline of a track: ``points_per_s`` values of 0 to 255 (full scale) a second.

    ``peak`` is the largest sample of either channel in the interval; ``low`` (below 200 Hz),
    ``mid`` and ``high`` (above 2 kHz) are the amplitudes in three bands. ``min`` and ``max``
    (-128 to 127) are the least and the largest sample of all channels. All have the same
    length; documents before version 3 have neither ``min`` nor ``max``.
    """

    points_per_s: float
    peak: tuple[int, ...]
    low: tuple[int, ...]
    mid: tuple[int, ...]
    high: tuple[int, ...]
    min: tuple[int, ...] = ()
    max: tuple[int, ...] = ()

    def to_document(self) -> dict[str, Any]:
        curves = {name: list(getattr(self, name)) for name in _CURVES}
        return {"points_per_s": self.points_per_s, **curves}

    @classmethod
    def from_document(cls, document: Document) -> Waveform:
        curves = {name: tuple(document.get(name, ())) for name in _CURVES}
        return cls(points_per_s=document["points_per_s"], **curves)


@dataclass(frozen=True, slots=True)
class Analysis:
    """What was measured. Each fact is None where the audio has none: silence has no key, a
    drone no tempo. Confidences run from 0 to 1.

    ``bpm_alternative`` is the next likely reading, most often half or double. ``beats_s`` are
    times on the decoder's timeline, ``downbeats_s`` those among them that begin a bar of
    ``metre`` beats. ``grid`` is "constant" where the beats are evenly spaced throughout, so
    that the first of them and ``bpm`` say it all, else "variable".
    ``key`` reads like "A minor", as does ``key_alternative``, the next likely one; ``camelot``
    like "8A", ``open_key`` like "1m"; ``tuning_cents`` is how far the track lies from
    A = 440 Hz. ``replaygain_db`` brings it to -18 LUFS
    (ReplayGain 2), ``loudness_range_lu`` is LRA. ``energy`` runs from 1 to 10, ``bar_energy``
    from 0 to 1, one for each downbeat.
    """

    version: int
    duration_s: float
    bpm: float | None
    bpm_confidence: float
    bpm_alternative: float | None
    beats_s: tuple[float, ...]
    key: str | None
    camelot: str | None
    key_confidence: float
    integrated_lufs: float | None
    true_peak_dbtp: float | None
    waveform: Waveform
    downbeats_s: tuple[float, ...] = ()
    downbeat_confidence: float = 0.0
    metre: int | None = None
    grid: Literal["constant", "variable"] | None = None
    open_key: str | None = None
    tuning_cents: float | None = None
    loudness_range_lu: float | None = None
    replaygain_db: float | None = None
    energy: int | None = None
    bar_energy: tuple[float, ...] = ()
    sections: tuple[Section, ...] = ()
    cues: Cues = NO_CUES
    silences: Silences = NO_SILENCES
    key_alternative: str | None = None

    def to_document(self) -> dict[str, Any]:
        return {
            **{name: getattr(self, name) for name in self.__slots__},
            "beats_s": list(self.beats_s),
            "downbeats_s": list(self.downbeats_s),
            "waveform": self.waveform.to_document(),
            "bar_energy": list(self.bar_energy),
            "sections": [asdict(section) for section in self.sections],
            "cues": asdict(self.cues),
            "silences": asdict(self.silences),
        }

    @classmethod
    def from_document(cls, document: Document) -> Analysis:
        return cls(
            **{
                **document,
                "beats_s": tuple(document["beats_s"]),
                "downbeats_s": tuple(document["downbeats_s"]),
                "waveform": Waveform.from_document(document["waveform"]),
                "bar_energy": tuple(document["bar_energy"]),
                "sections": tuple(Section(**section) for section in document["sections"]),
                "cues": Cues(**document["cues"]),
                "silences": Silences.from_document(document["silences"]),
            }
        )
