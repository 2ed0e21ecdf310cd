"""One performance has one grid, whatever kind of file it comes in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from autodj.audio.facts import Analysis
from autodj.audio.pieces import HARBOUR_LIGHTS, SLOW_FERRY, Section
from autodj.audio.synth import RATE_HZ, Piece, render
from bench.codecs import MOST_APART_S, analysed, apart_s, score_s

KINDS = ("wav", "mp3", "m4a", "ogg")
STARTS_S = {"harbour-lights": 0.0, "slow-ferry": 0.737}
"""How much silence stands in front, so that no beat need be at 0."""


def shortened(piece: Piece) -> Piece:
    sections = (Section(3, piece.sections[1].parts), Section(3, piece.sections[-1].parts))
    return replace(piece, sections=sections)


@pytest.fixture(scope="module", params=[HARBOUR_LIGHTS, SLOW_FERRY], ids=lambda piece: piece.slug)
def copies(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Piece, Mapping[str, Analysis]]:
    piece = shortened(request.param)
    silence = np.zeros((2, round(STARTS_S[piece.slug] * RATE_HZ)), np.float32)
    samples = np.concatenate([silence, render(piece)], axis=1)
    folder = tmp_path_factory.mktemp("codecs")
    return piece, {kind: analysed(samples, kind, folder) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS[1:])
def test_beats_and_bars_are_where_they_are_in_the_wav(
    copies: tuple[Piece, Mapping[str, Analysis]], kind: str
) -> None:
    wav, other = copies[1]["wav"], copies[1][kind]
    assert len(other.beats_s) == len(wav.beats_s) > 20
    assert np.abs(apart_s(other.beats_s, wav.beats_s)).max() < MOST_APART_S
    assert len(other.downbeats_s) == len(wav.downbeats_s)
    assert np.abs(apart_s(other.downbeats_s, wav.downbeats_s)).max() < MOST_APART_S
    assert other.bpm == pytest.approx(wav.bpm, abs=0.01)
    assert other.key == wav.key


@pytest.mark.parametrize("kind", KINDS)
def test_beats_are_where_the_score_has_them(
    copies: tuple[Piece, Mapping[str, Analysis]], kind: str
) -> None:
    piece, found = copies[0], copies[1][kind]
    score = score_s(piece, found.duration_s) + STARTS_S[piece.slug]
    inside = [beat for beat in found.beats_s if beat > STARTS_S[piece.slug] - 0.05]
    assert np.abs(apart_s(inside, score)).max() < 0.02
