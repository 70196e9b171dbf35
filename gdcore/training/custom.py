"""A step and an epoch with a loss that Python computes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .. import checks
from ..batches import Samples
from ..errors import RefusedStep

if TYPE_CHECKING:
    from .trainer import Trainer


def custom_batch(trainer: Trainer, data: Samples, rows: slice | NDArray[np.int64]) -> float:
    """One step on these rows -> their loss before the update."""
    X = np.ascontiguousarray(data.X[rows])
    key = trainer._next_dropout_key()
    outputs = trainer._network.outputs(X, key)[-1]
    result = trainer.loss(outputs, data.y[rows])  # type: ignore[operator]  # a Loss does not come here
    value, delta = checks.custom_result(result, outputs.shape, trainer.model.dtype)
    if not np.isfinite(value):
        raise RefusedStep("loss", 0)
    trainer._network.gradient_from(X, delta, trainer._grads, key)
    trainer._run.apply_gradient()
    return value


def custom_epoch(
    trainer: Trainer,
    data: Samples,
    order: NDArray[np.int64] | None,
    batch: int,
    rates: NDArray[np.float64] | None,
) -> float:
    """One pass in mini-batches of so many rows, in order (n,) and with rates (number of batches,) where given."""
    n = len(data.X)
    total, seen = 0.0, 0
    for first in range(0, n - n % batch if trainer.drop_last else n, batch):
        last = min(first + batch, n)
        if rates is not None:
            trainer._run.learning_rate = rates[first // batch]
        try:
            value = custom_batch(trainer, data, slice(first, last) if order is None else order[first:last])
        except RefusedStep as error:
            raise RefusedStep(error.args[0], first // batch) from None
        total += value * (last - first)
        seen += last - first
    return total / seen
