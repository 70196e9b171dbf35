"""Probabilities from raw outputs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..base.calls import explains_calls
from . import checks as losses_checks


@explains_calls
def softmax(outputs: ArrayLike, axis: int = -1) -> NDArray[Any]:
    """Return exp(outputs) / sum exp(outputs) along an axis, computed without overflow.

    Parameters
    ----------
    outputs : array_like
        Logits: what a model trained with cross_entropy predicts. -inf is a probability of 0; integers are taken as
        float64.
    axis : int, default -1
        Along which the probabilities sum to 1.

    Returns
    -------
    ndarray
        Of the outputs' shape and precision. NaN where an output along the axis is NaN or +inf, or all are -inf.

    Raises
    ------
    TypeError, ValueError
        For what are not real numbers, and an axis that is not there or has no entries.

    Examples
    --------
    >>> softmax([[0.0, 0.0], [1000.0, 0.0]])
    array([[0.5, 0.5],
           [1. , 0. ]])
    """
    z = losses_checks.logits(outputs, axis)
    with np.errstate(invalid="ignore"):
        powers = np.exp(z - z.max(axis=axis, keepdims=True))
    probabilities: NDArray[Any] = powers / powers.sum(axis=axis, keepdims=True)
    return probabilities


def sigmoid(outputs: NDArray[Any]) -> NDArray[Any]:
    """Return 1 / (1 + exp(-outputs)), computed without overflow, in the outputs' precision.

    Examples
    --------
    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    power = np.exp(-np.abs(outputs))
    probabilities: NDArray[Any] = np.where(outputs >= 0, 1, power) / (1 + power)
    return probabilities
