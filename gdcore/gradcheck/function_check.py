"""`check_gradient`, which checks the gradient of any function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..base import checks
from ..base.calls import explains_calls
from . import checks as gradcheck_checks
from .arrays import converter, kept_random_state, plain
from .examine import GivenGradient, Sampling, assemble, examine
from .model.kinks import Sides
from .modes import settle
from .report.causes import explain
from .report.report import GradientReport
from .slopes.differences import spans, typical_size
from .slopes.entries import Roundoff, blocks_of
from .slopes.evaluator import Vector
from .slopes.function import REPEATABLE, FunctionEvaluator

ROUNDINGS = 4.0
"""Below float64, each term of a gradient may be off by this many roundings."""
WORK = 1e6
"""For "auto", one call of a Python function counts as this many multiply-adds."""


def own_roundoff(gradient: Vector, span: Vector, eps: float) -> Vector:
    """Return how far a gradient (n,) computed with numbers of this eps may be off.

    Below float64 an entry may be a small difference of terms as large as those of a typical entry.
    """
    size = np.abs(gradient)
    if eps <= np.finfo(np.float64).eps:
        return eps * size
    with np.errstate(over="ignore", invalid="ignore"):
        effects = np.where(np.isfinite(size), size * span, 0.0)
        return ROUNDINGS * eps * (size + typical_size(effects) / span)


@explains_calls
def check_gradient(
    fun: Callable[..., Any],
    grad: Callable[..., Any] | ArrayLike | bool,
    x: Any,
    *,
    args: tuple[Any, ...] = (),
    mode: str = "auto",
    samples_per_block: int = 32,
    directions: int = 4,
    seed: int = 0,
) -> GradientReport:
    """Check the gradient of any function at a point.

    Parameters
    ----------
    fun : callable
        fun(x, *args) -> a number, or (number, gradient) if `grad` is True. It may use NumPy, autograd, JAX or torch.
        Each call gets a new copy of the type of `x`; a tensor requires grad if x does. If the result is float32, the
        check has float32's precision.
    grad : callable, array_like or True
        grad(x, *args) -> the gradient, of x's shape; or the gradient at x itself; True means that fun returns it too.
        In float32 it may be off by float32's roundoff.
    x : array_like, any shape
        The point at which to check. It is not changed.
    args : tuple, default ()
        Further arguments of fun and grad, as in SciPy.
    mode : {"auto", "full", "sample", "directions"}, default "auto"
        "full" checks every entry, "sample" some of them. "directions" checks derivatives along random directions; a
        wrong one is bisected down to one entry. "auto" is "full" unless x is large.
    samples_per_block, directions : int, default 32 and 4
        Number of entries that "sample" checks, and of directions that "directions" does.
    seed : int, default 0
        Seed of the drawn entries or directions.

    Returns
    -------
    GradientReport
        `report.ok`, `print(report)`, `report.raise_if_failed()`.

    Raises
    ------
    TypeError, ValueError
        If fun(x) is not one finite number or differs from call to call, or the gradient has another shape than x.
        What fun raises at x itself is passed on.

    Examples
    --------
    >>> import numpy as np, gdcore as gd
    >>> x = np.array([0.5, 2.0])
    >>> gd.check_gradient(lambda x: float(np.sum(x**3)), lambda x: 3 * x**2, x).ok
    True
    >>> gd.check_gradient(lambda x, a: (a * float(x @ x), 2 * x), True, x, args=(5,)).causes
    ('the gradient is 0.2 times the true gradient in every entry',)
    """
    sampling, args = Sampling(samples_per_block, directions, seed), checks.instance("args", args, tuple, "(1.0,)")
    checks.function("fun", fun)
    gradcheck_checks.is_given("grad", grad)
    point = gradcheck_checks.point("x", plain(x))
    shape, convert = point.shape, converter(x)
    with kept_random_state():
        pair = grad is True

        def call(function: Callable[..., Any], flat: NDArray[Any]) -> Any:
            return function(convert(flat.reshape(shape)), *args)

        def value(flat: NDArray[Any]) -> Any:
            found = call(fun, flat)
            return plain(gradcheck_checks.value_and_gradient("fun", found)[0] if pair else found)

        def gradient() -> tuple[Vector, str]:
            if callable(grad):
                found = call(grad, evaluator.x.astype(point.dtype))
            elif pair:
                found = gradcheck_checks.value_and_gradient("fun", call(fun, evaluator.x.astype(point.dtype)))[1]
            else:
                found = grad
            found = plain(found)
            return gradcheck_checks.gradient("grad", found, shape), gradcheck_checks.claimed_precision(found)

        evaluator = FunctionEvaluator(value, point.ravel())
        analytic, dtype = gradient()
        eps = max(float(np.finfo(dtype).eps), evaluator.eps)
        gradcheck_checks.repeatable_gradient("grad", analytic, gradient()[0], REPEATABLE * eps)
        plan = settle(mode, analytic.size, WORK)
        blocks = blocks_of([("x", point)])
        own = own_roundoff(analytic, spans(evaluator.x), eps)
        given = GivenGradient(analytic, Roundoff(own, own), blocks, eps)
        found = examine(evaluator, given, plan.mode, sampling, Sides(None))
        causes = explain(found.entries, blocks, whole="the gradient")
        return assemble(evaluator, blocks, found, plan, causes, notes=evaluator.notes())
