"""L-BFGS and conjugate gradients: SciPy's steps, and whether they end at a minimum.

Design
------
- SciPy sees the function times a power of two that brings its first gradient to 1: its tolerances, which are absolute,
  then do not depend on the function's units, and neither do the steps.
- Convergence is decided here, after each step: the gradient is small relative to earlier ones, the step was short, and
  it hardly lowered the value. The first alone holds in any flat valley below a steep start, the others after any bad
  step.
- If SciPy ends by itself and the gradient is not small, it is restarted there without its memory, as long as that
  lowers the value. The final point is a minimum if the fall that gradient and curvature promise is within the roundoff
  of the value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from ..base.optional import optional
from .bounds import Limits, projected
from .full_batch import FullBatch
from .recent import RecentLargest

Vector = NDArray[np.float64]
Objective = Callable[[Vector], tuple[float, Vector]]

ANEW = 1e-3
"""A round that achieves less than this share of the whole fall is the last one."""
ROUNDINGS = 256
"""A fall of at most this many eps of the value is invisible."""
ALL = 1e-2
"""A fall of more than this share of the value leads to 0, which roundoff cannot explain."""
VANISHED = 1e-20
"""A value below this share of the first one counts as 0; a sum of squares would fall by a share of itself for ever."""
NEAR = 1e-6
"""A gradient below this share of its largest shows that a minimum is near."""
DOUBTFUL = 1e-2
"""A gradient above this share of its largest is not explained by roundoff alone."""
ROUNDOFF = 1e-12
"""An ftol up to this asks for all that float64 can resolve."""
MAX_EXPONENT = 900
"""The scale's exponent stays below this, so that a scaled value is finite."""


class Ended(NamedTuple):
    """Where SciPy's method ended, why, and whether at a minimum."""

    x: Vector
    message: str
    converged: bool


def run_scipy(
    method: FullBatch,
    fun: Objective,
    x0: Vector,
    max_steps: int,
    stepped: Callable[[Vector, float, Vector], bool],
    limits: Limits | None = None,
) -> Ended:
    """Run SciPy's method from x0 (n,).

    Parameters
    ----------
    method : FullBatch
    fun : callable
        x -> value, gradient (n,), both finite at x0.
    x0 : ndarray, shape (n,)
    max_steps : int
    stepped : callable
        (x, value, gradient) after each step -> whether to stop.
    limits : (low, high), optional
        Bounds, each of shape (n,).

    Raises
    ------
    ImportError
        If SciPy is not installed.
    """
    minimize = optional("scipy.optimize", f"optimizer={method.name!r}", "scipy").minimize
    search = _Search(method, fun, x0, stepped, limits)
    pairs = None if limits is None else list(zip(*limits, strict=True))
    while not search.message:
        began = search.value
        found = minimize(
            search.scaled,
            search.x,
            jac=True,
            method=method.method,
            bounds=pairs,
            callback=search.accept,
            options={**method.options(), "maxiter": max_steps - search.steps},
        )
        if search.message:
            break
        if search.steps >= max_steps:
            return search.ended(f"not converged after {search.steps} steps", False)
        if not began - search.value > ANEW * (search.first - search.value):
            return search.judge(found.success and method.least_fall() > ROUNDOFF)
    return search.ended(search.message, True)


