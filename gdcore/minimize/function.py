"""The user's function, in whatever form it is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from ..base import checks
from ..optimizers.bounds import Limits
from . import checks as minimize_checks
from .differences import EPS, check_differentiable, differences

Vector = NDArray[np.float64]


@final
class Function:
    """The user's function as x (n,) -> value, gradient (n,), whose evaluations are counted."""

    def __init__(self, fun: Callable[[Any], Any], jac: object, shape: tuple[int, ...], limits: Limits | None) -> None:
        checks.function("fun", fun)
        minimize_checks.jacobian(jac)
        self.fun, self.jac, self.shape, self.limits = fun, jac, shape, limits
        self.calls = 0
        self.checked = False
        self.eps = EPS
        """The roundoff of the values that `value` has returned."""

    def value(self, x: Vector) -> float:
        self.calls += 1
        found = self.fun(x.reshape(self.shape).copy())
        if np.asarray(found).dtype == np.float32:
            self.eps = float(np.finfo(np.float32).eps)
        return minimize_checks.objective_value(found, "fun")

    def __call__(self, x: Vector) -> tuple[float, Vector]:
        if self.jac is True:
            self.calls += 1
            value, grad = minimize_checks.objective_pair(self.fun(x.reshape(self.shape).copy()))
            return minimize_checks.objective_value(value, "fun"), minimize_checks.objective_gradient(grad, self.shape)
        value = self.value(x)
        if callable(self.jac):
            return value, minimize_checks.objective_gradient(self.jac(x.reshape(self.shape).copy()), self.shape)
        if not np.isfinite(value):
            return value, np.full(x.size, np.nan)
        slopes = differences(self.value, x, value, self.limits, self.eps)
        if not self.checked:
            check_differentiable(self.value, x, value, slopes, self.limits, self.eps)
            self.checked = True
        return value, slopes
