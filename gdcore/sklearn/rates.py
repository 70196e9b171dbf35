"""scikit-learn's learning rates that count updates, as schedules.

Design
------
A batch of one row makes an update a fraction of a microsecond long, and the rate of each by Python's arithmetic would
take most of a fit. So the rates of an epoch are computed as arrays here; powers may differ from `formula` by an ulp.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray

from ..base import checks
from ..base.record import Registry
from ..schedules import SCHEDULES, ReduceOnPlateau, Schedule

SHOWN = 100


@final
@dataclass(frozen=True, repr=False)
class Optimal(Schedule):
    """``scale / (alpha * (t0 + step))``, with Bottou's t0: scikit-learn's "optimal".

    Parameters
    ----------
    learning_rate : float
        The scale; 1 in the units of scikit-learn's loss.
    alpha : float
        The penalty's strength; > 0.

    References
    ----------
    Bottou, L. (2012). Stochastic gradient descent tricks. Neural Networks: Tricks of the Trade.

    Examples
    --------
    >>> Optimal(1.0, 0.0001)(0)
    10.0
    """

    name = "optimal"

    learning_rate: float
    alpha: float

    def __post_init__(self) -> None:
        checks.positive("learning_rate", self.learning_rate)
        checks.positive("alpha", self.alpha)

    @property
    def per(self) -> str:  # type: ignore[override]  # a constant where other schedules have a field
        """The unit of the count."""
        return "step"

    def formula(self, step: int) -> float:
        t0 = 1.0 / (self.alpha**-0.25 * self.alpha)
        return float(self.learning_rate / (self.alpha * (t0 + step)))

    def rates(self, first: int, n: int) -> NDArray[np.float64]:
        t0 = 1.0 / (self.alpha**-0.25 * self.alpha)
        found: NDArray[np.float64] = self.learning_rate / (self.alpha * (t0 + np.arange(first, first + n)))
        return found

    def horizon(self) -> int:
        return SHOWN


@final
@dataclass(frozen=True, repr=False)
class PowerOfUpdates(Schedule):
    """``learning_rate / (step + 1)**power`` for any power: scikit-learn's "invscaling" of the linear models.

    Examples
    --------
    >>> PowerOfUpdates(1.0, 0.5)(3)
    0.5
    """

    name = "power_of_updates"

    learning_rate: float
    power: float

    def __post_init__(self) -> None:
        checks.positive("learning_rate", self.learning_rate)
        checks.finite("power", self.power)

    @property
    def per(self) -> str:  # type: ignore[override]  # a constant where other schedules have a field
        """The unit of the count."""
        return "step"

    def formula(self, step: int) -> float:
        return float(self.learning_rate * (step + 1.0) ** -self.power)

    def rates(self, first: int, n: int) -> NDArray[np.float64]:
        found: NDArray[np.float64] = self.learning_rate * np.arange(first + 1.0, first + n + 1.0) ** -self.power
        return found

    def horizon(self) -> int:
        return SHOWN


@final
@dataclass(frozen=True, repr=False)
class Scaled(Schedule):
    """A schedule times a factor, which converts scikit-learn's units into gdcore's.

    Examples
    --------
    >>> Scaled(0.5, PowerOfUpdates(1.0, 0.5))(3)
    0.25
    """

    name = "scaled"
    registries: ClassVar[Mapping[str, Registry[Any]]] = {"schedule": SCHEDULES}

    learning_rate: float
    schedule: Schedule

    def __post_init__(self) -> None:
        checks.positive("learning_rate", self.learning_rate)
        if not isinstance(self.schedule, Schedule):
            raise TypeError(f"schedule must be a schedule, got {checks.short(self.schedule)}")

    @property
    def per(self) -> str:  # type: ignore[override]  # a constant where other schedules have a field
        """The unit of the count."""
        return self.schedule.per

    def formula(self, step: int) -> float:
        return self.learning_rate * self.schedule.formula(step)

    def rates(self, first: int, n: int) -> NDArray[np.float64]:
        return self.learning_rate * self.schedule.rates(first, n)

    def horizon(self) -> int:
        return self.schedule.horizon()


def scaled(schedule: Schedule, factor: float) -> Schedule:
    """Return a schedule whose rates are multiplied by a factor."""
    if factor == 1:
        return schedule
    if isinstance(schedule, ReduceOnPlateau):  # which a trainer knows by its class
        return replace(schedule, learning_rate=schedule.learning_rate * factor, min_rate=schedule.min_rate * factor)
    return Scaled(factor, schedule)


OWN_SCHEDULES: Registry[type[Schedule]] = Registry("schedule", (Optimal, PowerOfUpdates, Scaled))
"""Those that files may name."""
