"""Fit the network of ``autodj.audio.rhythm.activation`` and write its weights."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
import torch.nn.functional as functions

from bench.training.batches import batch
from bench.training.examples import load
from bench.training.shapes import BLOCKS, TAPS, shapes

BATCH: Final = 8
EPOCHS: Final = 12
SEED: Final = 1
_BEAT_WEIGHT, _DOWNBEAT_WEIGHT = 3.0, 6.0
_TEMPO_WEIGHT = 0.03
_TEACHERS_SHARE = 0.6
_PEAK_RATE, _DECAY, _MOST_GRADIENT = 4e-3, 1e-3, 1.0
_REPORT_EVERY = 50

Tensor = Any  # torch is not installed where types are checked
Weights = Mapping[str, Tensor]


def initial(seed: int) -> dict[str, Tensor]:
    """Uniform within one over the root of what flows into a channel, as is usual."""
    generator = torch.Generator().manual_seed(seed)
    named = shapes()
    weights = {}
    for name, shape in named.items():
        incoming = math.prod(named[name.replace(".bias", ".weight")][:-1])
        drawn = torch.rand(shape, generator=generator) * 2 - 1
        weights[name] = (drawn / math.sqrt(incoming)).requires_grad_()
    return weights


def odds(weights: Weights, inputs: Tensor) -> Tensor:
    """Log odds ``[pieces, 2, frames]`` from ``[pieces, 96, frames]``."""
    return heard(weights, inputs)[0]


def heard(weights: Weights, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """The log odds, and the log odds of each tempo ``[pieces, tempi]``."""
    state = functions.elu(_convolved(weights, "enter", inputs, 1))
    total, pooled = 0, []
    for block in range(BLOCKS):
        value, gate = _convolved(weights, f"turn.{block}", state, 2**block).chunk(2, 1)
        passed = functions.elu(value) * torch.sigmoid(gate)
        mixed = _mixed(weights, f"mix.{block}", passed)
        state, total = state + mixed, total + mixed
        pooled.append(functions.elu(mixed).mean(dim=2))
    paces = torch.cat(pooled, dim=1) @ weights["tempo.weight"] + weights["tempo.bias"]
    return _mixed(weights, "leave", functions.elu(total)), paces


def _convolved(weights: Weights, name: str, inputs: Tensor, dilation: int) -> Tensor:
    kernel = weights[f"{name}.weight"].permute(2, 1, 0)
    return functions.conv1d(
        inputs, kernel, weights[f"{name}.bias"], padding=TAPS // 2 * dilation, dilation=dilation
    )


def _mixed(weights: Weights, name: str, inputs: Tensor) -> Tensor:
    kernel = weights[f"{name}.weight"].permute(1, 0)[:, :, None]
    return functions.conv1d(inputs, kernel, weights[f"{name}.bias"])


def fit(
    folder: Path,
    output: Path,
    *,
    without: tuple[str, ...],
    epochs: float,
    threads: int,
    seed: int = SEED,
    teachers: Sequence[Path] = (),
) -> None:
    """Train on the examples in ``folder``; the same ones and threads give the same weights.

    With weights of other trainings as teachers, what they say on average is part of what is
    wanted: what several agree on is no chance of one (Hinton, Vinyals and Dean, "Distilling the
    knowledge in a neural network", 2015).
    """
    torch.use_deterministic_algorithms(mode=True)
    torch.set_num_threads(threads)
    examples = load(folder, without)
    noise = np.random.default_rng(seed)
    weights = initial(seed)
    taught = [stored(path) for path in teachers]
    steps = max(1, round(epochs * len(examples) / BATCH))
    print(f"{len(examples)} examples, {steps} steps", flush=True)
    optimizer = torch.optim.AdamW(weights.values(), _PEAK_RATE / 4, weight_decay=_DECAY)
    pace = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, _PEAK_RATE, total_steps=steps, pct_start=0.2
    )
    began, running = time.monotonic(), float("nan")
    for step in range(steps):
        inputs, targets, tempi = (
            torch.from_numpy(array) for array in batch(examples, BATCH, noise)
        )
        said, paces = heard(weights, inputs)
        weight = _weight(targets)
        loss = _loss(said, targets, weight) + _TEMPO_WEIGHT * _tempo_loss(paces, tempi)
        if taught:
            wanted, likely = _agreed(taught, inputs, tempi)
            told = _loss(said, wanted, weight) + _TEMPO_WEIGHT * _tempo_loss(paces, likely)
            loss = (1 - _TEACHERS_SHARE) * loss + _TEACHERS_SHARE * told
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights.values(), _MOST_GRADIENT)
        optimizer.step()
        pace.step()
        running = loss.item() if step == 0 else 0.98 * running + 0.02 * loss.item()
        if step % _REPORT_EVERY == 0 or step == steps - 1:
            print(f"step {step} loss {running:.4f} {time.monotonic() - began:.0f} s", flush=True)
    save(weights, output)


def _agreed(taught: Sequence[Weights], inputs: Tensor, tempi: Tensor) -> tuple[Tensor, Tensor]:
    """How likely the teachers think a beat, a downbeat and each tempo; no tempo stays none."""
    with torch.no_grad():
        answers = [heard(weights, inputs) for weights in taught]
        said = torch.stack([each for each, _ in answers]).mean(dim=0)
        paces = torch.stack([each for _, each in answers]).mean(dim=0)
        return torch.sigmoid(said), functions.softmax(paces, dim=1) * tempi.sum(1, keepdim=True)


def _weight(targets: Tensor) -> Tensor:
    rare = torch.tensor([_BEAT_WEIGHT, _DOWNBEAT_WEIGHT]).view(1, 2, 1)
    return torch.where(targets > 0, rare, torch.ones(1))


def _loss(said: Tensor, wanted: Tensor, weight: Tensor) -> Tensor:
    return functions.binary_cross_entropy_with_logits(said, wanted, weight=weight)


def _tempo_loss(paces: Tensor, wanted: Tensor) -> Tensor:
    """Cross entropy; a row of zeros, which has no tempo, costs nothing."""
    return -(wanted * functions.log_softmax(paces, dim=1)).sum(dim=1).mean()


def stored(path: Path) -> dict[str, Tensor]:
    """The weights in a file that ``save`` wrote."""
    with np.load(path) as arrays:
        return {name: torch.from_numpy(arrays[name].astype(np.float32)) for name in arrays.files}


def save(weights: Weights, output: Path) -> None:
    """Half precision, which the product widens when it reads them."""
    arrays = {name: each.detach().numpy().astype(np.float16) for name, each in weights.items()}
    np.savez_compressed(output, **arrays)
