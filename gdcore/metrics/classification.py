"""Metrics for classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from ..base import checks
from .base import Metric


def mean(hits: NDArray[Any], sample_weight: NDArray[Any] | None) -> float:
    """Return the (weighted) mean over samples, in float64."""
    return float(np.average(hits.astype(np.float64), weights=sample_weight))


@final
@dataclass(frozen=True, repr=False)
class Accuracy(Metric):
    """Share of samples whose class is right: that of the largest output, or whether a single output is above 0.

    Where targets are rows of numbers, the class is that of the largest; a single target is the second class above 1/2.

    Examples
    --------
    >>> import numpy as np
    >>> Accuracy()(np.array([[2.0, 1.0], [0.0, 3.0]]), np.array([0, 0]))
    0.5
    """

    name = "accuracy"
    formula = "argmax z = c"
    one_output = ("unit", "sign")
    several_outputs = ("class", "real")
    greater_is_better = True

    def __call__(self, outputs: NDArray[Any], y: NDArray[Any], sample_weight: NDArray[Any] | None = None) -> float:
        if outputs.shape[1] == 1:
            return mean((outputs[:, 0] > 0) == (y.reshape(len(outputs)) > 0.5), sample_weight)
        return mean(outputs.argmax(axis=1) == (y if y.ndim == 1 else y.argmax(axis=1)), sample_weight)


@final
@dataclass(frozen=True, repr=False)
class BinaryAccuracy(Metric):
    """Share of right answers if each output is a binary question of its own: output above 0, target above 1/2.

    Examples
    --------
    >>> import numpy as np
    >>> BinaryAccuracy()(np.array([[2.0, -1.0], [0.5, 3.0]]), np.array([[1, 0], [0, 1]]))
    0.75
    """

    name = "binary_accuracy"
    formula = "(z > 0) = (y > 1/2)"
    one_output = ("unit", "sign")
    several_outputs = ("unit", "sign")
    greater_is_better = True

    def __call__(self, outputs: NDArray[Any], y: NDArray[Any], sample_weight: NDArray[Any] | None = None) -> float:
        return mean(((outputs > 0) == (y.reshape(outputs.shape) > 0.5)).mean(axis=1), sample_weight)


@final
@dataclass(frozen=True, repr=False)
class TopK(Metric):
    """Share of samples whose class is among the `k` largest outputs.

    Among equal outputs the later class counts as larger, as in scikit-learn's `top_k_accuracy_score`.

    Parameters
    ----------
    k : int, default 5
        Below the number of outputs.

    Examples
    --------
    >>> import numpy as np
    >>> TopK(2)(np.array([[3.0, 2.0, 1.0], [3.0, 2.0, 1.0]]), np.array([1, 2]))
    0.5
    """

    name = "top_k"
    formula = "c among the k largest z"
    one_output = ()
    several_outputs = ("class", "real")
    greater_is_better = True

    k: int = 5

    def __post_init__(self) -> None:
        checks.integer("k", self.k, 1)

    def label(self) -> str:
        return f"top_{self.k}"

    def check_fit(self, target: str | None, n_out: int, loss: str) -> None:
        super().check_fit(target, n_out, loss)
        checks.integer(f"k of {self!r} for a model with {n_out} outputs", self.k, 1, n_out - 1)

    def __call__(self, outputs: NDArray[Any], y: NDArray[Any], sample_weight: NDArray[Any] | None = None) -> float:
        classes = y if y.ndim == 1 else y.argmax(axis=1)
        own = outputs[np.arange(len(outputs)), classes][:, None]
        later = np.arange(outputs.shape[1]) > classes[:, None]
        before = (outputs > own) | ((outputs == own) & later)
        return mean(before.sum(axis=1) < self.k, sample_weight)
