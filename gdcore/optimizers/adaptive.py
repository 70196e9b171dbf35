"""Optimizers with a rate for each parameter, from the squares of its gradients."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import final

from ..base import checks
from ..schedules import Schedule
from .base import SMALLEST_EPS, Optimizer, check_learning_rate, check_momentum


@final
@dataclass(frozen=True, repr=False)
class Adagrad(Optimizer):
    """Divides the rate by the root of the sum of all squared gradients.

    With ``d = grad + weight_decay * params`` and ``t`` the number of the step, from 1::

        s += d**2
        params -= learning_rate / (1 + (t - 1) * lr_decay) * d / (sqrt(s) + eps)

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.01
    lr_decay : float, default 0
    weight_decay : float, default 0
    initial_accumulator_value : float, default 0
        Initial value of ``s``.
    eps : float, default 1e-10

    References
    ----------
    Duchi, Hazan, Singer (2011), "Adaptive subgradient methods for online learning and stochastic
    optimization".

    Examples
    --------
    >>> import numpy as np
    >>> params = np.array([1.0, -2.0])
    >>> Adagrad(0.25).init(2, "float64").step(params, 2 * params)
    >>> params.round(6)
    array([ 0.75, -1.75])
    """

    name = "adagrad"

    learning_rate: float | Schedule = 1e-2
    lr_decay: float = 0.0
    weight_decay: float = 0.0
    initial_accumulator_value: float = 0.0
    eps: float = 1e-10

    def __post_init__(self) -> None:
        check_learning_rate(self.learning_rate)
        checks.nonnegative("lr_decay", self.lr_decay)
        checks.nonnegative("weight_decay", self.weight_decay)
        checks.nonnegative("initial_accumulator_value", self.initial_accumulator_value)
        checks.nonnegative("eps", self.eps)

    def amplification(self) -> float:
        return 1.0 if self.eps > SMALLEST_EPS else inf

    def slot_names(self) -> tuple[str, ...]:
        """Return the sum of squared gradients; `initial_accumulator_value` joins it at the first step."""
        return ("sum_of_squares",)


@final
@dataclass(frozen=True, repr=False)
class RMSprop(Optimizer):
    """Divides the rate by the root of a running mean of the squared gradients.

    With ``d = grad + weight_decay * params``::

        v = alpha * v + (1 - alpha) * d**2
        m = alpha * m + (1 - alpha) * d                 (centered; otherwise m = 0)
        b = momentum * b + d / (sqrt(v - m**2) + eps)
        params -= learning_rate * b

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.01
    alpha : float, default 0.99
        Decay of the running means.
    eps : float, default 1e-8
    weight_decay : float, default 0
    momentum : float, default 0
        Share of the last step that is kept, in [0, 1].
    centered : bool, default False
        Divide by the deviation of the gradient from its mean.

    References
    ----------
    Tieleman, Hinton (2012), "Lecture 6.5: rmsprop", COURSERA: Neural networks for machine learning.
    Graves (2013), "Generating sequences with recurrent neural networks" (centered).

    Examples
    --------
    >>> import numpy as np
    >>> params = np.array([1.0, -2.0])
    >>> RMSprop(0.025).init(2, "float64").step(params, 2 * params)
    >>> params.round(6)
    array([ 0.75, -1.75])
    """

    name = "rmsprop"

    learning_rate: float | Schedule = 1e-2
    alpha: float = 0.99
    eps: float = 1e-8
    weight_decay: float = 0.0
    momentum: float = 0.0
    centered: bool = False

    def __post_init__(self) -> None:
        check_learning_rate(self.learning_rate)
        checks.in_range("alpha", self.alpha, 0, 1)
        checks.nonnegative("eps", self.eps)
        checks.nonnegative("weight_decay", self.weight_decay)
        check_momentum(self.momentum)
        checks.boolean("centered", self.centered)

    def amplification(self) -> float:
        return 1.0 if self.eps > SMALLEST_EPS else inf

    def slot_names(self) -> tuple[str, ...]:
        """Return the mean square, the mean if centered, and the momentum buffer if there is momentum."""
        mean = ("mean",) if self.centered else ()
        momentum = ("momentum",) if self.momentum != 0 else ()
        return ("mean_square", *mean, *momentum)


@final
@dataclass(frozen=True, repr=False)
class Adadelta(Optimizer):
    """Steps in the parameters' own units, from running means of squared gradients and squared steps.

    With ``d = grad + weight_decay * params``::

        v = rho * v + (1 - rho) * d**2
        move = sqrt(w + eps) / sqrt(v + eps) * d
        w = rho * w + (1 - rho) * move**2
        params -= learning_rate * move

    Parameters
    ----------
    learning_rate : float or Schedule, default 1.0
    rho : float, default 0.9
        Decay of both running means.
    eps : float, default 1e-6
        Sets the size of the first steps.
    weight_decay : float, default 0

    References
    ----------
    Zeiler (2012), "ADADELTA: an adaptive learning rate method".

    Examples
    --------
    >>> import numpy as np
    >>> params = np.array([1.0, -2.0])
    >>> Adadelta().init(2, "float64").step(params, 2 * params)
    >>> params.round(6)
    array([ 0.996838, -1.996838])
    """

    name = "adadelta"

    learning_rate: float | Schedule = 1.0
    rho: float = 0.9
    eps: float = 1e-6
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        check_learning_rate(self.learning_rate)
        checks.in_range("rho", self.rho, 0, 1)
        checks.nonnegative("eps", self.eps)
        checks.nonnegative("weight_decay", self.weight_decay)

    def amplification(self) -> float:
        return 1.0 if self.eps > SMALLEST_EPS else inf

    def slot_names(self) -> tuple[str, ...]:
        """Return the mean squares of the gradient and of the moves."""
        return ("mean_square", "mean_square_move")
