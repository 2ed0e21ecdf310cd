"""The K-weighting of ITU-R BS.1770, as it would be filtered sample by sample, but in matrix
products over blocks.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autodj.audio.frames import Floats
from autodj.audio.products import add_product

# Half as many samples are half the products, and twice the states to carry on: no gain further on.
_BLOCK = 32
_GROUP = 8
_FORGOTTEN = 1e-9
_STATES = 4
# A million samples: longer than the high-pass remembers at any rate.
_DOUBLINGS = 20

Doubles = NDArray[np.float64]


class KWeighting:
    """Both filters of the K-weighting over a stream of blocks.

    Two biquads hold four states. Within a block of 32 samples what comes out is a sum over what
    went in, and over the states at its start; the states at its end are such a sum too.
    """

    def __init__(self, rate_hz: int, channels: int) -> None:
        step, enter, leave, through = _evened(*_states_of(k_filters(rate_hz)))
        powers = _powers(step, _BLOCK)
        answer = np.array([through, *(leave @ power @ enter for power in powers[:-2])])
        lag = np.arange(_BLOCK)[None, :] - np.arange(_BLOCK)[:, None]
        self._direct = np.where(lag >= 0, answer[lag], 0.0).astype(np.float32)
        self._ringing = np.array([leave @ power for power in powers[:-1]]).T.astype(np.float32)
        self._entering = np.array([power @ enter for power in powers[-2::-1]]).astype(np.float32)
        self._step = powers[-1].T.astype(np.float32)
        self._carry = _Carry(powers[-1])
        self._state: Floats = np.zeros((channels, _STATES), np.float32)
        self._held: Floats = np.zeros((channels, 0), np.float32)

    def push(self, samples: Floats) -> Floats:
        """The weighted ``[channels, n]`` of the whole blocks now complete."""
        if self._held.shape[1]:
            samples = np.concatenate([self._held, samples], axis=1)
        channels, came = samples.shape
        whole = came // _BLOCK * _BLOCK
        self._held = samples[:, whole:].copy()
        if whole == 0:
            return samples[:, :0]
        blocks = samples[:, :whole].reshape(-1, _BLOCK)
        entered = (blocks @ self._entering).reshape(channels, -1, _STATES)
        states = self._carry(entered, self._state)
        self._state = states[:, -1] @ self._step + entered[:, -1]
        weighted: Floats = states.reshape(-1, _STATES) @ self._ringing
        add_product(weighted, blocks, self._direct)
        return weighted.reshape(channels, whole)

    def finish(self) -> Floats:
        """The rest."""
        left = self._held.shape[1]
        missing = np.zeros((len(self._held), -left % _BLOCK), np.float32)
        return self.push(missing)[:, :left]


class _Carry:
    """The recursion ``state' = step @ state + added``, over a group of blocks by one matrix; and
    over the groups by the same again, until nothing of a state is remembered from group to group.
    """

    def __init__(self, step: Doubles) -> None:
        powers = _powers(step, _GROUP)
        gather = _gathering(powers).astype(np.float32)
        self._within, self._ends = np.split(gather, [-_STATES], axis=1)
        self._spread = np.hstack([power.T for power in powers[:-1]]).astype(np.float32)
        slowest = float(np.abs(np.linalg.eigvals(powers[-1])).max())
        self._over = _Carry(powers[-1]) if slowest > _FORGOTTEN else None

    def __call__(self, added: Floats, start: Floats) -> Floats:
        """The states ``[channels, n, 4]`` before each of ``n`` blocks."""
        channels, count, _ = added.shape
        if missing := -count % _GROUP:
            added = np.pad(added, ((0, 0), (0, missing), (0, 0)))
        grouped = added.reshape(channels, -1, _GROUP * _STATES)
        ends = grouped @ self._ends
        if self._over is None:
            starts = np.concatenate([start[:, None], ends[:, :-1]], axis=1)
        else:
            starts = self._over(ends, start)
        states: Floats = grouped @ self._within
        states += starts @ self._spread
        return states.reshape(channels, -1, _STATES)[:, :count]


def k_filters(rate_hz: int) -> tuple[tuple[Doubles, Doubles], tuple[Doubles, Doubles]]:
    """Numerator and denominator of the shelf and of the high-pass.

    BS.1770 gives coefficients for 48 kHz; the analogue parameters behind them, from which any
    other rate follows by the bilinear transform, are those of De Man, "Evaluation of
    implementations of the EBU R128 loudness measurement" (AES 145, 2018).
    """
    k = np.tan(np.pi * 1681.974450955533 / rate_hz)
    q = 0.7071752369554196
    gain = 10 ** (3.999843853973347 / 20)
    bend = gain**0.4996667741545416
    shelf = np.array([gain + bend * k / q + k * k, 2 * (k * k - gain), gain - bend * k / q + k * k])
    shelf_poles = np.array([1 + k / q + k * k, 2 * (k * k - 1), 1 - k / q + k * k])
    k = np.tan(np.pi * 38.13547087602444 / rate_hz)
    q = 0.5003270373238773
    poles = np.array([1 + k / q + k * k, 2 * (k * k - 1), 1 - k / q + k * k])
    return (
        (shelf / shelf_poles[0], shelf_poles / shelf_poles[0]),
        (np.array([1.0, -2.0, 1.0]), poles / poles[0]),
    )


def _states_of(
    filters: tuple[tuple[Doubles, Doubles], tuple[Doubles, Doubles]],
) -> tuple[Doubles, Doubles, Doubles, float]:
    """The cascade as ``state' = step @ state + enter x`` and ``y = leave @ state + through x``:
    transposed direct forms, whose states are no larger than what passes through.
    """
    (first, _), (second, _) = filters
    own = np.array([1.0, 0.0])
    steps, enters = [], []
    for numerator, poles in filters:
        steps.append(np.array([[-poles[1], 1.0], [-poles[2], 0.0]]))
        enters.append(numerator[1:] - poles[1:] * numerator[0])
    step = np.block([[steps[0], np.zeros((2, 2))], [np.outer(enters[1], own), steps[1]]])
    enter = np.concatenate([enters[0], enters[1] * first[0]])
    leave = np.concatenate([second[0] * own, own])
    return step, enter, leave, float(first[0] * second[0])


def _evened(
    step: Doubles, enter: Doubles, leave: Doubles, through: float
) -> tuple[Doubles, Doubles, Doubles, float]:
    """The same filter with states that noise moves alike and apart from each other, after
    Mullis and Roberts, "Synthesis of minimum roundoff noise fixed point digital filters" (1976).

    The high-pass at 38 Hz remembers for long, and the states of its direct form nearly cancel
    each other: single precision would lose three digits, and these lose none.
    """
    spread, power = np.outer(enter, enter), step
    for _ in range(_DOUBLINGS):
        spread = spread + power @ spread @ power.T
        power = power @ power
    root = np.linalg.cholesky(spread)
    back = np.linalg.inv(root)
    return back @ step @ root, back @ enter, leave @ root, through


def _powers(matrix: Doubles, count: int) -> list[Doubles]:
    """The powers from 0 to ``count``."""
    powers = [np.eye(len(matrix))]
    for _ in range(count):
        powers.append(matrix @ powers[-1])
    return powers


def _gathering(powers: list[Doubles]) -> Doubles:
    """What the blocks of a group add to the states before each of them, and after the last."""
    matrix = np.zeros((_GROUP, _STATES, _GROUP + 1, _STATES))
    for source in range(_GROUP):
        for target in range(source + 1, _GROUP + 1):
            matrix[source, :, target] = powers[target - source - 1].T
    return matrix.reshape(_GROUP * _STATES, -1)
