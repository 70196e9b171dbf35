"""A model's objective as the checker's evaluator, with differences from compiled code.

Design
------
- The kernels recompute only what a parameter changes, subtract sample by sample, know where signs decide a slope, and
  report the remaining roundoff.
- A loss that Python computes is called with the moved outputs. Its roundoff is measured by moving its outputs by no
  more than their own roundoff. Kinks inside it are detected in the differences.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from ...losses import Loss
from ...objective.objective import Objective
from .. import checks as gradcheck_checks
from ..slopes.evaluator import Differences, Indices, Vector
from ..slopes.function import REPEATABLE

Outputs = NDArray[np.float64]
Sweep = Callable[[slice, Vector, Vector, NDArray[np.uint64], Outputs | None], None]

PATTERN = 1
"""The pattern of x itself; the kernels report which signs have changed."""
EPS = float(np.finfo(np.float64).eps)
LOSS_ROUNDINGS = 8.0
TREMBLES = 8
"""A loss in Python is called this many times to measure its roundoff."""
SAFETY = 4.0
"""Its roundoff is taken as this many times the largest change seen."""
CHUNK = 2**21
"""At most this many outputs of moved points are held at once."""


@final
class ModelEvaluator:
    """An objective around its parameters, which must stay as they are.

    Parameters
    ----------
    objective : Objective
        Of a float64 stack.

    Examples
    --------
    >>> import numpy as np, gdcore as gd
    >>> from ...objective.build import objective_of
    >>> line = gd.LinearModel(1, bias=False, weight_init="zeros", dtype="float64")
    >>> evaluator = ModelEvaluator(objective_of(line.stack, [[3.0]], [1.0], "mse"))
    >>> evaluator.value, evaluator.at(np.array([0]), np.array([1.0])).values    # of (3 w - 1)^2 from w = 0
    (1.0, array([3.]))
    """

    def __init__(self, objective: Objective) -> None:
        self.x: Vector = objective.x.copy()
        self.eps = EPS
        self.pattern = PATTERN
        self._objective = objective
        self._calls = objective.loss is not None and not isinstance(objective.loss, Loss)
        self._probe = objective.probe()
        self._shape = (len(objective.data.X), objective.stack.out_features)
        self.value = self._probe.value()
        if self._calls:
            self._base, self._roundoff = self._called_at_x()
            self.value += self._base
        gradcheck_checks.finite_value("the loss", self.value)

    def _call(self, outputs: Outputs) -> float:
        return self._objective.loss_of(outputs)[0]

    def _called_at_x(self) -> tuple[float, float]:
        """Return the value of a loss in Python, and its roundoff."""
        outputs, error = np.empty((2, *self._shape))
        self._probe.outputs(outputs, error)
        rng = np.random.default_rng(0)
        value = gradcheck_checks.finite_value("the loss", self._call(outputs.copy()))
        gradcheck_checks.repeatable("loss", abs(self._call(outputs.copy()) - value), value, REPEATABLE * EPS)
        moved = [self._call(outputs + error * rng.choice([-1.0, 1.0], self._shape)) for _ in range(TREMBLES)]
        return value, SAFETY * float(np.max(np.abs(np.array(moved) - value)))

    def _collect(self, count: int, sweep: Sweep) -> Differences:
        """Return everything about `count` points; `sweep` has the kernels evaluate some of them."""
        change, noise, patterns = np.empty(count), np.empty(count), np.empty(count, np.uint64)
        rows, outputs = self._shape
        share = max(1, CHUNK // (rows * outputs)) if self._calls else count
        for first in range(0, count, max(share, 1)):
            some = slice(first, min(first + share, count))
            moved = np.empty((some.stop - first, rows, outputs)) if self._calls else None
            sweep(some, change[some], noise[some], patterns[some], moved)
            if moved is not None:
                values = np.array([self._call(out) for out in moved])
                change[some] += values - self._base
                noise[some] += self._roundoff + LOSS_ROUNDINGS * EPS * (np.abs(values) + abs(self._base))
        noise[np.isnan(noise)] = np.inf  # nothing is known after an overflow
        return Differences(change, np.where(np.isfinite(change), noise, 0.0), patterns + np.uint64(PATTERN))

    def at(self, indices: Indices, points: Vector) -> Differences:
        """Return differences where one parameter is replaced."""
        indices, points = np.ascontiguousarray(indices, np.int64), np.ascontiguousarray(points, np.float64)

        def sweep(some: slice, *results: Any) -> None:
            self._probe.at(indices[some], points[some], *results)

        return self._collect(len(points), sweep)

    def along(self, direction: Vector, steps: Vector) -> Differences:
        """Return differences along a line."""
        direction, steps = np.ascontiguousarray(direction, np.float64), np.ascontiguousarray(steps, np.float64)

        def sweep(some: slice, *results: Any) -> None:
            self._probe.along(direction, steps[some], *results)

        return self._collect(len(steps), sweep)
