"""Losses, metrics and gradients of data that are in memory or a stream that is read block by block.

Design
------
- A mean over a stream is the mean of its blocks' means, weighted by their rows, in float64. It differs from the mean
  over arrays by roundoff.
- A metric is a function of all outputs. Those of a stream are kept, with its targets: few numbers a row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..data.samples import Samples, own_targets
from ..layers.stack import Stack
from ..losses import CustomLoss, Loss
from ..metrics import Metric
from .objective import Objective
from .outputs import measure

if TYPE_CHECKING:
    from ..data.stream import Stream


def mean_loss(stack: Stack, data: Samples | Stream, loss: Loss | CustomLoss) -> float:
    """Return the mean loss without penalties."""
    if isinstance(data, Samples):
        return Objective(stack, data, loss).mean_loss()
    total = 0.0
    with closing(data.blocks()) as blocks:
        for block in blocks:
            total += Objective(stack, block, loss).mean_loss() * block.n
    return total / data.n


def metrics_of(
    stack: Stack, data: Samples | Stream, metrics: Mapping[str, Metric], prefix: str = ""
) -> dict[str, float]:
    """Return the metrics of the predictions, in the targets' own units."""
    if isinstance(data, Samples):
        return measure(stack, data, metrics, prefix)
    if not metrics:
        return {}
    outputs: list[NDArray[Any]] = []
    targets: list[NDArray[Any]] = []
    with closing(data.blocks()) as blocks:
        for block in blocks:
            outputs.append(stack.predict(block.X))
            targets.append(np.array(own_targets(stack, block)))
    all_outputs, all_targets = np.concatenate(outputs), np.concatenate(targets)
    return {prefix + name: metric(all_outputs, all_targets, None) for name, metric in metrics.items()}


def write_gradient(objective: Callable[[Samples], Objective], data: Samples | Stream, grad: NDArray[Any]) -> None:
    """Write the gradient of the objective of these data into `grad` (n_params,)."""
    if isinstance(data, Samples):
        objective(data).write_gradient(grad)
        return
    total = np.zeros(len(grad))
    with closing(data.blocks()) as blocks:
        for block in blocks:
            objective(block).write_gradient(grad)
            total += grad * np.float64(block.n / data.n)
    grad[:] = total
