"""Adam and its variants: a running mean of the gradient, divided by its running size.

Notation of all formulas here: ``d = grad + weight_decay * params`` where the decay is coupled; ``d = grad``
where it is decoupled (``params *= 1 - learning_rate * weight_decay`` comes first); ``t`` is the number of the
step, from 1; and

    m = beta1 * m + (1 - beta1) * d             m_hat = m / (1 - beta1**t)
    v = beta2 * v + (1 - beta2) * d**2          v_hat = v / (1 - beta2**t)
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import final

from ..base import checks
from ..schedules import Schedule
from . import checks as optimizers_checks
from .base import SMALLEST_EPS, Optimizer, check_learning_rate


def check_adam(optimizer: Adam | AdamW | NAdam | Adamax | RAdam) -> None:
    """Check what the whole family has in common."""
    check_learning_rate(optimizer.learning_rate)
    optimizers_checks.unit_pair("betas", optimizer.betas)
    checks.nonnegative("eps", optimizer.eps)
    checks.nonnegative("weight_decay", optimizer.weight_decay)


@final
@dataclass(frozen=True, repr=False)
class Adam(Optimizer):
    """Adaptive moments: ``params -= learning_rate * m_hat / (sqrt(v_hat) + eps)``.

    The notation is explained at the top of `gdcore.optimizers.adam`. Weight decay is part of the gradient.

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.001
    betas : (float, float), default (0.9, 0.999)
        Decay of the first and of the second moment.
    eps : float, default 1e-8
    weight_decay : float, default 0
    amsgrad : bool, default False
        Divide by the largest second moment so far.

    References
    ----------
    Kingma, Ba (2015), "Adam: a method for stochastic optimization".
    Reddi, Kale, Kumar (2018), "On the convergence of Adam and beyond" (amsgrad).

    Examples
    --------
    >>> import numpy as np
    >>> params = np.array([1.0, -2.0])
    >>> Adam(0.25).init(2, "float64").step(params, 2 * params)
    >>> params.round(6)
    array([ 0.75, -1.75])
    """

    name = "adam"

    learning_rate: float | Schedule = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    amsgrad: bool = False

    def __post_init__(self) -> None:
        check_adam(self)
        checks.boolean("amsgrad", self.amsgrad)

    def amplification(self) -> float:
        return 1.0 if self.eps > SMALLEST_EPS else inf

    def slot_names(self) -> tuple[str, ...]:
        """Return the moments and, if amsgrad, the largest second moment."""
        largest = ("max_second_moment",) if self.amsgrad else ()
        return ("first_moment", "second_moment", *largest)


@final
@dataclass(frozen=True, repr=False)
class AdamW(Optimizer):
    """Adam with decoupled weight decay, which shrinks the parameters without entering the moments.

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.001
    betas : (float, float), default (0.9, 0.999)
        Decay of the first and of the second moment.
    eps : float, default 1e-8
    weight_decay : float, default 0.01
    amsgrad : bool, default False
        Divide by the largest second moment so far.

    References
    ----------
    Loshchilov, Hutter (2019), "Decoupled weight decay regularization".

    Examples
    --------
    >>> import numpy as np
    >>> params = np.array([1.0, -2.0])
    >>> AdamW(0.25, weight_decay=0.5).init(2, "float64").step(params, 2 * params)
    >>> params.round(6)
    array([ 0.625, -1.5  ])
    """

    name = "adamw"

    learning_rate: float | Schedule = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 1e-2
    amsgrad: bool = False

    def __post_init__(self) -> None:
        check_adam(self)
        checks.boolean("amsgrad", self.amsgrad)

    def amplification(self) -> float:
        return 1.0 if self.eps > SMALLEST_EPS else inf

    def slot_names(self) -> tuple[str, ...]:
        """Return the moments and, if amsgrad, the largest second moment."""
        largest = ("max_second_moment",) if self.amsgrad else ()
        return ("first_moment", "second_moment", *largest)


@final
@dataclass(frozen=True, repr=False)
class NAdam(Optimizer):
    """Adam with Nesterov's momentum, which looks one step ahead.

    With ``mu_t = beta1 * (1 - 0.96**(t * momentum_decay) / 2)`` and ``P_t = mu_1 * ... * mu_t``::

        ahead = (1 - mu_t) / (1 - P_t) * d + mu_{t+1} / (1 - P_{t+1}) * m
        params -= learning_rate * ahead / (sqrt(v_hat) + eps)

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.002
    betas : (float, float), default (0.9, 0.999)
        Decay of the first and of the second moment.
    eps : float, default 1e-8
    weight_decay : float, default 0
    momentum_decay : float, default 0.004
        How fast the momentum warms up to beta1.
    decoupled_weight_decay : bool, default False
        Decay as in AdamW.

    References
    ----------
    Dozat (2016), "Incorporating Nesterov momentum into Adam".

    Examples
    --------
    >>> import numpy as np
    >>> params = np.array([1.0, -2.0])
    >>> NAdam(0.25).init(2, "float64").step(params, 2 * params)
    >>> params.round(6)
    array([ 0.735887, -1.735887])
    """

    name = "nadam"

    learning_rate: float | Schedule = 2e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    momentum_decay: float = 4e-3
    decoupled_weight_decay: bool = False

    def __post_init__(self) -> None:
        check_adam(self)
        checks.nonnegative("momentum_decay", self.momentum_decay)
        checks.boolean("decoupled_weight_decay", self.decoupled_weight_decay)

    def amplification(self) -> float:
        return 1.0 if self.eps > SMALLEST_EPS else inf

    def slot_names(self) -> tuple[str, ...]:
        """Return the moments."""
        return ("first_moment", "second_moment")


@final
@dataclass(frozen=True, repr=False)
class Adamax(Optimizer):
    """Adam in the infinity norm: ``u = max(beta2 * u, |d| + eps)``, ``params -= learning_rate * m_hat / u``.

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.002
    betas : (float, float), default (0.9, 0.999)
        Decay of the first moment and of the norm.
    eps : float, default 1e-8
    weight_decay : float, default 0

    References
    ----------
    Kingma, Ba (2015), "Adam: a method for stochastic optimization", section 7.

    Examples
    --------
    >>> import numpy as np
    >>> params = np.array([1.0, -2.0])
    >>> Adamax(0.25).init(2, "float64").step(params, 2 * params)
    >>> params.round(6)
    array([ 0.75, -1.75])
    """

    name = "adamax"

    learning_rate: float | Schedule = 2e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        check_adam(self)

    def amplification(self) -> float:
        return 1.0 if self.eps > SMALLEST_EPS else inf

    def slot_names(self) -> tuple[str, ...]:
        """Return the first moment and the norm."""
        return ("first_moment", "infinity_norm")


@final
@dataclass(frozen=True, repr=False)
class RAdam(Optimizer):
    """Adam with rectification: while the second moment has seen too few gradients, a step is plain momentum.

    With ``rho_inf = 2 / (1 - beta2) - 1`` and ``rho = rho_inf - 2 * t * beta2**t / (1 - beta2**t)``::

        r = sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho))
        move = r * m_hat * sqrt(1 - beta2**t) / (sqrt(v) + eps)     where rho > 5, otherwise m_hat
        params -= learning_rate * move

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.001
    betas : (float, float), default (0.9, 0.999)
        Decay of the first and of the second moment.
    eps : float, default 1e-8
    weight_decay : float, default 0
    decoupled_weight_decay : bool, default False
        Decay as in AdamW.

    References
    ----------
    Liu et al. (2020), "On the variance of the adaptive learning rate and beyond".

    Examples
    --------
    >>> import numpy as np
    >>> params = np.array([1.0, -2.0])
    >>> RAdam(0.25).init(2, "float64").step(params, 2 * params)
    >>> params.round(6)
    array([ 0.5, -1. ])
    """

    name = "radam"

    learning_rate: float | Schedule = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    decoupled_weight_decay: bool = False

    def __post_init__(self) -> None:
        check_adam(self)
        checks.boolean("decoupled_weight_decay", self.decoupled_weight_decay)

    def amplification(self) -> float:
        return 1.0 if self.eps > SMALLEST_EPS else inf

    def slot_names(self) -> tuple[str, ...]:
        """Return the moments."""
        return ("first_moment", "second_moment")
