"""Steps whose rows are cut into shards: a rank computes its own, and all make the same update.

Design
------
- The rows of a step, of all batches that it accumulates, are cut evenly: shard k of K has rows nk/K … n(k + 1)/K - 1. A
  shard may be empty. Rows keep the dropout masks of their places in the step.
- The losses are exchanged first: so a step whose loss is not finite, or whose rows one rank could not read, ends on
  every rank before the gradients are moved.
- The divisors of loss and gradient are those of the whole step, as in one process (src/network/rows.pxi).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from functools import partial
from math import fsum, isfinite
from typing import TYPE_CHECKING, Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from .._kernels import load
from .._kernels.errors import RefusedStep
from .._kernels.sparse_rows import SparseRows
from ..data.samples import Samples
from ..losses import Loss
from ..objective import checks as objective_checks
from ..training.fingerprint import quick_checksum
from ..training.state import TrainingState
from .group import STEP, Group
from .reduction import Reduction
from .streamed import shard_windows
from .tree import leaves_of, summed

if TYPE_CHECKING:
    from ..data.stream import Stream


PartOf = Callable[[int, int, int], tuple[Samples, NDArray[np.int64]]]
"""(shard, its first row in the step, its end) -> samples, and which of them are the shard's rows."""


class Divisors(NamedTuple):
    """What a step's sums are divided by."""

    weight: float | None
    """Of the mean loss; None: the sum of the rows' weights, which the ranks tell one another with their losses."""
    factor: float
    """Of the gradient: what it is multiplied by."""


