"""The interface of an optimizer.

Design
------
- A record holds hyper-parameters, checks them once and never changes; what a run changes is in
  OptimizerState.
- The formula is the kernel rule that `rule` names. `hyper()` hands the hyper-parameters over in that rule's
  order, without the learning rate, which a schedule may change from step to step.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from math import inf
from typing import Any, ClassVar

from ..base import checks
from ..base.record import call_repr
from ..schedules import Schedule
from . import checks as optimizers_checks
from .state import OptimizerState

SMALLEST_EPS = 1e-37
"""A smaller eps is 0 in float32, and an update that divides by it may give NaN."""


def check_learning_rate(value: object) -> None:
    """Check a rate: a number, or a schedule, which has already been checked."""
    if not isinstance(value, Schedule):
        optimizers_checks.rate(value)


def check_momentum(value: object) -> None:
    """Check the share of the last move that is kept; above 1, moves would grow by themselves."""
    checks.between("momentum", value, 0, 1)


class Optimizer(ABC):
    """Interface of the optimizers; each one is a frozen dataclass whose first field is `learning_rate`."""

    rule: ClassVar[str]
    """Name of the kernel's update rule."""

    learning_rate: float | Schedule
    weight_decay: float

    @abstractmethod
    def hyper(self) -> tuple[float, ...]:
        """Hyper-parameters without the learning rate, in the rule's order; switches as 0 and 1."""

    @abstractmethod
    def slot_names(self) -> tuple[str, ...]:
        """Return the names of the vectors that the rule keeps beside the parameters, in the rule's order."""

    def amplification(self) -> float:
        """Return the factor by which a step can enlarge a slot, which decides how often to look for overflow."""
        return 1.0

    def divides_by_zero(self) -> bool:
        """Return whether eps is 0, so that a gradient of 0 may be divided by 0."""
        return self.amplification() == inf

    def n_slots(self) -> int:
        """Return how many vectors the rule keeps beside the parameters."""
        return len(self.slot_names())

    def init(self, n: int, dtype: Any = "float32") -> OptimizerState:
        """Return the state before the first step.

        Parameters
        ----------
        n : int
            Number of parameters.
        dtype : {"float32", "float64"}, default "float32"
            Precision of the parameters, the gradient and the slots.

        Returns
        -------
        OptimizerState
            Its `step(params, grads)` updates the parameters in place.
        """
        return OptimizerState.start(self, n, dtype)

    def __repr__(self) -> str:
        return call_repr(self, positional=1)  # type: ignore[arg-type]  # each optimizer is a dataclass
