"""`minimize`, which applies the optimizers to a function of the user's.

Design
------
- A step evaluates the function, then the criteria, then updates x and projects it into the bounds. So a criterion sees
  the value and gradient at the very x that is returned, and nit steps take nit + 1 evaluations.
- Criteria and schedules are those of a fit; a step counts as an epoch.
- Everything is float64: the cost is the function's.
- `convergence.py` decides what counts as success, and when a small gradient does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..base import checks
from ..base.calls import explains_calls
from ..optimizers import Optimizer
from ..optimizers.adam import Adam
from ..optimizers.bounds import Limits
from ..optimizers.full_batch import FullBatch, get_method
from ..optimizers.line_search import run_scipy
from ..schedules import PlateauState, ReduceOnPlateau, Schedule
from ..training.epoch_end import EpochEnd, monitored
from ..training.stopping.base import StopSpec, criteria
from . import checks as minimize_checks
from .allocations import memory_errors
from .convergence import Convergence, leap
from .function import Function
from .observer import MONITORS, Observer
from .result import MinimizeResult, Trace

Vector = NDArray[np.float64]
OPTIMIZER = Adam(0.01)


@explains_calls
def minimize(
    fun: Callable[[Any], Any],
    x0: ArrayLike,
    *,
    jac: Literal[True] | Callable[[Any], Any] | None = True,
    optimizer: str | Optimizer | FullBatch = OPTIMIZER,
    max_steps: int = 10_000,
    stop: StopSpec | Iterable[StopSpec] | None = None,
    callback: Callable[[EpochEnd], bool | None] | None = None,
    trace: bool = False,
    bounds: Iterable[tuple[float | None, float | None]] | None = None,
) -> MinimizeResult:
    """Minimize a differentiable function by gradient descent.

    Parameters
    ----------
    fun : callable
        x -> (value, gradient), or x -> value if `jac` is not True. x is a copy, of x0's shape.
    x0 : array_like
        Starting point, a number or an array of any shape.
    jac : True, callable or None, default True
        True: `fun` returns the gradient too. A callable: x -> gradient. None: differences from 2 n evaluations, central
        except near bounds; no evaluation is outside the bounds.
    optimizer : str, Optimizer or FullBatch, default Adam(0.01)
        A name in `gdcore.OPTIMIZERS` or an optimizer object, whose rate is a number or a schedule; with SciPy also
        "lbfgs" or "cg".
    max_steps : int, default 10,000
        The most steps to make; at least 1.
    stop : StoppingCriterion, callable, or several, optional
        As in `Trainer.fit`; a step counts as an epoch, the value as its loss. With bounds the projected gradient is
        used: 0 for an entry of x at a bound that descent would cross. By default the gradient's norm must be below 1e-9
        times the observed curvature times the size of x, so scaling fun changes nothing. "lbfgs" and "cg" also have
        their own criteria.
    callback : callable, optional
        Called with an EpochEnd at x0 and after each step; True stops.
    trace : bool, default False
        Whether to keep every x and value in the result.
    bounds : iterable of (low, high), optional
        One pair for each number of x; None means no bound. x0 and x after each step are projected into the bounds.

    Returns
    -------
    MinimizeResult

    Raises
    ------
    TypeError, ValueError
        For invalid arguments or results of `fun`, and with `jac=None` for a function without a derivative.
    ImportError
        For "lbfgs" and "cg" if SciPy is not installed.

    Examples
    --------
    >>> import gdcore as gd
    >>> result = gd.minimize(lambda a: ((3 + 3 * a) ** 2, 18 * (a + 1)), 2.0, optimizer=gd.SGD(0.02))
    >>> float(result.x.round(6)), result.success
    (-1.0, True)
    """
    with memory_errors():
        minimize_checks.no_tree("x0", x0)
        start = checks.numbers_array("x0", x0, "float64")
        limits = None if bounds is None else minimize_checks.bounds(bounds, start.size)
        function = Function(fun, jac, start.shape, limits)
        x = start.ravel() if limits is None else np.clip(start.ravel(), *limits)
        if callback is not None:
            checks.function("callback", callback)
        steps = checks.integer("max_steps", max_steps, 1)
        method = get_method(optimizer)
        rules = () if stop is None else criteria(stop)
        convergence = Convergence(function, limits) if stop is None and isinstance(method, Optimizer) else None
        observer = Observer(rules, convergence, callback, steps, limits, checks.boolean("trace", trace))
        if isinstance(method, FullBatch):
            minimize_checks.takes_bounds(method, method.takes_bounds, limits is not None)
            message, success = _scipy(method, function, x, steps, observer, limits)
        else:
            message, success = _descend(method, function, x, steps, observer, limits)
        by_gradient = success and not observer.otherwise
        if by_gradient and observer.before and (flat := leap(function, observer.before, observer.here, limits)):
            message, success = flat, False
        for one in observer.criteria:
            one.finish(observer.x)
        if not np.array_equal(observer.x, observer.here.x):
            observer.fun, observer.jac = function(observer.x)
        path = Trace(np.array(observer.xs).reshape(-1, *start.shape), np.array(observer.values)) if trace else None
        shaped = observer.x.reshape(start.shape), float(observer.fun), observer.jac.reshape(start.shape)
        return MinimizeResult(*shaped, observer.nit, function.calls, success, message, path)


def _descend(
    optimizer: Optimizer,
    function: Function,
    x: Vector,
    steps: int,
    observer: Observer,
    limits: Limits | None,
) -> tuple[str, bool]:
    """Run the optimizer's own steps; return why they ended, and whether by a criterion."""
    x, state, plateau = x.copy(), optimizer.init(x.size, "float64"), PlateauState()
    schedule = optimizer.learning_rate
    rate, greater = 0.0, False
    if isinstance(schedule, ReduceOnPlateau):
        greater = monitored(schedule, schedule.monitor, schedule.mode, MONITORS).greater_is_better
    while True:
        value, grad = function(x)
        if what := _not_finite(value, grad):
            minimize_checks.finite_start(what, observer.nit < 0)
            where = f"after step {observer.nit + 1} at learning_rate {rate:g}"
            return f"{what} is not finite {where}: try a smaller one", False
        if isinstance(schedule, ReduceOnPlateau):
            plateau = schedule.observe(plateau, value, greater)
            rate = schedule(plateau.plateaus)
        else:
            rate = schedule(observer.nit + 1) if isinstance(schedule, Schedule) else schedule
        reason = observer.observe(x, value, grad, rate)
        if reason:
            return reason, True
        if observer.nit == steps:
            made = f"all {steps} steps were made"
            if not observer.has_diverged:
                return made, False
            grown = f"fun has grown from {observer.first:.3g} to {value:.3g}"
            return f"{made} and {grown}: it diverged at learning_rate {rate:g}, try a smaller one", False
        state.step(x, grad, rate if isinstance(schedule, ReduceOnPlateau) else None)
        if not np.isfinite(x).all():
            remedy = "a gradient of 0 over 0, pass eps > 0" if optimizer.divides_by_zero() else "try a smaller one"
            return f"x is not finite after step {observer.nit + 1} at learning_rate {rate:g}: {remedy}", False
        if limits is not None:
            np.clip(x, *limits, out=x)


def _not_finite(value: float, grad: Vector) -> str:
    """Return what is not finite; empty if both are."""
    return "fun" if not np.isfinite(value) else "" if np.isfinite(grad).all() else "its gradient"


def _scipy(
    method: FullBatch,
    function: Function,
    x: Vector,
    steps: int,
    observer: Observer,
    limits: Limits | None,
) -> tuple[str, bool]:
    """Run SciPy's steps; return why they ended, and whether by a criterion, SciPy's or ours."""
    reasons: list[str] = []

    def stepped(x: Vector, value: float, grad: Vector) -> bool:
        reason = observer.observe(x, value, grad, np.nan)
        reasons.extend([reason] if reason else [])
        return bool(reason)

    value, grad = function(x)
    minimize_checks.finite_start(_not_finite(value, grad), True)
    if stepped(x, value, grad):
        return reasons[0], True
    ended = run_scipy(method, function, x, steps, stepped, limits)
    return (reasons[0], True) if reasons else (ended.message, ended.converged)
