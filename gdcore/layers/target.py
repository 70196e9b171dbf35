"""A last layer that restores the units of the targets, fitted from them.

Design
------
- Losses and gradients are those of standardized targets and outputs: a model with this layer trains bit for bit like
  one without it on (y - mean) / std, whatever the loss, the optimizer and its rate, penalties and clipping. Learning
  rates and penalties then mean the same for targets of any size, and float32 keeps the digits of a target far from 0.
- So the kernels know nothing of it. Targets are standardized, in float64, where samples are checked; `predict` brings
  the outputs back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..base import checks
from ..base.calls import explains_calls
from ..base.record import Record
from . import checks as layers_checks
from .scaling import Standardize


@final
@dataclass(frozen=True, repr=False)
class ScaledTarget(Record):
    """The last layer of a model whose targets are not of size 1: outputs become mean + std * output.

    The model is trained on (y - mean) / std, and `predict` returns values in the units of y. Losses are those of
    standardized targets: mean_squared_error is in units of std^2, so that predicting the mean has loss 1;
    mean_absolute_error and the delta of `Huber` are in units of std. Metrics are in the units of y.

    Parameters
    ----------
    mean, std : tuple of float
        One of each per output, each std > 0; `from_data` measures them.

    Raises
    ------
    TypeError, ValueError
        If an argument is not a tuple of finite numbers, lengths differ, or a std is not > 0.

    Notes
    -----
    It needs a loss of real targets. A custom loss receives standardized outputs and targets.

    Examples
    --------
    >>> import gdcore as gd
    >>> X, price = [[0.0], [1.0], [2.0]], [100_000.0, 300_000.0, 500_000.0]
    >>> net = gd.Sequential(gd.Dense(1, 1), gd.ScaledTarget.from_data(price), seed=0, dtype="float64")
    >>> history = net.fit(X, price, "mse", optimizer=gd.SGD(0.1), epochs=1000)
    >>> net.predict([[1.5]]).round(3)
    array([[400000.]])
    """

    name = "scaled_target"
    labelled = ("mean", "std")

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        layers_checks.mean_and_std(self.mean, self.std)

    @classmethod
    @explains_calls
    def from_data(cls, y: ArrayLike) -> ScaledTarget:
        """Return the layer with the mean and standard deviation (divided by n, not n - 1) of each output's targets.

        Parameters
        ----------
        y : array_like, shape (n,) or (n, out_features)
            The training targets; a constant one gets std 1.
        """
        found = Standardize.from_data(layers_checks.target_columns(y))
        return cls(found.mean, found.std)

    @property
    def in_features(self) -> int:
        """Number of the model's outputs."""
        return len(self.mean)

    def standardized(self, y: Any) -> NDArray[np.float64]:
        """Return targets (n, out_features), or (n,) for one output, as (y - mean) / std; other shapes are unchanged."""
        array = checks.numbers_array("y", y, "float64")
        k = len(self.mean)
        if array.shape[1:] != (k,) and (k > 1 or array.ndim != 1):
            return array  # its shape is refused with the other samples
        scaled: NDArray[np.float64] = (array.reshape(-1, k) - np.array(self.mean)) / np.array(self.std)
        return scaled.reshape(array.shape)

    def restored(self, outputs: NDArray[Any]) -> NDArray[Any]:
        """Return numbers (n, out_features), or (n,) for one output, in the units of y and in their own precision."""
        own: NDArray[Any] = outputs.reshape(-1, len(self.mean)) * np.array(self.std) + np.array(self.mean)
        with np.errstate(over="ignore"):
            return own.reshape(outputs.shape).astype(outputs.dtype)
