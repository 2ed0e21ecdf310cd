"""The fit of the key model: it learns what is in its examples, and says how sure it may be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from autodj.audio.key import OPENING, evidence, shipped_weights
from autodj.audio.pitches import Pitches
from bench.training import key_examples, keys
from bench.training.key_examples import KeyExample
from bench.training.keys import fit_keys, fitted, temperature
from bench.training.sketched import sketched
from bench.truth.piece import PARTS, Truth, save

SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10))
LOUD = (3.0, 1.0, 2.0, 1.0, 2.0, 1.0, 1.0)


def example(seed: int, source: str = "grooves") -> KeyExample:
    """Random rows of a key in which the tonic is loudest."""
    dice = np.random.default_rng(seed)
    key = int(dice.integers(24))
    mode, tonic = divmod(key, 12)
    whole = dice.random((20, 12)) * 0.1
    whole[:, (tonic + np.array(SCALES[mode])) % 12] += LOUD * dice.random((20, 7))
    whole /= whole.sum(axis=1, keepdims=True)
    seen = evidence(Pitches(whole, whole, 0.0)).astype(np.float32)
    return KeyExample(source, str(seed), "tuning", seen, key)


@pytest.fixture(scope="module")
def examples() -> list[KeyExample]:
    return [example(seed, ("grooves", "pop909")[seed % 2]) for seed in range(60)]


def test_what_was_learned_holds_for_pieces_not_heard(examples: list[KeyExample]) -> None:
    model = fitted(examples[:40])
    right = [int(model.odds(each.evidence).argmax()) == each.key for each in examples[40:]]
    assert sum(right) >= 17


def test_the_same_examples_give_the_same_weights(examples: list[KeyExample]) -> None:
    assert np.array_equal(fitted(examples[:20]).weights, fitted(examples[:20]).weights)


def test_what_a_piece_begins_with_is_dear_by_itself(
    examples: list[KeyExample], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "_STRICTNESS_FOR_OPENING", 1e6)
    weights = np.abs(fitted(examples[:20]).weights)
    assert weights[:, OPENING].max() < 1e-3 * np.delete(weights, OPENING, axis=1).max()


def test_sketches_weigh_as_much_as_what_was_played_however_many_they_are(
    examples: list[KeyExample],
) -> None:
    """Nine sketches in a wrong key against one piece of the same evidence: still a draw."""
    right = examples[0]
    wrong = replace(right, key=(right.key + 1) % 24, is_sketch=True)
    odds = fitted([right, *[wrong] * 9]).odds(right.evidence).ravel()
    assert odds[right.key] == pytest.approx(odds[wrong.key], abs=0.05)


def test_all_that_is_made_of_one_composition_is_in_one_fold(examples: list[KeyExample]) -> None:
    for each in examples:
        assert replace(each, is_sketch=True, evidence=each.evidence * 2).fold(3) == each.fold(3)
    assert {each.fold(3) for each in examples} == {0, 1, 2}


def test_the_weights_fit_those_that_ship(examples: list[KeyExample]) -> None:
    shipped, made = shipped_weights(), fitted(examples[:4])
    assert (made.weights.shape, made.bias.shape) == (shipped.weights.shape, shipped.bias.shape)


def test_odds_that_boast_are_cooled_to_what_comes_true(examples: list[KeyExample]) -> None:
    """Always ten to one for a key that is right in two cases of three."""
    boasting = []
    for place, each in enumerate(examples):
        odds = np.zeros(24)
        odds[each.key if place % 3 else (each.key + 1) % 24] = 12.0
        boasting.append(odds.reshape(2, 12))
    cooled = boasting[0].max() / temperature(boasting, examples)
    assert np.exp(cooled) / (np.exp(cooled) + 23) == pytest.approx(2 / 3, abs=0.02)


def test_training_reads_a_truth_set_and_keeps_to_what_may_ship(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(keys, "_STEPS", 3)
    few = {"grooves": 3, "sessions": 3}
    monkeypatch.setattr(key_examples, "sketched", lambda folder: sketched(folder, few))
    t = np.arange(2 * 44100) / 44100
    for part, source in (
        ("tuning", "grooves"), ("tuning", "pop909"), ("tuning", "lmms"), ("test", "lmms"),
    ):  # fmt: skip
        folder = tmp_path / "truth" / part
        folder.mkdir(parents=True, exist_ok=True)
        sound = np.tile(0.3 * np.sin(2 * np.pi * 440 * t), (2, 1)).astype(np.float32)
        save(folder, source, sound, Truth(source, "ours", source, key="A minor"))
    fit_keys(tmp_path / "truth", tmp_path / "kept", tmp_path / "key.npz")
    printed = capsys.readouterr().out
    assert "tuning grooves" in printed
    assert "test lmms" in printed
    assert "tuning lmms" not in printed
    assert not (tmp_path / "kept/tuning/lmms.npy").exists()
    with np.load(tmp_path / "key.npz") as stored:
        assert stored["weights"].shape == shipped_weights().weights.shape


def test_a_song_whose_key_is_in_doubt_is_not_taught_but_tested(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """001 says C major and ends on A minor, 002 on C major."""
    monkeypatch.setattr(key_examples, "sketched", lambda _: ())
    sound = np.tile(0.3 * np.sin(np.arange(2 * 44100) / 16), (2, 1)).astype(np.float32)
    for song, last in (("001", "A:min"), ("002", "C:maj")):
        folder = tmp_path / "POP909" / song
        folder.mkdir(parents=True)
        (folder / "key_audio.txt").write_text("0 9 C:maj\n")
        (folder / "chord_midi.txt").write_text(f"0 9 {last}\n")
        for part in PARTS:
            (tmp_path / part).mkdir(exist_ok=True)
            save(tmp_path / part, song, sound, Truth("pop909", "MIT", song, key="C major"))
    known = key_examples.examples(tmp_path, tmp_path / "kept", tmp_path / "POP909")
    assert {(each.part, each.composition) for each in known} == {
        ("tuning", "002"), ("test", "001"), ("test", "002"),
    }  # fmt: skip
