"""The renditions of a track that can be played, as one column beside those of the track."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from sqlalchemy import ColumnElement, String, cast, func, literal_column, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlmodel import col

from autodj.db.models import Rendition, Track
from autodj.db.types import FileSource, RenditionName

_FIELD, _ROW = "|", ";"


@dataclass(frozen=True, slots=True)
class Ready:
    """What delivery needs of a rendition that can be played."""

    name: RenditionName
    file_source: FileSource
    file_path: str | None
    s3_object_key: str | None
    generation: int
    extension: str
    content_type: str
    sha256: str
    size_bytes: int
    duration_s: float
    start_offset_s: float


class _Joined(FunctionElement[str]):
    """The values of a text column in one text. Unlike SQLAlchemy's own it binds nothing, so the
    query around it can be compiled once and for all.
    """

    inherit_cache = True
    type = String()


@compiles(_Joined)
def _on_postgres(element: _Joined, compiler: SQLCompiler, **options: object) -> str:
    return f"string_agg({compiler.process(element.clauses, **options)}, '{_ROW}')"


@compiles(_Joined, "sqlite")
def _on_sqlite(element: _Joined, compiler: SQLCompiler, **options: object) -> str:
    return f"group_concat({compiler.process(element.clauses, **options)}, '{_ROW}')"


def _packed() -> ColumnElement[str]:
    """One row as text: no value of a column here can hold a separator."""
    nothing, separator = literal_column("''", String), literal_column(f"'{_FIELD}'", String)
    texts: list[ColumnElement[str]] = [
        func.coalesce(cast(col(getattr(Rendition, name)), String), nothing)
        for name in Ready.__slots__
    ]
    return reduce(lambda packed, text: packed.concat(separator).concat(text), texts)


READY = (
    select(_Joined(_packed()))
    .where(col(Rendition.track_id) == col(Track.id), col(Rendition.file_source).is_not(None))
    .correlate(Track)
    .scalar_subquery()
    .label("renditions")
)
"""A column beside those of a track, so that a track and its renditions are one row: every
``Ready`` rendition as text, for ``unpack``."""


def unpack(packed: str | None) -> tuple[Ready, ...]:
    """The renditions in what ``READY`` has selected."""
    return tuple(_ready(row.split(_FIELD)) for row in packed.split(_ROW)) if packed else ()


def _ready(values: Sequence[str]) -> Ready:
    name, source, path, key, generation, extension, content_type, sha256, size, *times = values
    duration_s, start_offset_s = map(float, times)
    return Ready(
        name=RenditionName(name),
        file_source=FileSource(source),
        file_path=path or None,
        s3_object_key=key or None,
        generation=int(generation),
        extension=extension,
        content_type=content_type,
        sha256=sha256,
        size_bytes=int(size),
        duration_s=duration_s,
        start_offset_s=start_offset_s,
    )
