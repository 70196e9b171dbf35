"""Metrics of numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from .base import Metric


@final
@dataclass(frozen=True, repr=False)
class MAE(Metric):
    """Mean absolute error, over samples and outputs.

    Examples
    --------
    >>> import numpy as np
    >>> MAE()(np.array([[1.0], [2.0]]), np.array([[0.0], [4.0]]))
    1.5
    """

    name = "mae"
    formula = "mean |z - y|"
    one_output = ("real",)
    several_outputs = ("real",)
    greater_is_better = False

    def __call__(self, outputs: NDArray[Any], y: NDArray[Any], sample_weight: NDArray[Any] | None = None) -> float:
        errors = np.abs(outputs.astype(np.float64) - y.reshape(outputs.shape))
        return float(np.average(errors.mean(axis=1), weights=sample_weight))


@final
@dataclass(frozen=True, repr=False)
class R2(Metric):
    """Share of the targets' variance that is explained, averaged over outputs; 0 for an output that is the mean.

    A constant target counts as 1 where it is met exactly, else as 0, as in scikit-learn.

    Examples
    --------
    >>> import numpy as np
    >>> R2()(np.array([[1.0], [1.0]]), np.array([[0.0], [2.0]]))
    0.0
    """

    name = "r2"
    formula = "1 - sum (z - y)^2 / sum (y - mean y)^2"
    one_output = ("real",)
    several_outputs = ("real",)
    greater_is_better = True

    def __call__(self, outputs: NDArray[Any], y: NDArray[Any], sample_weight: NDArray[Any] | None = None) -> float:
        y = y.reshape(outputs.shape).astype(np.float64)
        weight = np.ones(len(y)) if sample_weight is None else sample_weight.astype(np.float64)
        left = weight @ (y - outputs) ** 2
        total = weight @ (y - np.average(y, axis=0, weights=weight)) ** 2
        varies = total > 0
        scores = np.where(varies, 1 - left / np.where(varies, total, 1), left == 0)
        return float(scores.mean())
