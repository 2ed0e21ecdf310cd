"""A short run of what ``python -m bench.mutations`` does to thousands of files."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.mutations.careless import confined
from bench.mutations.controls import CONTROLS, judge
from bench.mutations.mutate import mutant
from bench.mutations.seeds import Seed
from bench.mutations.structure import structure
from bench.mutations.ward import run

FILES = 60
# The careful one, whose decoder crashes. The careless ones take too long for here.
POISONED = CONTROLS[0]


@pytest.fixture(scope="module")
def whole(clips: dict[str, Path]) -> list[Seed]:
    return [
        Seed("m4a" if codec == "alac" else codec, path.read_bytes())
        for codec, path in clips.items()
    ]


def test_broken_files_are_taken_or_refused_and_nothing_else_comes_of_them(
    whole: list[Seed], tmp_path: Path
) -> None:
    broken = ((number, mutant(whole, 1, number)) for number in range(FILES))
    tally = run(broken, tmp_path, confined(), good=whole[0], workers=1)
    assert tally.faults == {}
    assert tally.unforeseen == []
    assert (tally.files, tally.child_deaths, tally.late) == (FILES, 0, 0)
    assert 0 < tally.verdicts["accepted"] < FILES / 2


def test_a_decoder_that_crashes_is_counted(whole: list[Seed], tmp_path: Path) -> None:
    right, tally = judge(POISONED, whole, tmp_path)
    assert right, tally
    assert tally.child_deaths == 1


def test_a_broken_file_is_the_same_each_time_and_another_with_each_number(
    whole: list[Seed],
) -> None:
    once, again, other = (
        [mutant(whole, seed, number) for number in range(40)] for seed in (1, 1, 2)
    )
    assert once == again
    assert once != other
    assert sum(each == whole[number % len(whole)] for number, each in enumerate(once)) < 5


def test_every_kind_of_file_has_lengths_to_lie_about(whole: list[Seed]) -> None:
    for seed in whole:
        found = structure(seed.extension, seed.data)
        assert len(found.fields) > 5, seed.extension
        assert len(found.parts) > 1, seed.extension