@final
class SharedSteps:
    """Makes the steps of one fit, in place of the kernels' own loop.

    Parameters
    ----------
    state : TrainingState
    group : Group
    shards : int
    reduce : {"tree", "mpi"}
    mean_weight : float, optional
        What the weights of a stream count relative to; by default their mean.
    """

    def __init__(
        self, state: TrainingState, group: Group, shards: int, reduce: str, mean_weight: float | None = None
    ) -> None:
        self.state, self.group, self.shards = state, group, shards
        self.reduction = Reduction(group, shards, state.stack.n_params, state.stack.dtype, reduce)
        self.held = [leaves_of(rank, group.size, shards) for rank in range(group.size)]
        loss = state.settings.loss
        self.loss = loss if isinstance(loss, Loss) else None
        self.outputs = 1 if self.loss is None or self.loss.whole_rows else state.stack.out_features
        self.step_part = load(state.stack.dtype).step_part
        self.losses, self.weights = [0.0] * shards, [0.0] * shards
        self.mean_weight = mean_weight
        self.all_weights: tuple[NDArray[Any] | None, float] = None, 0.0

    def clock(self) -> float:
        """Return rank 0's time in seconds, after a check that all ranks still have the same parameters."""
        return self.group.clock(self._parameters())

    def _parameters(self) -> int:
        """Return a checksum of the parameters and the rate; 0 if ranks need not agree to the bit."""
        state = self.state
        if self.group.size == 1 or self.reduction.by_mpi:
            return 0
        return quick_checksum(state.stack.own_params(writes=False), np.array([state.learning_rate]))

    def steps(
        self,
        data: Samples,
        order: NDArray[np.int64] | None,
        size: int,
        rates: NDArray[np.float64] | None,
        weights: NDArray[Any] | None,
        total: NDArray[np.float64] | None,
    ) -> None:
        """Make the steps of `size` rows each, as `Training.epoch` does."""
        run = self.state.run
        n = len(data.X) if order is None else len(order)
        mean_weight = None if weights is None else self._sum_of(weights) / len(weights)
        for step, first in enumerate(range(0, n, size)):
            end = min(first + size, n)
            rows = np.arange(first, end) if order is None else order[first:end]
            if rates is not None:
                run.learning_rate = rates[step]
            divisors = self._divisors(len(rows), mean_weight)
            if weights is not None and len(weights) == len(rows):  # all rows in one step
                weight = self._sum_of(weights) * self.outputs
                divisors = Divisors(weight, 1 / weight if weight else 0.0)
            try:
                self._step(partial(_rows_of, data, rows), len(rows), divisors, total)
            except RefusedStep as error:
                raise RefusedStep(error.args[0], step) from None

    def _sum_of(self, weights: NDArray[Any]) -> float:
        """Return the sum of the weights of all data, which is computed once for each array."""
        known, total = self.all_weights
        if known is not weights:
            total = fsum(weights)
            self.all_weights = weights, total
        return total

    def _divisors(self, n: int, mean_weight: float | None) -> Divisors:
        """Return what a step of n rows of weighted data divides by, or of data without weights."""
        if mean_weight is None:
            weight = float(n * self.outputs)
            return Divisors(weight, 1 / weight)
        return Divisors(None, 1 / (n * mean_weight * self.outputs))

    def stream(
        self,
        data: Stream,
        steps: range,
        extent: tuple[int, int, int],
        rates: NDArray[np.float64] | None,
        losses: list[float] | None,
        total: NDArray[np.float64] | None,
    ) -> None:
        """Make these steps of an epoch over a stream; each rank reads the rows of its shards."""
        state = self.state
        mean = data.mean_weight
        if mean is not None and self.mean_weight is not None:
            mean = self.mean_weight
        with closing(shard_windows(state, data, self.shards, self.reduction.held, steps, extent)) as windows:
            for window in windows:
                for step in window.steps:
                    n, part = window.rows_of(step), partial(window.part, step)
                    if rates is not None:
                        state.run.learning_rate = rates[step - steps.start]
                    try:
                        loss = self._step(part, n, self._divisors(n, mean), total)
                    except RefusedStep as error:
                        raise window.explain(state, data, step, error.args[0]) from None
                    if losses is not None:
                        losses.append(loss)

    def single(self, data: Samples) -> float:
        """Make one step on all of these rows, outside epochs, and return its mean loss; weights count as they are."""
        rows = np.arange(len(data.X))
        divisors = self._divisors(len(rows), None if data.weight is None else 1.0)
        return self._step(partial(_rows_of, data, rows), len(rows), divisors, None, counts=False)

    def _step(
        self,
        part: PartOf,
        n: int,
        divisors: Divisors,
        total: NDArray[np.float64] | None,
        counts: bool = True,
    ) -> float:
        """Make a step of n rows, and return its mean loss; `counts` says whether it is one of an epoch."""
        state, run = self.state, self.state.run
        key = 0 if self.loss is not None else run.next_key()

        def leaf(shard: int, grads: NDArray[Any]) -> None:
            first, end = n * shard // self.shards, n * (shard + 1) // self.shards
            if first == end:
                grads[:], self.losses[shard], self.weights[shard] = 0, 0.0, 0.0
                return
            data, rows = part(shard, first, end)
            if divisors.weight is None:
                assert data.weight is not None  # as all rows have weights
                self.weights[shard] = fsum(data.weight[rows])
            if self.loss is not None:
                given: tuple[Any, ...] = (data.X, data.target, data.labels, data.weight)
                visits: NDArray[np.int64] | None = rows
                if isinstance(data.X, SparseRows):  # whose entries the kernels would check, all of them
                    given, visits = tuple(None if array is None else array[rows] for array in given), None
                self.losses[shard] = self.step_part(run, given, visits, first, divisors.factor, grads)
            else:
                self.losses[shard] = self._custom(data, rows, first, n, key, grads)

        self.reduction.sum_own(leaf, state.grads)
        loss, weight = self._mean_loss(divisors)
        if not isfinite(loss):
            self.group.meets_next = True  # on every rank
            raise RefusedStep("loss", 0)
        self.reduction.exchange(state.grads)
        run.apply_gradient(counts, loss, weight, total)
        return loss

    def _mean_loss(self, divisors: Divisors) -> tuple[float, float]:
        """Return the mean loss of all shards, and what it was divided by."""
        if divisors.weight is None:
            value, weight = self._sums_of_shards(self.losses, self.weights)
            weight *= self.outputs
        else:
            (value,), weight = self._sums_of_shards(self.losses), divisors.weight
        return (value / weight if weight else 0.0), weight

    def _sums_of_shards(self, *columns: list[float]) -> list[float]:
        """Return the sum of each column over all shards, of which each rank knows its own, summed in the tree."""
        first, end = self.held[self.group.rank]
        found = self.group.meet(STEP, [value for column in columns for value in column[first:end]])
        sums = []
        for i in range(len(columns)):
            known: dict[tuple[int, int], float] = {}
            for (first, end), row in zip(self.held, found, strict=True):
                at = i * (end - first)
                for shard in range(first, end):
                    known[shard, shard + 1] = float(row[at + shard - first])
            sums.append(summed(known, (0, self.shards), float.__add__))
        return sums

    def _custom(
        self, data: Samples, rows: NDArray[np.int64], place: int, n: int, key: int, grads: NDArray[Any]
    ) -> float:
        """Do what a leaf does with a loss that Python computes, called once for the shard; return its share."""
        state, network = self.state, self.state.network
        X = data.X[rows]
        outputs = network.outputs(X, key, place)[-1]
        result = state.settings.loss(outputs, data.y[rows])  # type: ignore[operator]  # a Loss does not come here
        value, delta = objective_checks.custom_result(result, outputs.shape, state.stack.dtype)
        network.gradient_from(X, delta * delta.dtype.type(len(rows) / n), grads, key, place)
        return float(value) * len(rows)


def _rows_of(
    data: Samples, rows: NDArray[np.int64], shard: int, first: int, end: int
) -> tuple[Samples, NDArray[np.int64]]:
    """Return samples in memory, and which of them are rows first … end - 1 of a step over these rows."""
    return data, rows[first:end]
