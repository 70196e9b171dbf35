"""Losses, metrics and gradients of data that are in memory or a stream that is read block by block.

Design
------
- A mean over a stream is the mean of its blocks' means, weighted by their rows or weights, in float64. It differs from
  the mean over arrays by roundoff.
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
    total = sum_of_weights = 0.0
    with closing(data.blocks()) as blocks:
        for block in blocks:
            weight = _weight(block)
            if weight:
                total += Objective(stack, block, loss).mean_loss() * weight
            sum_of_weights += weight
    return total / sum_of_weights


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
    weights: list[NDArray[Any]] = []
    with closing(data.blocks()) as blocks:
        for block in blocks:
            outputs.append(stack.predict(block.X))
            targets.append(np.array(own_targets(stack, block)))
            if block.sample_weight is not None:
                weights.append(block.sample_weight)
    all_outputs, all_targets = np.concatenate(outputs), np.concatenate(targets)
    all_weights = np.concatenate(weights) if weights else None
    return {prefix + name: metric(all_outputs, all_targets, all_weights) for name, metric in metrics.items()}


def write_gradient(objective: Callable[[Samples], Objective], data: Samples | Stream, grad: NDArray[Any]) -> None:
    """Write the gradient of the objective of these data into `grad` (n_params,)."""
    if isinstance(data, Samples):
        objective(data).write_gradient(grad)
        return
    total = np.zeros(len(grad))
    sum_of_weights = 0.0
    with closing(data.blocks()) as blocks:
        for block in blocks:
            weight = _weight(block)
            if weight:
                objective(block).write_gradient(grad)
                total += grad * np.float64(weight)
            sum_of_weights += weight
    grad[:] = total / sum_of_weights


def _weight(block: Samples) -> float:
    """Return the sum of the weights of a block, by default its number of rows."""
    return float(block.n) if block.weight is None else float(block.weight.sum(dtype=np.float64))
