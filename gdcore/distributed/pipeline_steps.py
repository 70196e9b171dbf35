"""The steps of a pipeline: what its stages do for each batch, and what they agree on.

Design
------
- Stages agree twice in a step: about losses and the gradient's norm, and about an update that may overflow. So a step
  that is not finite changes nothing on any of them.
- A fit is the one of training/fit.py, whose steps are made here. Between steps its ranks meet (group.py); while they
  wait for one another's messages, a rank that fails ends the job.
"""

from __future__ import annotations

import time
from itertools import pairwise
from math import fsum
from typing import Any, NamedTuple, NoReturn, final

import numpy as np
from numpy.typing import NDArray

from ..base.memory import aligned_zeros
from ..data.samples import Samples
from ..layers.stack import Stack
from ..training.fingerprint import quick_checksum
from ..training.state import TrainingState
from . import pipeline_checks
from .group import MEASURE, STEP, Group
from .pipeline_stage import StageWork, Told, mean_loss
from .reduction import Reduction

MOST = 2**20
"""Largest number of micro-batches."""


class Place(NamedTuple):
    """Where a process stands."""

    stage: int
    stages: int
    copy: int
    copies: int


@final
class PipelineSteps:
    """Makes the steps of a pipeline, in place of the kernels' own loop.

    Parameters
    ----------
    state : TrainingState
        Of this stage.
    gate : Stack
        Has the inputs and outputs of the whole model.
    place : Place
    groups : (Group, Group)
        All processes, and those with this stage.
    work : StageWork
    parts : (int, int)
        Micro-batches and shards.
    """

    def __init__(
        self,
        state: TrainingState,
        gate: Stack,
        place: Place,
        groups: tuple[Group, Group],
        work: StageWork,
        parts: tuple[int, int],
    ) -> None:
        self.state, self.gate, self.place, self.work = state, gate, place, work
        self.group, self.column = groups
        self.micro_batches, self.pieces = parts
        self.shards = self.pieces * (MOST + 1) + self.micro_batches  # one number, for checkpoints
        n, dtype = state.stack.n_params, state.stack.dtype
        self.sum = Reduction(self.column, self.pieces, n, dtype, "tree")
        alone = self.pieces == 1 or place.copies > 1  # else the shards' sum stands beside the last one's gradient
        self.total = state.grads if alone else aligned_zeros(n, dtype)
        self.mean_weight: tuple[NDArray[Any] | None, float] = None, 1.0

    def clock(self) -> float:
        """Return rank 0's time in seconds, after a check that all ranks are as far and have the same rate."""
        state = self.state
        return self.group.clock(quick_checksum(np.array([state.learning_rate, state.steps_done])))

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
        n = len(data.X) if order is None else len(order)
        mean = 1.0 if weights is None else self._mean_of(weights)
        for step, first in enumerate(range(0, n, size)):
            end = min(first + size, n)
            batch = data.rows(first, end) if order is None else data.taken(order[first:end])
            if batch.weight is not None:
                batch = batch._replace(weight=(batch.weight / mean).astype(batch.weight.dtype, copy=False))
            if rates is not None:
                self.state.run.learning_rate = rates[step]
            self.step(batch)

    def stream(self, *_: Any) -> NoReturn:
        """Refuse data that are not in memory."""
        raise pipeline_checks.stream()

    def _mean_of(self, weights: NDArray[Any]) -> float:
        """Return the mean weight of all data, which is computed once for each array."""
        known, mean = self.mean_weight
        if known is not weights:
            mean = fsum(weights) / len(weights)
            self.mean_weight = weights, mean
        return mean

    def outputs(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return the outputs (n, out_features) of rows X on every rank, in the units of the last dense layer."""
        found = np.empty((len(X), self.gate.out_features), self.gate.dtype)
        self._meets(MEASURE, "outputs")
        self.work.predict(X, found)
        self._met()
        return found

    def gather(self, whole: NDArray[Any] | None) -> None:
        """Write the parameters of all stages, in order, into those of the whole model on rank 0."""
        self._meets(MEASURE, "parameters")
        if self.place.copy == 0:
            self.work.gather(self.state.stack.params, whole)
        self._met()

    def _meets(self, call: int, what: str) -> None:
        """Meet the others; from here on they wait for one another in other ways."""
        self.group.meet(call)
        self.group.meets_next = False
        self.group.wait(what)

    def _met(self) -> None:
        """Note that the next exchange is a meeting again."""
        self.group.go_on()
        self.group.meets_next = True

    def step(self, data: Samples) -> float:
        """Make one step on these rows, and return their mean loss.

        Raises
        ------
        DivergedError
            On every rank; then nothing has changed.
        """
        self._meets(STEP, "a step of the pipeline")
        began, state, n, m = time.perf_counter(), self.state, data.n, self.micro_batches
        ends = [n * i // m for i in range(m + 1)]
        sums, weights = [], []

        def leaf(shard: int, grads: NDArray[Any]) -> None:
            first, last = m * shard // self.pieces, m * (shard + 1) // self.pieces
            parts = [(a, b) for a, b in pairwise(ends[first : last + 1]) if a < b]
            total, weight = self.work.gradient(data, parts)
            sums.append(total)
            weights.append(weight)
            if not parts:
                state.grads[:] = 0
            if grads is not state.grads:
                grads[:] = state.grads

        self.sum.sum_own(leaf, self.total)
        self.sum.exchange(self.total)
        if self.total is not state.grads:
            state.grads[:] = self.total
        squares = self.work.penalized(state.settings.clip_value is not None)
        waits = time.perf_counter()
        told: list[Told] = self._tell((self.place.stage, self.place.copy, sums, max(weights), squares))
        ended = time.perf_counter()
        self.work.waited += ended - waits
        self.work.seconds += ended - began
        loss, weight = mean_loss([t for t in told if t[0] == self.place.stages - 1])
        norms = [float(np.sqrt(sum(value for t in told if t[1] == 0 for value in t[4][i]))) for i in (0, 1)]
        if not np.isfinite(loss) or not np.isfinite(norms[0]):
            self._refuses("the loss" if not np.isfinite(loss) else "the gradient's norm")
        kernel = self.work.kernel
        risky = any(self._tell(kernel.risk(*norms)))
        finite = kernel.update(risky)
        good = all(self._tell(finite)) if risky else True
        kernel.settle(good, loss, weight)
        if not good:
            self._refuses("the updated parameters")
        self._met()
        return loss

    def _tell(self, own: Any) -> list[Any]:
        """Return what every rank tells within a step."""
        comm = self.group.comm
        return [own] if comm is None else comm.allgather(own)

    def _refuses(self, quantity: str) -> NoReturn:
        """Raise the error for a step that was not made, on every rank."""
        self._met()
        raise pipeline_checks.diverged(self.state, quantity)
