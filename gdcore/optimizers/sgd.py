"""Gradient descent, plain or with momentum."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import final

from ..base import checks
from ..schedules import Schedule
from . import checks as optimizers_checks
from .base import Optimizer, check_learning_rate, check_momentum


@final
@dataclass(frozen=True, repr=False)
class SGD(Optimizer):
    """Stochastic gradient descent.

    With ``d = grad + weight_decay * params`` and a buffer ``b`` that starts as the first ``d``::

        b = momentum * b + (1 - dampening) * d
        params -= learning_rate * b                     (plain: d;  nesterov: d + momentum * b)

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.001
    momentum : float, default 0
        Share of the last step that is kept, in [0, 1]; 0 is plain gradient descent, 1 has no friction.
    dampening : float, default 0
        Share of the gradient that is left out of the buffer, in [0, 1].
    weight_decay : float, default 0
    nesterov : bool, default False
        Look ahead along the buffer; needs `momentum` and no `dampening`.
    cumulative_l1 : bool, default False
        Whether a trainer's `l1` penalty is cumulative; needs no `momentum`. See Notes.

    Notes
    -----
    By default a trainer's l1 penalty makes proximal steps, which keep a weight at 0 while the gradient of each batch is
    at most l1: in batches of a few rows hardly any weight is exactly 0. With ``cumulative_l1=True``, ``u`` is the
    penalty that a weight could have received so far, ``l1`` times the sum of the rates, and ``q`` what it has received
    in fact. After each step without l1, a weight is clipped towards 0 by the difference::

        before = w
        w = max(0, w - (u + q)) if w > 0 else min(0, w + (u - q))
        q += w - before

    So a weight stays 0 unless its gradients together exceed the penalty. `step` knows no l1, and ignores the option.

    References
    ----------
    Robbins, Monro (1951), "A stochastic approximation method".
    Polyak (1964), "Some methods of speeding up the convergence of iteration methods".
    Sutskever, Martens, Dahl, Hinton (2013), "On the importance of initialization and momentum in deep
    learning".
    Tsuruoka, Tsujii, Ananiadou (2009), "Stochastic gradient descent training for L1-regularized log-linear models with
    cumulative penalty".

    Examples
    --------
    >>> import numpy as np
    >>> params = np.array([1.0, -2.0])
    >>> SGD(0.1).init(2, "float64").step(params, 2 * params)
    >>> params
    array([ 0.8, -1.6])
    """

    name = "sgd"
    added = ("cumulative_l1",)

    learning_rate: float | Schedule = 1e-3
    momentum: float = 0.0
    dampening: float = 0.0
    weight_decay: float = 0.0
    nesterov: bool = False
    cumulative_l1: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        check_learning_rate(self.learning_rate)
        check_momentum(self.momentum)
        checks.between("dampening", self.dampening, 0, 1)
        checks.nonnegative("weight_decay", self.weight_decay)
        if checks.boolean("nesterov", self.nesterov):
            optimizers_checks.nesterov(self.momentum, self.dampening)
        if checks.boolean("cumulative_l1", self.cumulative_l1):
            optimizers_checks.cumulative(self.momentum)

    def slot_names(self) -> tuple[str, ...]:
        """Return the momentum buffer, if there is momentum, or what was received of a cumulative penalty over l1."""
        if self.cumulative_l1:
            return ("l1_received",)
        return ("momentum",) if self.momentum != 0 else ()

    def largest_scalar(self) -> float:
        """Return infinity where the rates are summed for a cumulative penalty."""
        return inf if self.cumulative_l1 else 1.0
