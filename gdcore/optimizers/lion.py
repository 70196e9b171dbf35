"""Steps of fixed size: the sign of a momentum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from ..base import checks
from ..schedules import Schedule
from . import checks as optimizers_checks
from .base import Optimizer, check_learning_rate


@final
@dataclass(frozen=True, repr=False)
class Lion(Optimizer):
    """Evolved sign momentum: every parameter moves by the learning rate.

    With one momentum ``m``::

        params -= learning_rate * (sign(beta1 * m + (1 - beta1) * grad) + weight_decay * params)
        m = beta2 * m + (1 - beta2) * grad

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.0001
        Three to ten times smaller than Adam's would be.
    betas : (float, float), default (0.9, 0.99)
        Decay of the momentum in the move, and from step to step.
    weight_decay : float, default 0
        Decoupled: shrinks the parameters, not the gradient.

    References
    ----------
    Chen et al. (2023), "Symbolic discovery of optimization algorithms".

    Examples
    --------
    >>> import numpy as np
    >>> params = np.array([1.0, -2.0])
    >>> Lion(0.25).init(2, "float64").step(params, 2 * params)
    >>> params
    array([ 0.75, -1.75])
    """

    name = "lion"

    learning_rate: float | Schedule = 1e-4
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        check_learning_rate(self.learning_rate)
        optimizers_checks.unit_pair("betas", self.betas)
        checks.nonnegative("weight_decay", self.weight_decay)

    def slot_names(self) -> tuple[str, ...]:
        """Return the momentum."""
        return ("momentum",)
