"""Kinds of targets: the loss that is minimized, the predictions that follow from raw outputs, and the score."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@final
@dataclass(frozen=True)
class Kind:
    """What a target is.

    Attributes
    ----------
    name : str
        In tables.
    loss : str
        As gdcore names it.
    score : str
        The score's name.
    scored : callable
        (y, predictions) -> score; 1 is perfect.
    predicted : callable
        (raw outputs (n, k)) -> predictions (n,): numbers, means or classes.
    is_classes : bool
        Whether targets are labels.
    """

    name: str
    loss: str
    score: str
    scored: Callable[[Array, Array], float]
    predicted: Callable[[Array], Array]
    is_classes: bool = False


def accuracy(y: Array, predictions: Array) -> float:
    """Return the share of labels that are predicted."""
    return float(np.mean(y == predictions))


def r2(y: Array, predictions: Array) -> float:
    """Return the share of the variance that is explained."""
    return float(1 - np.sum((y - predictions) ** 2) / np.sum((y - y.mean()) ** 2))


def poisson_deviance(y: Array, means: Array) -> float:
    """Return the Poisson deviance of counts y, summed; a mean of 0 is taken as the smallest number above 0."""
    means = np.maximum(means, np.finfo(np.float64).tiny)
    terms = means - y
    above = y > 0
    terms[above] += y[above] * (np.log(y[above]) - np.log(means[above]))
    return float(2 * np.sum(terms))


def d2(y: Array, means: Array) -> float:
    """Return the share of the Poisson deviance that is explained."""
    return 1 - poisson_deviance(y, means) / poisson_deviance(y, np.full(len(y), y.mean()))


REGRESSION = Kind("regression", "mean_squared_error", "R2", r2, lambda z: z[:, 0])
COUNTS = Kind("counts", "poisson", "D2", d2, lambda z: np.exp(z[:, 0]))
BINARY = Kind("two classes", "binary_cross_entropy", "accuracy", accuracy, lambda z: (z[:, 0] > 0).astype(int), True)
CLASSES = Kind("classes", "cross_entropy", "accuracy", accuracy, lambda z: z.argmax(axis=1), True)
KINDS = (REGRESSION, COUNTS, BINARY, CLASSES)
