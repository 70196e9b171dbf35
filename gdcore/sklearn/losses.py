"""Losses of scikit-learn's `SGD*` that gdcore's kernels do not have, computed in NumPy.

Design
------
A loss in Python sees outputs (n, k) and whatever `y` was passed. Here `y` has the targets in its first k columns and,
if there is one more, the samples' weights in the last: so these losses take sample weights as the compiled ones do.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from ..base import checks
from ..base.record import Record, Registry

Point = tuple[NDArray[Any], NDArray[Any]]


class WeightedLoss(Record, ABC):
    """Interface of the losses in NumPy; each one is a frozen dataclass that a trainer can call."""

    @abstractmethod
    def point(self, z: NDArray[Any], y: NDArray[Any]) -> Point:
        """Return values and slopes for outputs z and targets y, all of shape (n, k)."""

    @final
    def __call__(self, outputs: NDArray[Any], y: NDArray[Any]) -> tuple[float, NDArray[Any]]:
        """Return the (weighted) mean over samples and outputs, and its gradient."""
        k = outputs.shape[1]
        values, slopes = self.point(outputs, y[:, :k])
        if y.shape[1] > k:
            values, slopes = values * y[:, k:], slopes * y[:, k:]
        return float(values.mean(dtype=np.float64)), slopes / outputs.size


@final
@dataclass(frozen=True, repr=False)
class Perceptron(WeightedLoss):
    """max(0, -y z) with y = -1 or 1: the loss of the perceptron (Rosenblatt 1958).

    Examples
    --------
    >>> Perceptron()(np.array([[2.0], [-2.0]]), np.array([[1.0], [1.0]]))[0]
    1.0
    """

    name = "perceptron"

    def point(self, z: NDArray[Any], y: NDArray[Any]) -> Point:
        margin = y * z
        return np.maximum(-margin, 0), np.where(margin <= 0, -y, 0)


@final
@dataclass(frozen=True, repr=False)
class ModifiedHuber(WeightedLoss):
    """max(0, 1 - y z)^2 where y z >= -1, and -4 y z below, with y = -1 or 1.

    References
    ----------
    Zhang, T. (2004). Solving large scale linear prediction problems using stochastic gradient descent algorithms. ICML.

    Examples
    --------
    >>> ModifiedHuber()(np.array([[0.5]]), np.array([[1.0]]))[0]
    0.25
    """

    name = "modified_huber"

    def point(self, z: NDArray[Any], y: NDArray[Any]) -> Point:
        margin = y * z
        short = np.maximum(1 - margin, 0)
        far = margin < -1
        return np.where(far, -4 * margin, short**2), np.where(far, -4 * y, -2 * y * short)


@final
@dataclass(frozen=True, repr=False)
class EpsilonInsensitive(WeightedLoss):
    """max(0, |y - z| - epsilon): the loss of support vector regression (Vapnik 1995).

    Examples
    --------
    >>> EpsilonInsensitive(0.5)(np.array([[3.0]]), np.array([[1.0]]))[0]
    1.5
    """

    name = "epsilon_insensitive"
    positional = 1

    epsilon: float

    def __post_init__(self) -> None:
        checks.nonnegative("epsilon", self.epsilon)

    def point(self, z: NDArray[Any], y: NDArray[Any]) -> Point:
        beyond = np.abs(z - y) - self.epsilon
        return np.maximum(beyond, 0), np.where(beyond > 0, np.sign(z - y), 0)


@final
@dataclass(frozen=True, repr=False)
class SquaredEpsilonInsensitive(WeightedLoss):
    """max(0, |y - z| - epsilon)^2.

    Examples
    --------
    >>> SquaredEpsilonInsensitive(0.5)(np.array([[3.0]]), np.array([[1.0]]))[0]
    2.25
    """

    name = "squared_epsilon_insensitive"
    positional = 1

    epsilon: float

    def __post_init__(self) -> None:
        checks.nonnegative("epsilon", self.epsilon)

    def point(self, z: NDArray[Any], y: NDArray[Any]) -> Point:
        beyond = np.maximum(np.abs(z - y) - self.epsilon, 0)
        return beyond**2, 2 * beyond * np.sign(z - y)


OWN_LOSSES: Registry[type[WeightedLoss]] = Registry(
    "loss", (Perceptron, ModifiedHuber, EpsilonInsensitive, SquaredEpsilonInsensitive)
)
"""Those that files may name."""
