"""Losses for classes, on logits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from ..base import checks
from .base import Loss


@final
@dataclass(frozen=True, repr=False)
class BinaryCrossEntropy(Loss):
    """-y log s(z) - (1 - y) log(1 - s(z)) with the sigmoid s, from the logit z; y in [0, 1].

    Averaged over samples and outputs, so several outputs are several yes-no questions.

    Examples
    --------
    >>> BinaryCrossEntropy().aliases
    ('bce',)
    """

    name = "binary_cross_entropy"
    aliases = ("bce",)
    formula = "log(1 + exp(z)) - y z"
    constant = "the share of ones"


@final
@dataclass(frozen=True, repr=False)
class CrossEntropy(Loss):
    """-sum_j t_j log softmax(z)_j over the outputs of a sample, averaged over samples.

    The target is a class label per sample, shape (n,), integers 0 … k-1; or class probabilities, shape (n, k).

    Parameters
    ----------
    label_smoothing : float, default 0.0
        The target becomes (1 - s) t + s / k; in [0, 1].

    References
    ----------
    Szegedy, C. et al. (2016). Rethinking the Inception architecture for computer vision. CVPR.

    Examples
    --------
    >>> CrossEntropy(label_smoothing=0.1)
    CrossEntropy(label_smoothing=0.1)
    """

    name = "cross_entropy"
    formula = "-sum_j t_j log softmax(z)_j"
    constant = "the classes' shares"
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        checks.between("label_smoothing", self.label_smoothing, 0, 1)

    def smoothed(self, shares: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probabilities (n, k), mixed with those of a guess."""
        mixed: NDArray[np.float64] = (1 - self.label_smoothing) * shares + self.label_smoothing / shares.shape[1]
        return mixed


@final
@dataclass(frozen=True, repr=False)
class Hinge(Loss):
    """max(0, 1 - y z) with y = -1 or 1; its slope at y z = 1 is taken as 0.

    References
    ----------
    Cortes, C. and Vapnik, V. (1995). Support-vector networks. Machine Learning 20.

    Examples
    --------
    >>> Hinge().target
    'sign'
    """

    name = "hinge"
    formula = "max(0, 1 - y z)"
    constant = "the more frequent class"


@final
@dataclass(frozen=True, repr=False)
class SquaredHinge(Loss):
    """max(0, 1 - y z)^2 with y = -1 or 1.

    Examples
    --------
    >>> SquaredHinge()
    SquaredHinge()
    """

    name = "squared_hinge"
    formula = "max(0, 1 - y z)^2"


@final
@dataclass(frozen=True, repr=False)
class ModifiedHuber(Loss):
    """max(0, 1 - y z)^2 for y z >= -1, -4 y z below, with y = -1 or 1: a squared hinge that outliers do not dominate.

    (min(1, max(-1, z)) + 1) / 2 is the probability of 1 that it stands for.

    References
    ----------
    Zhang, T. (2004). Solving large scale linear prediction problems using stochastic gradient descent algorithms. ICML.

    Examples
    --------
    >>> from gdcore import LinearModel
    >>> LinearModel(1, weight_init="ones").loss([[0.5], [-2.0]], [1, 1], ModifiedHuber())       # 0.25 and 8
    4.125
    """

    name = "modified_huber"
    formula = "max(0, 1 - y z)^2 if y z >= -1 else -4 y z"


@final
@dataclass(frozen=True, repr=False)
class Perceptron(Loss):
    """max(0, -y z) with y = -1 or 1; its slope at y z = 0 is taken as -y, so that training leaves weights of 0.

    Outputs of 0 have no loss, whatever the targets are: the loss tells rows on the wrong side, but not how sure a model
    is of the others.

    References
    ----------
    Rosenblatt, F. (1958). The perceptron: a probabilistic model for information storage and organization in the brain.
    Psychological Review 65.

    Examples
    --------
    >>> from gdcore import LinearModel
    >>> LinearModel(1, weight_init="ones").loss([[0.5], [-2.0]], [1, 1], Perceptron())          # 0 and 2
    1.0
    """

    name = "perceptron"
    formula = "max(0, -y z)"
    constant = "an output of 0"
