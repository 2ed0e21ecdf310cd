"""The demonstration pieces are what their titles say, by our own measurement."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from autodj.audio.identify import identify
from autodj.audio.pieces import Section
from autodj.audio.sandbox import Sandbox
from autodj.audio.synth import PIECES, RATE_HZ, Piece, render, write

SHORT = tuple(
    replace(piece, sections=(Section(2, piece.sections[-2].parts), Section(1, "kick hat")))
    for piece in PIECES
)


def test_the_pieces_differ_in_all_that_a_demonstration_shows() -> None:
    assert len({piece.title for piece in PIECES}) == len(PIECES) >= 3
    assert len({piece.bpm for piece in PIECES}) == len({piece.key for piece in PIECES}) == 4
    assert {piece.codec for piece in PIECES} == {"mp3", "flac", "wav"}
    assert all(60 <= piece.duration_s <= 120 for piece in PIECES)


@pytest.mark.parametrize("piece", SHORT, ids=lambda piece: piece.slug)
def test_a_piece_sounds_the_same_each_time_and_never_clips(piece: Piece) -> None:
    samples = render(piece)
    assert samples.shape == (2, round((piece.duration_s + 2) * RATE_HZ))
    assert samples.dtype == np.float32
    assert 0.8 < np.abs(samples).max() < 0.9
    assert np.abs(samples[:, -2000:]).max() < 0.02
    np.testing.assert_array_equal(samples, render(piece))


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("piece", PIECES, ids=lambda piece: piece.slug)
async def test_a_piece_is_found_in_its_tempo_and_key(
    sandbox: Sandbox, tmp_path: Path, piece: Piece
) -> None:
    path = write(piece, tmp_path)
    assert path.name == f"{piece.slug}.{piece.codec}"
    probe = await sandbox.probe(path, identify(path))
    assert (probe.tags.title, probe.tags.artist) == (piece.title, "autodj")
    assert probe.has_cover == (piece.codec != "wav")
    analysis = await sandbox.analyze(path, identify(path))
    assert analysis.bpm == pytest.approx(piece.bpm, abs=0.05)
    assert analysis.key == piece.key
    assert analysis.beats_s[8] % (60 / piece.bpm) == pytest.approx(0, abs=0.02) or (
        60 / piece.bpm - analysis.beats_s[8] % (60 / piece.bpm) < 0.02
    )
    assert analysis.true_peak_dbtp is not None
    assert analysis.true_peak_dbtp < -1
    assert analysis.integrated_lufs == pytest.approx(-12, abs=2)
