"""A training step and an epoch with a loss that Python computes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .._kernels.errors import RefusedStep
from ..data.samples import Samples
from ..objective import checks as objective_checks
from .state import TrainingState

Rows = slice | NDArray[np.int64]

KEY_STRIDE = 2 * 0x9E3779B97F4A7C15
"""Distance between the dropout keys of a step's batches. It is even and keys are odd, so none becomes 0, which would
switch dropout off."""


def custom_step(
    state: TrainingState,
    data: Samples,
    batches: Sequence[Rows],
    counts: bool = False,
    sum_to: NDArray[np.float64] | None = None,
) -> float:
    """Make one step on these rows, a batch at a time, and return their mean loss before it; `counts` says whether the
    epoch's sums include it.

    Its gradient is added to `sum_to` (n_params,) where given. Only the last line changes the training, in one call.
    """
    key, network, grads = state.run.next_key(), state.network, state.grads
    several = len(batches) > 1
    part = np.zeros_like(grads) if several else grads  # frozen layers' entries are never written
    total, seen = 0.0, 0
    if several:
        grads[:] = 0
    for i, rows in enumerate(batches):
        X = data.X[rows]
        mask = (key + i * KEY_STRIDE) % 2**64 if key else 0
        outputs = network.outputs(X, mask)[-1]
        result = state.settings.loss(outputs, data.y[rows])  # type: ignore[operator]  # a Loss does not come here
        value, delta = objective_checks.custom_result(result, outputs.shape, state.stack.dtype)
        if not np.isfinite(value):
            raise RefusedStep("loss", 0)
        network.gradient_from(X, delta, part, mask)
        if several:
            grads += len(X) * part
        total += value * len(X)
        seen += len(X)
    if several:
        grads /= seen
    mean = total / seen if several else value
    state.run.apply_gradient(counts, mean, seen, sum_to)
    return mean


def custom_epoch(
    state: TrainingState,
    data: Samples,
    order: NDArray[np.int64] | None,
    size: int,
    rates: NDArray[np.float64] | None,
    sum_to: NDArray[np.float64] | None,
) -> None:
    """Make an epoch's steps of `size` rows, in the given order (n,) and with the given rates (number of steps,)."""
    run, batch_size = state.run, state.settings.batch_size
    n = len(data.X) if order is None else len(order)
    for step, first in enumerate(range(0, n, size)):
        last = min(first + size, n)
        starts = range(first, last, batch_size)
        batches = [slice(start, min(start + batch_size, last)) for start in starts]
        if rates is not None:
            run.learning_rate = rates[step]
        try:
            rows = batches if order is None else [order[batch] for batch in batches]
            custom_step(state, data, rows, True, sum_to)
        except RefusedStep as error:
            raise RefusedStep(error.args[0], step) from None
