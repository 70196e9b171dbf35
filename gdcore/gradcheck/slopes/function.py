"""Any function as the checker's evaluator.

Design
------
- What fun receives is a fresh copy of x each time, in x's own precision and shape: it may write into it.
- What it returns may be a number or an array or tensor of one element. A float32 result makes float32 the precision of
  everything: steps and noise follow.
- Its noise is measured once, a step away from x, and never taken as less than a few eps of its value.
- Away from x a function may leave its domain: an arithmetic error or a ValueError there counts as NaN, and the step
  shrinks. At x itself it is the caller's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from .. import checks as gradcheck_checks
from .differences import scales
from .evaluator import Differences, Indices, Vector
from .noise import SPACING, noise_along
from .search import FIRST_POWER

OWN_ROUNDINGS = 2.0
DEVIATIONS = 6.0
"""A difference of two values is trusted to within this many standard deviations of the measured noise."""
REPEATABLE = 2.0**12
"""Two calls at the same point may differ by this many eps of the value, as sums by several threads do."""


@final
class FunctionEvaluator:
    """Evaluates f by calling it; its kinks are unknown.

    Parameters
    ----------
    fun : callable
        x of shape (n,) -> a number, or an array of one.
    x : ndarray, shape (n,), float64 or float32
    ends : bool, default True
        Whether f may have a domain: errors of arithmetic and ValueErrors away from x count as NaN.

    Raises
    ------
    TypeError, ValueError
        Where f(x) is not one finite real number, or differs from call to call.

    Examples
    --------
    >>> import numpy as np
    >>> evaluator = FunctionEvaluator(lambda x: x[0] ** 2, np.array([3.0]))
    >>> evaluator.at(np.array([0]), np.array([4.0])).values
    array([7.])
    """

    def __init__(self, fun: Callable[[NDArray[Any]], Any], x: NDArray[Any], ends: bool = True) -> None:
        self._fun = fun
        self._caught = (ArithmeticError, ValueError) if ends else ()
        self._dtype = x.dtype
        self.calls = 0
        self.failure: Exception | None = None
        value, single = self._call(x.astype(np.float64))
        self.eps = float(np.finfo(np.float32 if single or x.dtype == np.float32 else np.float64).eps)
        self.x = x.astype(np.float32).astype(np.float64) if single else x.astype(np.float64)
        self.pattern = 0
        self.value = gradcheck_checks.finite_value("fun(x)", self._call(self.x)[0] if single else value)
        apart = abs(self._call(self.x)[0] - self.value)
        gradcheck_checks.repeatable("fun", apart, self.value, REPEATABLE * self.eps)
        self._noise = max(apart, self._measured())

    def _call(self, x: Vector) -> tuple[float, bool]:
        """Return the value, and whether its precision is below float64."""
        self.calls += 1
        return gradcheck_checks.one_number("fun", self._fun(x.astype(self._dtype)))

    def _measured(self) -> float:
        signs = np.random.default_rng(0).choice([-1.0, 1.0], len(self.x))
        reach = scales(self.x, self.eps) * signs
        near = self.x + reach * self.eps**FIRST_POWER
        return noise_along(self._tried, near, reach * SPACING * self.eps)

    def _tried(self, x: Vector) -> float:
        try:
            with np.errstate(all="ignore"):
                return self._call(x)[0]
        except self._caught as error:
            self.failure = error
            return float("nan")

    def _differences(self, values: Vector) -> Differences:
        with np.errstate(invalid="ignore"):
            own = OWN_ROUNDINGS * self.eps * (np.abs(values) + abs(self.value))
            noise = np.where(np.isfinite(values), own + DEVIATIONS * self._noise, 0.0)
            return Differences(values - self.value, noise, np.zeros(len(values), np.uint64))

    def at(self, indices: Indices, points: Vector) -> Differences:
        """Return differences where one entry of x is replaced."""
        x, values = self.x.copy(), np.empty(len(points))
        for j, i in enumerate(indices):
            x[i] = points[j]
            values[j] = self._tried(x)
            x[i] = self.x[i]
        return self._differences(values)

    def along(self, direction: Vector, steps: Vector) -> Differences:
        """Return differences along a line."""
        return self._differences(np.array([self._tried(self.x + step * direction) for step in steps]))

    def notes(self) -> tuple[str, ...]:
        """Return what a reader of the report should know."""
        found = []
        if self.eps > np.finfo(np.float64).eps:
            found.append("fun computes in float32: only errors beyond its roundoff are seen")
        if self.failure is not None:
            found.append(f"away from x fun raised {type(self.failure).__name__}: {self.failure}")
        return tuple(found)