@final
class _Search:
    """The point reached, and what is known of the function so far."""

    def __init__(
        self,
        method: FullBatch,
        fun: Objective,
        x0: Vector,
        stepped: Callable[[Vector, float, Vector], bool],
        limits: Limits | None,
    ) -> None:
        self.method, self.fun, self.x0, self.stepped, self.limits = method, fun, x0, stepped, limits
        self.steps, self.message = 0, ""
        self.values_single = self.grads_single = True
        """Whether every number that fun has returned is one of float32."""
        self.evaluated: tuple[Vector, float, Vector] | None = None
        self.x = x0.copy()
        self.value, self.grad = self.evaluate(self.x)
        self.first = self.value
        self.sizes = RecentLargest()
        self.size = self.largest = 0.0
        self._look()
        exponent = int(np.clip(np.frexp(self.size or 1.0)[1], -MAX_EXPONENT, MAX_EXPONENT))
        self.scale = float(np.ldexp(1.0, -exponent))

    def evaluate(self, x: Vector) -> tuple[float, Vector]:
        """Return the value and the gradient; the last ones are kept."""
        if self.evaluated is None or not np.array_equal(self.evaluated[0], x):
            value, grad = self.fun(x)
            self.values_single = self.values_single and _is_single(np.array([value]))
            self.grads_single = self.grads_single and _is_single(grad)
            self.evaluated = x.copy(), value, grad
        return self.evaluated[1:]

    def scaled(self, x: Vector) -> tuple[float, Vector]:
        """Return the scaled value and gradient for SciPy."""
        value, grad = self.evaluate(x)
        return value * self.scale, grad * self.scale

    def accept(self, *, intermediate_result: Any) -> None:
        """Take over the point of a step; raising StopIteration makes SciPy stop."""
        x = np.array(intermediate_result.x)
        value, grad = self.evaluate(x)
        step, fall = float(np.linalg.norm(x - self.x)), self.value - value
        self.x, self.value, self.grad = x, value, grad
        self.steps += 1
        if self.stepped(x, value, grad):
            self.message = "stopped"
        else:
            self._look(step, fall)
        if self.message:
            raise StopIteration

    def _look(self, step: float = 0.0, fall: float = np.inf) -> None:
        """Decide whether x is a minimum, by its gradient and by the last step."""
        gtol = self.method.gtol
        self.size = float(np.abs(projected(self.x, self.grad, self.limits)).max(initial=0.0))
        self.largest = self.sizes.add(self.size)
        if self.size == 0:
            self.message = "the gradient is 0: converged"
        elif (
            self.size <= gtol * self.largest
            and step <= gtol**0.5 * self._reach()
            and (fall <= gtol * abs(self.value) or abs(self.value) <= VANISHED * abs(self.first))
        ):
            self.message = f"no entry of the gradient is above {gtol:g} of the largest: converged"

    def _reach(self) -> float:
        """Return the scale of x."""
        return float(max(np.linalg.norm(self.x), np.linalg.norm(self.x - self.x0))) or 1.0

    def _distance(self, eps: float) -> float:
        """Return how far the minimum is along the gradient, by the curvature there."""
        grad = projected(self.x, self.grad, self.limits)
        size = float(np.linalg.norm(grad))
        there = self.x - eps ** (1 / 3) * self._reach() / size * grad
        there = there if self.limits is None else np.clip(there, *self.limits)
        other = self.fun(there)[1]
        change, moved = float(np.linalg.norm(other - self.grad)), float(np.linalg.norm(there - self.x))
        return size * moved / change if 0 < change < np.inf else np.inf

    def judge(self, slow: bool) -> Ended:
        """Return the end of a run whose steps lower the value by too little, as ftol asks, or not at all."""
        if slow:
            return self.ended(f"a step lowered the value by less than {self.method.least_fall():g} of it", True)
        single = self.values_single or self.grads_single
        eps = float(np.finfo(np.float32 if single else np.float64).eps)
        distance, reach = self._distance(eps), self._reach()
        share, fall = self.size / self.largest, distance * self.size
        hidden = fall <= ROUNDINGS * eps * abs(self.value) or fall >= ALL * abs(self.value)
        close = distance <= eps**0.5 * reach and (hidden or share <= self.method.gtol)
        if single and (close or share < DOUBTFUL):
            words = f"ended at float32's roundoff, the gradient being {share:.1g} of its largest"
            remedy = "for a closer minimum compute in float64, dtype='float64'"
            return self.ended(f"the line search {words}: {remedy}", close)
        if close:
            words = f"ended at float64's roundoff, {distance / reach:.1g} of x from the minimum by the curvature"
            return self.ended(f"the line search {words}: converged", True)
        words = f"found no lower value, although the gradient is {share:.1g} of its largest"
        if share < NEAR:
            remedy = f"a minimum is near, but not as near as gtol={self.method.gtol:g} asks"
        else:
            remedy = "check it with gdcore.check_gradient, or begin elsewhere"
            remedy += ", or compute in float64, dtype='float64'" * single
        return self.ended(f"the line search {words}: {remedy}", False)

    def ended(self, message: str, converged: bool) -> Ended:
        return Ended(self.x, f"{self.method.name}: {message}", converged)


def _is_single(numbers: Vector) -> bool:
    """Return whether all numbers are exact in float32."""
    with np.errstate(over="ignore"):
        return np.array_equal(numbers.astype(np.float32), numbers, equal_nan=True)
