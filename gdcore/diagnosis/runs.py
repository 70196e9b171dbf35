"""Short fits from several beginnings, each at several learning rates.

Design
------
A trial at one rate is a run with one draw of the initial weights and of the order. Several runs judge a rate, since the
best rate of a single one is half chance. The last one starts from the model's own parameters, in the order of the given
seed. The others are the same for every seed, so that seeds agree.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from ..data.samples import take_samples
from ..losses import CustomLoss, Loss
from ..models.sequential import Sequential
from ..objective.objective import Objective
from ..optimizers import Optimizer
from ..training import Trainer
from ..training.errors import DivergedError

Vector = NDArray[np.float64]

RUNS = 4
"""A rate is judged by this many runs; the first one alone decides which rates get the others."""
SEEDS = 1000
"""The seeds of all runs but the last begin here, far from those that users choose."""
EPOCHS = 8
"""A run has this many epochs, if its number of steps allows."""
MIN_STEPS, MAX_EPOCHS = 60, 30
"""A run with fewer steps than the first takes more epochs, at most the second."""
MEASURED = 2
"""The losses of this many last epochs are averaged; no run has fewer epochs."""
ROWS = 2048
"""A loss is measured on at most this many rows."""
LARGEST = 1 / 16
"""If a run cannot have all rows, this share of its rows are those with the largest inputs."""


@final
@dataclass(frozen=True)
class Problem:
    """What a run trains, on what and how, and how many steps it may take.

    Attributes
    ----------
    model : Sequential
        Without a `ScaledTarget`.
    objective : Objective
        Of this model in its own precision; the runs see its samples, loss and penalties.
    loss : Loss or callable
        The objective's.
    optimizer : Optimizer
    batch_size, seed : int
        As `Trainer` takes them.
    steps : int
    """

    model: Sequential
    objective: Objective
    loss: Loss | CustomLoss
    optimizer: Optimizer
    batch_size: int
    seed: int
    steps: int


@final
class Runs:
    """Losses at the end of runs, by the index of their rate; each run is made once."""

    def __init__(self, problem: Problem, rates: Vector) -> None:
        self.problem, self.rates = problem, rates
        self.X, self.y = problem.objective.data.X, problem.objective.data.targets
        self.seeds = [*range(SEEDS, SEEDS + RUNS - 1), problem.seed]
        self.starts = _starts(problem.model, self.seeds)
        most = max(problem.steps // MEASURED, 1) * problem.batch_size
        self.rows = _rows(self.X, most, self.seeds)
        per_epoch = -(-min(len(self.X), most) // problem.batch_size)
        few = min(MAX_EPOCHS, MIN_STEPS // per_epoch)
        self.epochs = max(MEASURED, few, min(EPOCHS, problem.steps // per_epoch))
        seen = np.sort(np.random.default_rng(SEEDS).permutation(len(self.X))[:ROWS])
        data = take_samples(problem.model.stack, self.X[seen], self.y[seen], None, problem.loss)
        self.seen = replace(problem.objective, data=data)
        self.firsts = np.array([self.loss(start) for start in self.starts])
        self.ends: dict[int, list[float]] = {}

    def loss(self, model: Sequential) -> float:
        """Return the loss of a model, with penalties, on the rows for measurement."""
        return replace(self.seen, stack=model.stack).value()

    def make(self, number: int, runs: int) -> None:
        """Make this many runs at a rate, or fewer if one diverges."""
        ends = self.ends.setdefault(number, [])
        while len(ends) < runs and math.inf not in ends:
            ends.append(self.end(float(self.rates[number]), len(ends)))

    def end(self, rate: float, run: int, times: int = 1) -> float:
        """Return the loss at the end of a run of `times` the usual epochs; infinity if it diverges."""
        problem, rows = self.problem, self.rows[run]
        epochs = max(self.epochs, min(times * self.epochs, MAX_EPOCHS))
        model = self.starts[run].copy()
        rule = replace(problem.optimizer, learning_rate=rate)
        l1, l2, seed = problem.objective.l1, problem.objective.l2, self.seeds[run]
        trainer = Trainer(model, problem.loss, rule, batch_size=problem.batch_size, l1=l1, l2=l2, seed=seed)
        losses = []
        try:
            for left in reversed(range(epochs)):
                trainer.epoch(self.X[rows], self.y[rows])
                if left < MEASURED:
                    losses.append(self.loss(model))
        except DivergedError:
            return math.inf
        mean = float(np.mean(losses))
        return mean if math.isfinite(mean) else math.inf

    def shares(self, numbers: list[int], runs: int) -> Vector:
        """Return, for each rate, the mean share of its best fall that a run achieves; minus infinity if one diverges.

        What a run falls that begins near its end is noise. It is measured by the median of the runs' best falls.
        """
        ends = np.array([(self.ends[number] + [math.inf] * runs)[:runs] for number in numbers])
        ends[np.isinf(ends).any(axis=1)] = math.inf
        falls = self.firsts[:runs] - ends
        most = falls.max(axis=0)
        if not np.median(most) > 0:
            return np.full(len(numbers), -math.inf)
        return np.asarray((falls / np.maximum(most, np.median(most))).mean(axis=1))

    def is_good(self, number: int, share: float) -> bool:
        """Return whether the first run has, at this rate, at least this share of its best fall so far."""
        numbers = list(self.ends)
        shares = self.shares(numbers, 1)
        return bool(shares[numbers.index(number)] >= share * shares.max() > 0)

    @property
    def falls(self) -> bool:
        """Whether any rate has lowered the first run's loss."""
        return bool(self.shares(list(self.ends), 1).max() > 0)

    def falls_in_all(self, number: int) -> bool:
        """Return whether the losses fall on average at a rate at which all runs were made."""
        return bool(self.shares([number], RUNS).max() > 0)


def _starts(model: Sequential, seeds: list[int]) -> list[Sequential]:
    """Return the model and, if it has the initial weights of its seed, others with initial weights of their own."""
    own = model if model.seed is None else Sequential(*model.layers, seed=model.seed, dtype=model.dtype)
    if own is model or not np.array_equal(own.params, model.params):
        return [model] * len(seeds)
    return [*(Sequential(*model.layers, seed=seed, dtype=model.dtype) for seed in seeds[:-1]), model]


def _rows(X: NDArray[Any], most: int, seeds: list[int]) -> list[slice | NDArray[np.int64]]:
    """Return each run's rows: all, or as many as it may use, with the largest inputs among them,
    which diverge first.
    """
    n = len(X)
    if n <= most:
        return [slice(None)] * len(seeds)
    mean = X.mean(axis=0, dtype=np.float64)
    square = np.einsum("ij,ij->j", X, X, dtype=np.float64) / n
    scale = 1 / np.maximum(square - mean**2, np.finfo(np.float32).eps * square + np.finfo(np.float32).tiny)
    size = np.einsum("ij,ij,j->i", X, X, scale, dtype=np.float64) - 2 * np.einsum("ij,j->i", X, mean * scale)
    order = np.argsort(-size, kind="stable")
    largest, others = np.split(order, [int(LARGEST * most)])
    return [
        np.concatenate([largest, np.random.default_rng(seed).permutation(others)[: most - len(largest)]])
        for seed in seeds
    ]
