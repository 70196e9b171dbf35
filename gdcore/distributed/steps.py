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

    weight: float
    """Of the mean loss."""
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
    """

    def __init__(self, state: TrainingState, group: Group, shards: int, reduce: str) -> None:
        self.state, self.group, self.shards = state, group, shards
        self.reduction = Reduction(group, shards, state.stack.n_params, state.stack.dtype, reduce)
        self.held = [leaves_of(rank, group.size, shards) for rank in range(group.size)]
        loss = state.settings.loss
        self.loss = loss if isinstance(loss, Loss) else None
        self.outputs = 1 if self.loss is None or self.loss.whole_rows else state.stack.out_features
        self.step_part = load(state.stack.dtype).step_part
        self.losses = [0.0] * shards
        self.mean_weight: tuple[NDArray[Any] | None, float] = None, 0.0

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
        mean_weight = None if weights is None else self._mean_of(weights)
        for step, first in enumerate(range(0, n, size)):
            end = min(first + size, n)
            rows = np.arange(first, end) if order is None else order[first:end]
            if rates is not None:
                run.learning_rate = rates[step]
            whole = weights is not None and len(weights) == end - first
            divisors = self._divisors(data, rows, None if whole else mean_weight)
            try:
                self._step(partial(_rows_of, data, rows), len(rows), divisors, total)
            except RefusedStep as error:
                raise RefusedStep(error.args[0], step) from None

    def _mean_of(self, weights: NDArray[Any]) -> float:
        """Return the mean weight of all data, which is computed once for each array."""
        known, mean = self.mean_weight
        if known is not weights:
            mean = fsum(weights) / len(weights)
            self.mean_weight = weights, mean
        return mean

    def _divisors(self, data: Samples, rows: NDArray[np.int64], mean_weight: float | None) -> Divisors:
        """Return what a step over these rows divides by; without a mean weight of all data, that of the rows."""
        n = len(rows)
        if data.weight is None:
            weight = float(n * self.outputs)
            return Divisors(weight, 1 / weight)
        weight = fsum(data.weight[rows]) * self.outputs
        if mean_weight is None:
            return Divisors(weight, 1 / weight if weight else 0.0)
        return Divisors(weight, 1 / (n * mean_weight * self.outputs))

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
        with closing(shard_windows(state, data, self.shards, self.reduction.held, steps, extent)) as windows:
            for window in windows:
                for step in window.steps:
                    n, part = window.rows_of(step), partial(window.part, step)
                    if rates is not None:
                        state.run.learning_rate = rates[step - steps.start]
                    try:
                        loss = self._step(part, n, self._stream_divisors(data, part, n), total)
                    except RefusedStep as error:
                        raise window.explain(state, data, step, error.args[0]) from None
                    if losses is not None:
                        losses.append(loss)

    def _stream_divisors(self, data: Stream, part: PartOf, n: int) -> Divisors:
        """Return what a step over n rows of a stream divides by; the ranks tell one another their weights."""
        if data.mean_weight is None:
            weight = float(n * self.outputs)
            return Divisors(weight, 1 / weight)
        weights = [0.0] * self.shards
        for shard in range(*self.held[self.group.rank]):
            first, end = n * shard // self.shards, n * (shard + 1) // self.shards
            if first < end:
                samples, rows = part(shard, first, end)
                assert samples.weight is not None  # as all rows have weights
                weights[shard] = fsum(samples.weight[rows])
        return Divisors(self._sum_of_shards(weights) * self.outputs, 1 / (n * data.mean_weight * self.outputs))

    def _step(self, part: PartOf, n: int, divisors: Divisors, total: NDArray[np.float64] | None) -> float:
        """Make a step of n rows, and return its mean loss."""
        state, run = self.state, self.state.run
        key = 0 if self.loss is not None else run.next_key()

        def leaf(shard: int, grads: NDArray[Any]) -> None:
            first, end = n * shard // self.shards, n * (shard + 1) // self.shards
            if first == end:
                grads[:], self.losses[shard] = 0, 0.0
                return
            data, rows = part(shard, first, end)
            if self.loss is not None:
                given: tuple[Any, ...] = (data.X, data.target, data.labels, data.weight)
                visits: NDArray[np.int64] | None = rows
                if isinstance(data.X, SparseRows):  # whose entries the kernels would check, all of them
                    given, visits = tuple(None if array is None else array[rows] for array in given), None
                self.losses[shard] = self.step_part(run, given, visits, first, divisors.factor, grads)
            else:
                self.losses[shard] = self._custom(data, rows, first, n, key, grads)

        self.reduction.sum_own(leaf, state.grads)
        loss = self._mean_loss(divisors)
        if not isfinite(loss):
            self.group.meets_next = True  # on every rank
            raise RefusedStep("loss", 0)
        self.reduction.exchange(state.grads)
        run.apply_gradient(True, loss, divisors.weight, total)
        return loss

    def _mean_loss(self, divisors: Divisors) -> float:
        """Return the mean loss of all shards."""
        value = self._sum_of_shards(self.losses)
        return value / divisors.weight if divisors.weight else 0.0

    def _sum_of_shards(self, values: list[float]) -> float:
        """Return the sum of the values of all shards, of which each rank knows its own, summed in the tree."""
        first, end = self.held[self.group.rank]
        found = self.group.meet(STEP, values[first:end])
        known = {
            (first + i, first + i + 1): float(value)
            for (first, end), row in zip(self.held, found, strict=True)
            for i, value in enumerate(row[: end - first])
        }
        return summed(known, (0, self.shards), float.__add__)

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
