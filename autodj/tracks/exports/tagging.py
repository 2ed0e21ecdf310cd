"""Tempo, key, gain and beat grid written into a copy of an MP3 or FLAC file.

The audio and every other tag are copied as they are. What would have to be guessed is refused.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from autodj.tracks.exports import id3, serato, vorbis
from autodj.tracks.exports.keys import short_key
from autodj.tracks.exports.subject import Subject

TAGGED = ("audio/mpeg", "audio/flac")


def write_tagged(subject: Subject, source: Path, target: Path) -> bool:
    """Copy ``source`` to the new file ``target`` with what is known of the track in its tags.

    False for a kind of file that is copied without. CommandError for tags that cannot be
    kept whole; ``target`` is then not there.
    """
    with source.open("rb") as file, target.open("xb") as copy:
        try:
            written = _write(subject, file, copy)
        except BaseException:
            target.unlink()
            raise
    return written


def _write(subject: Subject, file: BinaryIO, copy: BinaryIO) -> bool:
    if subject.content_type == "audio/mpeg":
        copy.write(id3.replace(file, _frames(subject)))
    elif subject.content_type == "audio/flac":
        copy.write(vorbis.replace(file, _comments(subject)))
    shutil.copyfileobj(file, copy)
    return subject.content_type in TAGGED


def _frames(subject: Subject) -> Sequence[id3.Frame]:
    facts, gains = _facts(subject)
    frames = [id3.text(name, value) for name, value in facts.items()]
    frames += [id3.own_text(name, value) for name, value in gains.items()]
    beats = subject.beats
    if beats is not None:
        offset_s = serato.mp3_offset_s(subject.sample_rate_hz)
        grid = serato.beat_grid(beats, offset_s=offset_s)
        frames.append(id3.attached(serato.MIME_TYPE, serato.DESCRIPTION, grid))
    return frames


def _comments(subject: Subject) -> dict[str, str]:
    facts, gains = _facts(subject)
    comments = {_COMMENT_NAMES[name]: value for name, value in facts.items()} | gains
    beats = subject.beats
    if beats is not None:
        comments["SERATO_BEATGRID"] = serato.as_comment(serato.beat_grid(beats))
    return comments


def _facts(subject: Subject) -> tuple[dict[str, str], dict[str, str]]:
    """By ID3's names, and those that have a name of their own everywhere."""
    facts, gains = {}, {}
    if subject.bpm is not None:
        facts["TBPM"] = f"{subject.bpm:.2f}".rstrip("0").rstrip(".")
    if subject.key is not None:
        facts["TKEY"] = short_key(subject.key)
    analysis = subject.analysis
    if analysis is not None and analysis.replaygain_db is not None:
        gains["REPLAYGAIN_TRACK_GAIN"] = f"{analysis.replaygain_db:.2f} dB"
        if analysis.true_peak_dbtp is not None:
            gains["REPLAYGAIN_TRACK_PEAK"] = f"{10 ** (analysis.true_peak_dbtp / 20):.6f}"
    return facts, gains


_COMMENT_NAMES = {"TBPM": "BPM", "TKEY": "INITIALKEY"}
