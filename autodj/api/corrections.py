"""What a person may set on a track, and what a track says of what was set."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from autodj.api.bodies import Fault, invalid
from autodj.api.listing import key_of
from autodj.db import Track as TrackRow
from autodj.db import Visibility
from autodj.tracks.corrections.changes import Refusal, columns_of
from autodj.tracks.corrections.values import BPM_RANGE, METRES, MOST_SHIFT_MS

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=512)]
_AS_THEY_ARE = frozenset({"title", "artist", "album", "visibility"})


def _without_defaults(schema: dict[str, Any]) -> None:
    """A fact that is left out stays as it is: the defaults are never used."""
    for described in schema["properties"].values():
        described.pop("default", None)


class Correction(BaseModel):
    """What a person knows better. Null takes a correction, or the fact itself, back.

    A time is one as the track plays, after any shift of the grid.
    """

    model_config = ConfigDict(json_schema_extra=_without_defaults)

    title: Line = ""
    artist: Line | None = None
    album: Line | None = None
    visibility: Visibility = Visibility.PRIVATE
    bpm: float | None = Field(
        None,
        ge=BPM_RANGE[0],
        le=BPM_RANGE[1],
        description="Exactly this tempo, evenly through the first downbeat. Just twice or half of "
        "what was measured keeps to the measured beats.",
    )
    tempo: Literal["double", "half"] = Field(
        "double", description="Twice or half of the tempo that the track has now."
    )
    anchor_s: float | None = Field(
        None, ge=0, description="A time with a beat: those of bpm lie evenly through it."
    )
    grid_shift_ms: float | None = Field(
        None,
        ge=-MOST_SHIFT_MS,
        le=MOST_SHIFT_MS,
        description="All beats are so much later (below 0: earlier) than measured.",
    )
    nudge_ms: float = Field(
        0.0, ge=-MOST_SHIFT_MS, le=MOST_SHIFT_MS, description="Added to grid_shift_ms."
    )
    downbeat_s: float | None = Field(
        None, ge=0, description="The beat nearest to this time begins a bar."
    )
    metre: int | None = Field(None, ge=METRES[0], le=METRES[1], description="Beats in a bar.")
    key: Annotated[str, AfterValidator(key_of)] | None = Field(None, examples=["A minor"])

    def columns(self, row: TrackRow) -> dict[str, object]:
        """The columns to set: only what was given. InvalidField for what the track forbids."""
        asked = {name: getattr(self, name) for name in self.model_fields_set}
        plain = {name: asked.pop(name) for name in _AS_THEY_ARE & asked.keys()}
        try:
            return plain | columns_of(asked, row)
        except Refusal as refusal:
            raise invalid([Fault((refusal.field,), refusal.detail)]) from refusal
