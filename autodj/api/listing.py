"""What a caller may ask of the list of tracks, and where the next page begins."""

from __future__ import annotations

import re
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal
from urllib.parse import urlencode
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field

from autodj.audio.keynames import camelot
from autodj.db import AnalysisState, FileSource, FileState, Track
from autodj.db.library import TrackFilter

_CAMELOT = re.compile(r"(1[0-2]|[1-9])[AB]")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Microseconds since the epoch, and the id.
_CURSOR = struct.Struct(">q16s")

Position = tuple[datetime, UUID]


def camelot_of(text: str) -> str:
    """The Camelot hour of "8a" or "A minor"; ValueError for anything else."""
    hour = text.upper()
    if _CAMELOT.fullmatch(hour):
        return hour
    return camelot(key_of(text))


def key_of(text: str) -> str:
    """A key as it is stored: "a Minor" is "A minor"; ValueError for what is none."""
    pitch, _, mode = text.partition(" ")
    key = f"{pitch.capitalize()} {mode.lower()}"
    try:
        camelot(key)
    except ValueError:
        raise ValueError("is no key; write 8A or A minor") from None
    return key


def read_cursor(text: str) -> Position:
    """The position that ``write_cursor`` wrote down; ValueError for anything else."""
    try:
        micros, last_id = _CURSOR.unpack(urlsafe_b64decode(text))
        return _EPOCH + timedelta(microseconds=micros), UUID(bytes=last_id)
    except (ValueError, OverflowError, struct.error):
        raise ValueError("is not a cursor that this server gave") from None


def write_cursor(last: Track) -> str:
    """The position behind ``last``, as one word."""
    micros = (last.created_at - _EPOCH) // timedelta(microseconds=1)
    return urlsafe_b64encode(_CURSOR.pack(micros, last.id.bytes)).decode()


def _checked_cursor(text: str) -> str:
    read_cursor(text)
    return text


class Narrowing(BaseModel):
    """Which of the caller's tracks: every fact that is given narrows the choice."""

    q: str | None = Field(None, max_length=200, description="Words in title, artist or album.")
    bpm_min: float | None = Field(None, ge=0, le=1000, allow_inf_nan=False)
    bpm_max: float | None = Field(None, ge=0, le=1000, allow_inf_nan=False)
    key: Annotated[str, AfterValidator(camelot_of)] | None = Field(
        None, max_length=16, description="8A or A minor."
    )

    def filter(self) -> TrackFilter:
        return TrackFilter(
            text=self.q, bpm_min=self.bpm_min, bpm_max=self.bpm_max, camelot=self.key
        )


class TrackQuery(Narrowing):
    """A page of the list."""

    limit: int = Field(50, ge=1, le=200)
    cursor: Annotated[str, AfterValidator(_checked_cursor)] | None = Field(None, max_length=64)
    source: FileSource | None = None
    state: Literal["stable", "copying", "cleaning"] | None = None
    analysis: AnalysisState | None = None

    def filter(self) -> TrackFilter:
        return replace(
            super().filter(),
            source=self.source,
            state=FileState(self.state) if self.state else None,
            analysis=self.analysis,
        )

    def position(self) -> Position | None:
        return read_cursor(self.cursor) if self.cursor else None

    def next_link(self, path: str, cursor: str) -> str:
        """The Link header (RFC 8288) of the page behind this one."""
        asked = self.model_dump(mode="json", exclude_unset=True) | {"cursor": cursor}
        return f'<{path}?{urlencode(asked)}>; rel="next"'
