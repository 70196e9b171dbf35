"""The learning rates that an optimizer was given, and the largest that would have been stable."""

from __future__ import annotations

import math
from functools import cached_property
from typing import final

from ..optimizers import SGD, Optimizer
from ..optimizers.full_batch import FullBatch
from ..schedules import Schedule
from ..training import History
from .bound import LearningRateBound
from .local_shape import LocalShape
from .references import References


@final
class GivenRates:
    """The rates of a run, from its optimizer and its history, beside their bounds.

    Parameters
    ----------
    optimizer : Optimizer, FullBatch or None
    history : History or None
    local : LocalShape
        The bound at the model's parameters is taken from it.
    references : References
        The bound at initial weights is taken from it.
    """

    def __init__(
        self,
        optimizer: Optimizer | FullBatch | None,
        history: History | None,
        local: LocalShape,
        references: References,
    ) -> None:
        self.optimizer, self.history, self.local, self.references = optimizer, history, local, references

    @property
    def sgd(self) -> SGD | None:
        """The optimizer if it is `SGD`, for which a bound is known."""
        return self.optimizer if isinstance(self.optimizer, SGD) else None

    @property
    def schedule(self) -> Schedule | None:
        """The schedule of the optimizer's rate, if it has one."""
        rate = self.optimizer.learning_rate if isinstance(self.optimizer, Optimizer) else None
        return rate if isinstance(rate, Schedule) else None

    @property
    def rate(self) -> float | None:
        """The fixed rate; for a schedule the last one in the history, or its first one without a history."""
        if not isinstance(self.optimizer, Optimizer):
            return None
        rate = self.optimizer.learning_rate
        if not isinstance(rate, Schedule):
            return float(rate)
        return self.history.learning_rate[-1] if self.history and self.history.learning_rate else rate(0)

    @property
    def highest_rate(self) -> float | None:
        """The highest rate in the history, or `rate` without one."""
        recorded = self.history.learning_rate if self.history else []
        return max([rate for rate in recorded if rate == rate], default=self.rate)

    @cached_property
    def rate_bound(self) -> float:
        """The largest stable rate of the given SGD here, with its momentum, dampening and decay."""
        return math.inf if self.sgd is None else _stable_rate(self.sgd, self.local.bound)

    @cached_property
    def start_rate_bound(self) -> float:
        """The same bound at initial weights."""
        if self.sgd is None or self.references.start_bound is None:
            return math.inf
        return _stable_rate(self.sgd, self.references.start_bound)


def _stable_rate(rule: SGD, bound: LearningRateBound) -> float:
    if math.isinf(bound.max_rate):
        return math.inf
    if rule.momentum >= 1:
        return 0.0
    plain = bound.momentum_bound(rule.momentum, nesterov=rule.nesterov)
    high = bound.largest_curvature
    share = 1 - rule.dampening if rule.momentum else 1.0
    return plain * high / (high + rule.weight_decay) / share if share > 0 else math.inf
