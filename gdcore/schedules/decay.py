"""Rates that stay constant or fall."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from math import ceil, log
from typing import final

from ..base import checks
from . import checks as schedules_checks
from .base import Schedule, Unit, check_unit

SHOWN = 100
"""A picture shows this many steps of a schedule without a length of its own."""


def check_gamma(gamma: object) -> None:
    """Check a factor that a rate is multiplied by."""
    checks.factor("gamma", gamma)


@final
@dataclass(frozen=True, repr=False)
class Constant(Schedule):
    """Keeps the same rate at every step, as a plain number does.

    Parameters
    ----------
    learning_rate : float
    per : {"step", "epoch"}, default "step"

    Examples
    --------
    >>> Constant(0.1)(1000)
    0.1
    """

    name = "constant"

    learning_rate: float
    per: Unit = "step"

    def __post_init__(self) -> None:
        checks.positive("learning_rate", self.learning_rate)
        check_unit(self.per)

    def formula(self, step: int) -> float:
        return float(self.learning_rate)

    def horizon(self) -> int:
        return SHOWN


@final
@dataclass(frozen=True, repr=False)
class StepDecay(Schedule):
    """Multiplies the rate by `gamma` every `step_size` steps; PyTorch's StepLR.

    Parameters
    ----------
    learning_rate : float
        Of the first steps.
    step_size : int
        Steps between two reductions.
    gamma : float, default 0.1
        In (0, 1].
    per : {"step", "epoch"}, default "step"
        Whether a step is an update or an epoch.

    Examples
    --------
    >>> schedule = StepDecay(0.5, 30, per="epoch")
    >>> [schedule(epoch) for epoch in (0, 29, 30)]
    [0.5, 0.5, 0.05]
    """

    name = "step_decay"

    learning_rate: float
    step_size: int
    gamma: float = 0.1
    per: Unit = "step"

    def __post_init__(self) -> None:
        checks.positive("learning_rate", self.learning_rate)
        checks.integer("step_size", self.step_size, 1)
        check_gamma(self.gamma)
        check_unit(self.per)

    def formula(self, step: int) -> float:
        return float(self.learning_rate * self.gamma ** (step // self.step_size))

    def horizon(self) -> int:
        return 5 * self.step_size


@final
@dataclass(frozen=True, repr=False)
class MultiStep(Schedule):
    """Multiplies the rate by `gamma` at each milestone; PyTorch's MultiStepLR.

    Parameters
    ----------
    learning_rate : float
        Of the first steps.
    milestones : tuple of int
        The steps, rising, from which on the rate is smaller.
    gamma : float, default 0.1
        In (0, 1].
    per : {"step", "epoch"}, default "step"
        Whether a step is an update or an epoch.

    Examples
    --------
    >>> schedule = MultiStep(0.5, (10, 15))
    >>> [schedule(step) for step in (9, 10, 15)]
    [0.5, 0.05, 0.005000000000000001]
    """

    name = "multi_step"

    learning_rate: float
    milestones: tuple[int, ...]
    gamma: float = 0.1
    per: Unit = "step"

    def __post_init__(self) -> None:
        checks.positive("learning_rate", self.learning_rate)
        object.__setattr__(self, "milestones", schedules_checks.rising("milestones", self.milestones))
        check_gamma(self.gamma)
        check_unit(self.per)

    def formula(self, step: int) -> float:
        return float(self.learning_rate * self.gamma ** bisect_right(self.milestones, step))

    def horizon(self) -> int:
        return self.milestones[-1] + ceil(self.milestones[-1] / 4)


@final
@dataclass(frozen=True, repr=False)
class Exponential(Schedule):
    """Multiplies the rate by `gamma` at every step; PyTorch's ExponentialLR.

    Parameters
    ----------
    learning_rate : float
        Of the first step.
    gamma : float
        In (0, 1].
    per : {"step", "epoch"}, default "step"
        Whether a step is an update or an epoch.

    Examples
    --------
    >>> Exponential(1.0, 0.5)(3)
    0.125
    """

    name = "exponential"

    learning_rate: float
    gamma: float
    per: Unit = "step"

    def __post_init__(self) -> None:
        checks.positive("learning_rate", self.learning_rate)
        check_gamma(self.gamma)
        check_unit(self.per)

    def formula(self, step: int) -> float:
        return float(self.learning_rate * self.gamma**step)

    def horizon(self) -> int:
        return SHOWN if self.gamma == 1 else ceil(log(0.01) / log(self.gamma)) + 1


@final
@dataclass(frozen=True, repr=False)
class InverseScaling(Schedule):
    """``learning_rate / (step + 1)**power``; scikit-learn's "invscaling".

    With a power in (1/2, 1] the rates' sum is infinite and that of their squares is finite: the condition under which
    stochastic gradient descent converges.

    Parameters
    ----------
    learning_rate : float
        Of the first step.
    power : float, default 0.5
    per : {"step", "epoch"}, default "step"
        Whether a step is an update or an epoch.

    References
    ----------
    Robbins, Monro (1951), "A stochastic approximation method".

    Examples
    --------
    >>> InverseScaling(1.0)(3)
    0.5
    """

    name = "inverse_scaling"

    learning_rate: float
    power: float = 0.5
    per: Unit = "step"

    def __post_init__(self) -> None:
        checks.positive("learning_rate", self.learning_rate)
        checks.positive("power", self.power)
        check_unit(self.per)

    def formula(self, step: int) -> float:
        return float(self.learning_rate * (step + 1.0) ** -self.power)

    def horizon(self) -> int:
        return SHOWN


@final
@dataclass(frozen=True, repr=False)
class Polynomial(Schedule):
    """Lowers the rate to `end` in `total_steps` steps as ``(1 - step / total_steps)**power``; PyTorch's PolynomialLR.

    Parameters
    ----------
    learning_rate : float
        Of the first step.
    total_steps : int
        The rate is `end` from this step on.
    power : float, default 1.0
        1 is a straight line.
    end : float, default 0.0
        In [0, learning_rate].
    per : {"step", "epoch"}, default "step"
        Whether a step is an update or an epoch.

    Examples
    --------
    >>> schedule = Polynomial(1.0, 4)
    >>> [schedule(step) for step in range(6)]
    [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]
    """

    name = "polynomial"

    learning_rate: float
    total_steps: int
    power: float = 1.0
    end: float = 0.0
    per: Unit = "step"

    def __post_init__(self) -> None:
        checks.positive("learning_rate", self.learning_rate)
        checks.integer("total_steps", self.total_steps, 1)
        checks.positive("power", self.power)
        checks.between("end", self.end, 0, self.learning_rate)
        check_unit(self.per)

    def formula(self, step: int) -> float:
        left = 1 - min(step, self.total_steps) / self.total_steps
        return float(self.end + (self.learning_rate - self.end) * left**self.power)

    def horizon(self) -> int:
        return self.total_steps + 1
