"""The described document is the stored document, and the table in the docs describes it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import UnionType
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from autodj.api.documents import AnalysisDocument
from autodj.audio.facts import Tags
from autodj.audio.form import Cues, Section, Silences
from autodj.tracks.documents import pack, unpack
from tests.tracks.test_documents import ANALYSIS, TAGS

GUIDE = Path(__file__).parents[2] / "docs" / "analysis.md"
WHOLE = replace(
    ANALYSIS,
    downbeats_s=(0.5,),
    metre=4,
    grid="constant",
    open_key="1m",
    energy=7,
    bar_energy=(0.9,),
    sections=(Section("intro", 0.5, 1, 4, 0.2),),
    cues=Cues(cue_in=0.5),
    silences=Silences(0.1, 0.0, ((5.0, 8.0),)),
)


def models(annotation: object) -> Iterator[type[BaseModel]]:
    """The parts that a field is made of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from models(part)


def fields(model: type[BaseModel], above: str = "") -> Iterator[tuple[str, str]]:
    """Every field with what it says of itself, those of parts behind their name."""
    for name, field in model.model_fields.items():
        is_list = "list" in str(field.annotation) and not isinstance(field.annotation, UnionType)
        parts = list(models(field.annotation))
        if field.description:
            yield f"{above}{name}", field.description
        for part in parts:
            yield from fields(part, f"{above}{name}{'[]' if is_list else ''}.")


def named(document: object, model: type[BaseModel]) -> Iterator[tuple[set[str], set[str]]]:
    """What each part of a document has, and what its model describes."""
    assert isinstance(document, Mapping)
    yield set(document), set(model.model_fields)
    for name, field in model.model_fields.items():
        for part in models(field.annotation):
            value = document[name]
            for each in value if isinstance(value, list) else [value]:
                yield from named(each, part)


def stored(**changes: Any) -> dict[str, Any]:
    return unpack(pack(replace(WHOLE, **changes), TAGS))


def test_the_model_describes_every_field_that_is_stored_and_no_other() -> None:
    document = stored()
    assert AnalysisDocument.model_validate(document)
    for has, describes in named(document, AnalysisDocument):
        assert has == describes


@pytest.mark.parametrize(
    "changes",
    [
        {"bpm": None, "beats_s": (), "metre": None, "grid": None, "bpm_alternative": None},
        {"key": None, "camelot": None, "open_key": None, "integrated_lufs": None},
        {"sections": (), "cues": Cues(), "silences": Silences(), "energy": None},
    ],
)
def test_facts_that_a_track_does_not_have_are_null(changes: dict[str, Any]) -> None:
    assert AnalysisDocument.model_validate(stored(**changes))
    assert AnalysisDocument.model_validate(unpack(pack(WHOLE, Tags())))


def test_a_document_of_the_first_version_is_still_a_document() -> None:
    kept = {"version", "duration_s", "bpm", "bpm_confidence", "bpm_alternative", "beats_s", "key"}
    kept |= {"camelot", "key_confidence", "integrated_lufs", "true_peak_dbtp", "waveform"}
    old = {name: value for name, value in stored().items() if name in kept}
    old["waveform"] = {
        name: value for name, value in old["waveform"].items() if name not in {"min", "max"}
    }
    assert AnalysisDocument.model_validate(old).sections == []


def test_the_table_in_the_guide_is_what_the_model_says() -> None:
    _, _, after = GUIDE.read_text().partition("## The document")
    rows = re.findall(r"^\| `([^`]+)` \| (.+) \|$", after.partition("\n## ")[0], re.MULTILINE)
    assert rows == list(fields(AnalysisDocument))
