"""scikit-learn's solver "lbfgs": SciPy's L-BFGS-B on the whole data, with its limits and warnings."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy.optimize
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from ..models import Sequential
from .converted_losses import ConvertedLoss
from .rows import Rows
from .warn import warn


class Limits(NamedTuple):
    """Where the solver ends: iterations, evaluations, and the largest entry of the gradient."""

    max_iter: int
    max_fun: int
    tol: float


class Solved(NamedTuple):
    """The penalized loss in scikit-learn's units of its gradient, and the number of iterations."""

    loss: float
    n_iter: int


def warn_of_unused(est: Any, validation_data: Any) -> None:
    """Warn of parameters that the solver makes no use of; of scikit-learn's own there is no warning, as there."""
    values = {name: getattr(est, name) for name in ("average", "clip_norm", "clip_value")}
    values |= {name: tuple(np.atleast_1d(getattr(est, name))) or None for name in ("metrics", "callbacks")}
    values |= {"dropout": np.any(est.dropout) or None, "validation_data": validation_data}
    names = [name for name, value in values.items() if value is not None]
    if names:
        warn(
            f"lbfgs takes all data at once, and makes no use of {', '.join(names)}: leave it out, or use solver='adam'"
        )


def solve(net: Sequential, rows: Rows, converted: ConvertedLoss, l1: float, l2: float, limits: Limits) -> Solved:
    """Minimize the penalized loss from the network's parameters on, and leave the minimum in it.

    `l1` and `l2` are in gdcore's units. A trial point whose loss is not finite counts as infinitely bad.
    """
    best = net.params.astype(np.float64)

    def value_and_gradient(x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        net.params = x
        try:
            value, grad = net.loss_and_grad(rows.X, rows.y, converted.loss, sample_weight=rows.weight, l1=l1, l2=l2)
        except ArithmeticError:
            return np.inf, np.zeros_like(x)
        return converted.scale * value, converted.scale * grad.astype(np.float64)

    try:
        found: Any = scipy.optimize.minimize(
            value_and_gradient,
            best,
            method="L-BFGS-B",
            jac=True,
            options={"maxfun": limits.max_fun, "maxiter": limits.max_iter, "gtol": limits.tol},
        )
        best = found.x
    finally:
        net.params = best
        net.stack.trained_loss = converted.loss
    n_iter = min(int(found.nit), limits.max_iter)
    if found.status != 0:
        more = f"Increase max_iter={limits.max_iter}, or scale" if n_iter == limits.max_iter else "Scale"
        warn(
            f"lbfgs failed to converge after {n_iter} iteration(s) (status={found.status}): {found.message}. "
            f"{more} the data, for example by StandardScaler.",
            ConvergenceWarning,
        )
    return Solved(float(found.fun), n_iter)
