"""The interface of a schedule.

Design
------
- A schedule is a function of a count and holds no state: what it gives after a resume is what it would have given. What
  is counted, `per` says: updates, epochs, or plateaus of a loss (`ReduceOnPlateau` alone).
- The formula is written once, for one number in Python's own arithmetic: a step at a time and an epoch at a time give
  the same bits. It costs 0.1 to 0.5 microseconds per step, `OneCycle` 1.5 (one core of an EPYC, Zen 4), and no call
  where the rate is a number. A call by the user is checked, for half a microsecond more.
- `learning_rate` comes first, as in the optimizers. Other names and defaults are PyTorch's where it has the schedule.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Literal, final

import numpy as np
from numpy.typing import NDArray

from ..base import checks
from ..base.calls import explains_calls
from ..base.optional import axes_or_new, whole_numbers
from ..base.record import Record

Unit = Literal["step", "epoch"]

LAST = 2**62
"""The last step that has a rate; powers of it are still finite."""


class Schedule(Record, ABC):
    """Interface of the schedules; each one is a frozen dataclass whose first field is `learning_rate`."""

    positional = 1
    per_model = True

    learning_rate: float

    @property
    @abstractmethod
    def per(self) -> Literal["step", "epoch", "plateau"]:
        """Unit of the count: "step" (updates), "epoch", or "plateau"."""

    @final
    def __call__(self, step: int) -> float:
        """Return the rate after `step` updates (or epochs, or plateaus), counted from 0.

        Raises
        ------
        TypeError, ValueError
            For what is no integer >= 0.
        """
        return self.formula(checks.integer("step", step, 0, LAST))

    @abstractmethod
    def formula(self, step: int) -> float:
        """Return the rate at a checked step."""

    @abstractmethod
    def horizon(self) -> int:
        """Return how many steps a picture shows."""

    def rates(self, first: int, n: int) -> NDArray[np.float64]:
        """Return the rates of n steps from `first` on, shape (n,)."""
        checks.integer("first", first, 0, LAST)
        checks.integer("n", n, 0)
        return np.fromiter(map(self.formula, range(first, first + n)), np.float64, n)

    @explains_calls
    def plot(self, n_steps: int | None = None, ax: Any = None) -> Any:
        """Draw the rate over the steps.

        Parameters
        ----------
        n_steps : int, optional
            By default enough to see the schedule's shape.
        ax : matplotlib Axes, optional
            By default those of a new figure.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        n = self.horizon() if n_steps is None else checks.integer("n_steps", n_steps, 1)
        ax = axes_or_new(ax)
        ax.plot(np.arange(n), self.rates(0, n), color="black")
        ax.set(xlabel=self.per, ylabel="learning rate", title=repr(self))
        whole_numbers(ax)
        return ax


def check_unit(per: object) -> None:
    """Check the unit that a schedule counts."""
    checks.one_of("per", per, ("step", "epoch"))
