"""Losses for real targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from ..base import checks
from .base import Loss


@final
@dataclass(frozen=True, repr=False)
class MeanSquaredError(Loss):
    """(z - y)^2, averaged over samples and outputs.

    Examples
    --------
    >>> MeanSquaredError()
    MeanSquaredError()
    """

    name = "mean_squared_error"
    aliases = ("mse",)
    formula = "(z - y)^2"
    constant = "the mean of y"


@final
@dataclass(frozen=True, repr=False)
class MeanAbsoluteError(Loss):
    """|z - y|, averaged over samples and outputs; its slope at z = y is taken as 0.

    Examples
    --------
    >>> MeanAbsoluteError().aliases
    ('mae',)
    """

    name = "mean_absolute_error"
    aliases = ("mae",)
    formula = "|z - y|"
    constant = "the median of y"


@final
@dataclass(frozen=True, repr=False)
class Huber(Loss):
    """d^2 / 2 for |d| <= delta, delta (|d| - delta / 2) beyond, with d = z - y.

    Parameters
    ----------
    delta : float, default 1.0
        Where the parabola becomes a line, in the units of y; > 0.

    References
    ----------
    Huber, P. J. (1964). Robust estimation of a location parameter. Ann. Math. Statist. 35.

    Examples
    --------
    >>> Huber(delta=0.5)
    Huber(delta=0.5)
    """

    name = "huber"
    formula = "d^2 / 2 if |d| <= delta else delta (|d| - delta / 2), d = z - y"
    delta: float = 1.0

    def __post_init__(self) -> None:
        checks.positive("delta", self.delta)


@final
@dataclass(frozen=True, repr=False)
class LogCosh(Loss):
    """log cosh(z - y): a parabola near zero, |d| - log 2 far away, smooth between.

    Examples
    --------
    >>> LogCosh()
    LogCosh()
    """

    name = "log_cosh"
    formula = "log cosh(z - y)"


@final
@dataclass(frozen=True, repr=False)
class Quantile(Loss):
    """q d for d >= 0, (q - 1) d below, with d = y - z: least where z is the q-quantile of y.

    Parameters
    ----------
    q : float, default 0.5
        The quantile, in (0, 1).

    References
    ----------
    Koenker, R. and Bassett, G. (1978). Regression quantiles. Econometrica 46.

    Examples
    --------
    >>> Quantile(0.9).option()
    0.9
    """

    name = "quantile"
    aliases = ("pinball",)
    formula = "max(q d, (q - 1) d), d = y - z"
    q: float = 0.5

    def __post_init__(self) -> None:
        checks.inside("q", self.q, 0, 1)

    @property
    def constant(self) -> str:
        """What the best constant prediction is called."""
        return f"the {self.q:g}-quantile of y"


@final
@dataclass(frozen=True, repr=False)
class EpsilonInsensitive(Loss):
    """max(0, |z - y| - epsilon): the loss of support vector regression; its slope at |z - y| = epsilon is taken as 0.

    Parameters
    ----------
    epsilon : float, default 0.1
        Errors up to this size cost nothing, in the units of y; >= 0.

    References
    ----------
    Vapnik, V. N. (1995). The nature of statistical learning theory. Springer.

    Examples
    --------
    >>> from gdcore import LinearModel
    >>> LinearModel(1, weight_init="ones").loss([[1.25], [3.0]], [1.0, 1.0], EpsilonInsensitive(0.5))      # 0 and 1.5
    0.75
    """

    name = "epsilon_insensitive"
    formula = "max(0, |z - y| - epsilon)"
    epsilon: float = 0.1

    def __post_init__(self) -> None:
        checks.nonnegative("epsilon", self.epsilon)


@final
@dataclass(frozen=True, repr=False)
class SquaredEpsilonInsensitive(Loss):
    """max(0, |z - y| - epsilon)^2: a squared error that small errors do not count in.

    Parameters
    ----------
    epsilon : float, default 0.1
        Errors up to this size cost nothing, in the units of y; >= 0.

    References
    ----------
    Ho, C.-H. and Lin, C.-J. (2012). Large-scale linear support vector regression. J. Mach. Learn. Res. 13.

    Examples
    --------
    >>> from gdcore import LinearModel
    >>> LinearModel(1, weight_init="ones").loss([[1.25], [3.0]], [1.0, 1.0], SquaredEpsilonInsensitive(0.5))
    1.125
    """

    name = "squared_epsilon_insensitive"
    formula = "max(0, |z - y| - epsilon)^2"
    epsilon: float = 0.1

    def __post_init__(self) -> None:
        checks.nonnegative("epsilon", self.epsilon)


@final
@dataclass(frozen=True, repr=False)
class Poisson(Loss):
    """exp(z) - y z: the negative log-likelihood of counts y with rate exp(z), without log y!.

    Examples
    --------
    >>> Poisson().target
    'nonnegative'
    """

    name = "poisson"
    formula = "exp(z) - y z"
    constant = "the logarithm of the mean of y"
