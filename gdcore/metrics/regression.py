"""Metrics for numbers."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
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
    """Share of the targets' variance that is explained, averaged over outputs; 0 for an output that predicts the mean.

    A constant target counts as 1 where it is met exactly, else as 0, and of a single sample R2 is NaN, both as in
    scikit-learn; samples of weight 0 are none. A criterion may watch neither: a fit that asks for it is refused.

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
        if np.count_nonzero(weight) < 2:
            return nan
        left = weight @ (y - outputs) ** 2
        total = weight @ (y - np.average(y, axis=0, weights=weight)) ** 2
        varies = (y != y[weight > 0][0])[weight > 0].any(axis=0) & (total > 0)
        scores = np.where(varies, 1 - left / np.where(varies, total, 1), left == 0)
        return float(scores.mean())

    def undefined(self, y: NDArray[Any], sample_weight: NDArray[Any] | None) -> str | None:
        counted = y if sample_weight is None else y[sample_weight > 0]
        if len(counted) < 2:
            return "R2 of one sample is undefined"
        return "the targets are constant" if (counted == counted[0]).all() else None
