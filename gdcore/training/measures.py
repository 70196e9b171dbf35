"""What a fit measures at the end of an epoch beside its losses."""

from __future__ import annotations

from collections.abc import Mapping
from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..batches import Samples
from ..metrics import Metric
from ..models.sequential import Sequential
from .epoch_end import Monitors, norm


def monitors_of(metrics: Mapping[str, Metric], data: Samples, validation: Samples | None) -> Monitors:
    """What a criterion may watch: losses and metrics, of the training data and of the validation data where given."""
    known: dict[str, bool | str | None] = {}
    for prefix, samples in (("", data), ("val_", validation)):
        if samples is not None:
            known[f"{prefix}loss"] = False
            for name, metric in metrics.items():
                reason = metric.undefined(targets_of(samples), samples.sample_weight)
                known[prefix + name] = metric.greater_is_better if reason is None else reason
    return known


def targets_of(data: Samples) -> NDArray[Any]:
    """What metrics compare with: labels or targets, those of a custom loss as they came."""
    y: NDArray[Any] = data.y if data.target is None else data.target
    return y if data.labels is None else data.labels


def layer_norms(model: Sequential, gradient: NDArray[Any]) -> dict[str, float]:
    """Norm of each layer's part ("dense0", …) of a gradient (n_params,)."""
    parts: dict[str, list[float]] = {}
    for name, view in model.parameters(gradient):
        parts.setdefault(name.partition(".")[0], []).append(norm(view))
    return {layer: norm(np.array(norms)) for layer, norms in parts.items()}


def weight_norm(model: Sequential) -> float:
    """Norm of all weights, biases left out."""
    return norm(np.array([norm(view) for name, view in model.parameters() if name.endswith("weight")]))


def update_ratio(before: NDArray[Any], params: NDArray[Any]) -> float:
    """Norm of what was added to the parameters, over their norm before; NaN where that is 0."""
    size = norm(before)
    return norm(params - before) / size if size else nan
