"""What is seen of a minimization, point by point, and what ends it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import final

import numpy as np
from numpy.typing import NDArray

from ..base import checks
from ..optimizers.bounds import Limits, projected
from ..training.epoch_end import EpochEnd, norm
from ..training.growth import has_grown
from ..training.stopping.base import StoppingCriterion
from ..training.stopping.thresholds import GradientNormThreshold
from .convergence import Convergence, Evaluation

Vector = NDArray[np.float64]

MONITORS = {"loss": False}
WHOLE, PROJECTED = "the full gradient", "the projected gradient"
"""Stop reasons call the gradient by the first name; under bounds by the second."""


@final
class Observer:
    """State of a minimization: the last good x, its value and gradient, the point before, and the criteria."""

    x: Vector
    here: Evaluation
    fun: float
    jac: Vector

    def __init__(
        self,
        rules: tuple[StoppingCriterion, ...],
        convergence: Convergence | None,
        callback: Callable[[EpochEnd], bool | None] | None,
        steps: int,
        limits: Limits | None,
        keep: bool,
    ) -> None:
        self.criteria = [rule.start(MONITORS) for rule in rules]
        self.by_gradient = [isinstance(rule, GradientNormThreshold) for rule in rules]
        self.convergence = convergence
        self.callback, self.steps, self.limits, self.keep = callback, steps, limits, keep
        self.began = time.perf_counter()
        self.nit = -1
        self.first, self.lowest = np.nan, np.inf
        self.before: Evaluation | None = None
        self.otherwise = False
        """Whether anything but a small gradient has asked to stop."""
        self.xs: list[Vector] = []
        self.values: list[float] = []

    def observe(self, x: Vector, value: float, grad: Vector, rate: float) -> str | None:
        """Record a point and return the reasons to stop there, or None."""
        self.before = None if self.nit < 0 else self.here
        self.nit += 1
        self.x, self.fun, self.jac = x.copy(), value, grad
        self.here = Evaluation(x.copy(), value, grad)
        self.first = value if self.nit == 0 else self.first
        self.lowest = min(self.lowest, value)
        if self.keep:
            self.xs.append(self.here.x)
            self.values.append(value)
        descent = projected(x, grad, self.limits)
        size = norm(descent)
        end = EpochEnd(
            self.nit,
            self.steps,
            {"loss": value},
            rate,
            size,
            time.perf_counter() - self.began,
            self.x,
            lambda: descent,
            lambda: descent,
        )
        answers = [criterion.observe(end) for criterion in self.criteria]
        self.otherwise = any(said and not its for said, its in zip(answers, self.by_gradient, strict=True))
        if self.convergence is not None:
            answers.append(self.convergence.reason(self.before, self.here, size))
        reasons = [reason for reason in answers if reason]
        if self.limits is not None:
            reasons = [reason.replace(WHOLE, PROJECTED) for reason in reasons]
        if self.callback is not None and self.callback(end):
            self.otherwise = True
            reasons.append(f"{checks.callable_name(self.callback)} asked to stop in step {self.nit}")
        return "; ".join(reasons) or None

    @property
    def has_diverged(self) -> bool:
        """Whether the value has grown past the first and far past the lowest."""
        return has_grown(self.first, self.fun, self.lowest)
