"""What a fit measures at the end of an epoch beside its losses."""

from __future__ import annotations

from collections.abc import Mapping
from math import nan
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..data.samples import Samples
from ..layers.stack import Stack
from ..metrics import Metric
from ..objective.penalties import least_subgradient
from ..objective.streamed import write_gradient
from .epoch_end import Monitors, norm
from .state import TrainingState

if TYPE_CHECKING:
    from ..data.stream import Data


def monitors_of(metrics: Mapping[str, Metric], data: Data, validation: Data | None) -> Monitors:
    """Return what a criterion may watch: losses and metrics of the training data and, if given, the validation data."""
    known: dict[str, bool | str | None] = {}
    for prefix, samples in (("", data), ("val_", validation)):
        if samples is not None:
            known[f"{prefix}loss"] = False
            for name, metric in metrics.items():
                reason = None  # what holds of a stream's targets is not known before they are read
                if isinstance(samples, Samples):
                    reason = metric.undefined(samples.targets, samples.sample_weight)
                known[prefix + name] = metric.greater_is_better if reason is None else reason
    return known


def gradient_norms(stack: Stack, gradient: NDArray[Any]) -> dict[str, float]:
    """Return the norm of each layer's part ("dense0", …) of a gradient (n_params,)."""
    parts: dict[str, list[float]] = {}
    for block, view in stack.views(gradient):
        parts.setdefault(block.layer, []).append(norm(view))
    return {layer: norm(np.array(norms)) for layer, norms in parts.items()}


def weight_norm(stack: Stack) -> float:
    """Return the norm of all weights, without biases."""
    return norm(np.array([norm(view) for block, view in stack.views() if block.is_weight]))


def update_ratio(before: NDArray[Any], params: NDArray[Any]) -> float:
    """Return the norm of the parameters' change over their norm before; NaN if that is 0."""
    size = norm(before)
    return norm(params - before) / size if size else nan


def full_gradient(state: TrainingState, data: Data) -> NDArray[np.floating]:
    """Return the gradient that training follows, (n_params,): all data, no dropout, with penalties, 0 in frozen layers.

    For a weight that is 0 under an l1 penalty it is the subgradient of least size.
    """
    grad = np.zeros_like(state.grads)
    write_gradient(state.objective, data, grad)
    least_subgradient(state.stack.params, grad, state.objective(data.head).penalties()[0])
    for block, view in state.stack.views(grad):
        if state.settings.rate_of(block.layer) == 0:
            view[...] = 0
    return grad
