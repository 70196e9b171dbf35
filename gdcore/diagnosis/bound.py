"""The learning rates at which gradient descent is stable.

Design
------
Near a minimum the loss is a parabola along each eigenvector of its Hessian, and a step multiplies the error there by
1 - rate * eigenvalue: within -1 and 1 for every one of them only where the rate is below 2 / the largest. Momentum's
recurrence has two roots along each; both stay inside the unit circle up to a bound of its own.

A piecewise linear loss has no parabola at its minimum but an edge, about which any fixed rate swings. After a network
it has curvature, since layers multiply each other's weights, but no bound follows from that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import ArrayLike

from ..base import checks
from ..base.calls import explains_calls
from ..losses import CustomLoss, Loss
from ..models.sequential import Sequential
from ..objective.build import wide_objective
from ..objective.objective import Objective
from .lanczos import Spectrum, lanczos

TOLERANCE = 1e-9
"""The iteration stops once each end of the spectrum is known to within this share of the largest
absolute eigenvalue."""
OWN = 1e-6
"""The lower end must also be known to within this share of its own size."""
FLAT = 1e-10
"""Curvature below this share of the largest is roundoff: the direction counts as flat."""


@final
@dataclass(frozen=True, repr=False)
class LearningRateBound:
    """The largest stable learning rate, and the curvatures it follows from.

    Attributes
    ----------
    largest_curvature : float
        The largest eigenvalue of the loss's Hessian at the model's parameters.
    smallest_curvature : float or None
        The smallest eigenvalue; negative at a saddle, None if the iteration has not found it.
    error : float
        An eigenvalue lies within this distance of `largest_curvature`.
    products : int
        Number of products with the Hessian.
    momentum : float
        Momentum of the optimizer that `max_rate` is for.
    nesterov : bool
        Whether that momentum is Nesterov's.
    smallest_error : float
        An eigenvalue lies within this distance of `smallest_curvature`.
    straight : bool
        Whether the loss is piecewise linear, so that no bound follows from the curvature.

    Examples
    --------
    >>> import gdcore as gd
    >>> bound = gd.LearningRateBound(4.0, 1.0, 0.0, 2)
    >>> bound.max_rate, bound.best_rate, bound.condition_number
    (0.5, 0.4, 4.0)
    """

    largest_curvature: float
    smallest_curvature: float | None
    error: float
    products: int
    momentum: float = 0.0
    nesterov: bool = False
    smallest_error: float = 0.0
    straight: bool = False

    @property
    def max_rate(self) -> float:
        """Largest stable rate: 2 / λ for plain descent, `momentum_bound` with momentum."""
        return self.momentum_bound(self.momentum, nesterov=self.nesterov)

    @explains_calls
    def momentum_bound(self, momentum: float, *, nesterov: bool = False) -> float:
        """Return the largest stable rate with momentum m: 2 (1 + m) / λ, or Nesterov's 2 (1 + m) / ((1 + 2 m) λ).

        Parameters
        ----------
        momentum : float
            In [0, 1).
        nesterov : bool, default False

        Returns
        -------
        float
            Infinity if no direction curves upwards.

        References
        ----------
        Polyak, B. T. (1964). Some methods of speeding up the convergence of iteration methods.
        """
        m = checks.in_range("momentum", momentum, 0, 1)
        if self.largest_curvature <= 0 or self.straight:
            return math.inf
        return 2 * (1 + m) / ((1 + 2 * m if nesterov else 1) * self.largest_curvature)

    @property
    def _resolution(self) -> float:
        return max(self.smallest_error, FLAT * abs(self.largest_curvature))

    @property
    def _convex(self) -> bool:
        low = self.smallest_curvature
        return not self.straight and low is not None and low > self._resolution

    @property
    def condition_number(self) -> float | None:
        """Largest over smallest curvature; infinity if the smallest is 0 up to roundoff, None if it is unknown."""
        if self.smallest_curvature is None:
            return None
        return self.largest_curvature / self.smallest_curvature if self._convex else math.inf

    @property
    def best_rate(self) -> float | None:
        """2 / (smallest + largest), the plain fixed rate that converges fastest in the worst direction; None if not
        convex.
        """
        if self.smallest_curvature is None or not self._convex:
            return None
        return 2 / (self.smallest_curvature + self.largest_curvature)

    @property
    def steps_per_digit(self) -> float | None:
        """Steps at `best_rate` that reduce the worst direction's error tenfold, at least 1; None if `best_rate` is
        None.
        """
        if self.best_rate is None or self.smallest_curvature is None:
            return None
        return _steps(1 - self.best_rate * self.smallest_curvature)

    @property
    def best_momentum(self) -> tuple[float, float] | None:
        """(learning_rate, momentum) of the fastest descent with momentum on a quadratic; None if not convex."""
        if self.smallest_curvature is None or not self._convex:
            return None
        high, low = math.sqrt(self.largest_curvature), math.sqrt(self.smallest_curvature)
        return (2 / (high + low)) ** 2, ((high - low) / (high + low)) ** 2

    def __repr__(self) -> str:
        parts = [f"largest curvature {self.largest_curvature:.6g}: "]
        if math.isinf(self.max_rate):
            parts[0] += (
                "made of straight pieces, the loss sets no bound by its curvature"
                if self.straight or self.largest_curvature == self.smallest_curvature == 0
                else "no direction is curved upwards, no bound follows from it"
            )
            return parts[0]
        parts[0] += f"stable below the rate {self.max_rate:.6g}"
        if self.momentum:
            parts[0] += f" with {'Nesterov ' if self.nesterov else ''}momentum {self.momentum:g}"
        low = self.smallest_curvature
        if low is None:
            parts.append("smallest curvature: not settled")
        elif abs(low) <= self._resolution:
            parts.append(f"smallest curvature: not resolved, within {self._resolution:.2g} of 0: no best rate known")
        elif self.best_rate is None:
            parts.append(f"smallest curvature {low:.6g}: no best rate, the loss is not convex in every direction")
        else:
            steps = f"{self.steps_per_digit:.3g}"
            parts.append(
                f"smallest curvature {low:.6g}, condition number {self.condition_number:.4g}: "
                f"best plain rate {self.best_rate:.6g}, {steps} step{'s' * (steps != '1')} per digit"
            )
        return "\n".join(parts)


def _steps(factor: float) -> float:
    return 1.0 if factor <= 0.1 else math.log(10) / -math.log(factor)


def spectrum_of(objective: Objective, most: int, seed: int, low: float | None = 1.0) -> Spectrum:
    """Return the ends of the Hessian's spectrum, or only the upper one, by `lanczos` from a random start."""
    start = np.random.default_rng(seed).normal(size=objective.x.size)
    return lanczos(objective.hessian(), start, most, TOLERANCE, low)


def bound_from(
    spectrum: Spectrum, loss: Loss | CustomLoss | None, momentum: float = 0.0, nesterov: bool = False
) -> LearningRateBound:
    """Return the bound that follows from a spectrum; the lower end is included if it has converged."""
    high = float(spectrum.ritz[-1])
    settled = spectrum.low_error <= 10 * TOLERANCE * float(np.abs(spectrum.ritz).max())
    low = float(spectrum.ritz[0]) if settled else None
    error = 0.0 if low is None else spectrum.low_error
    straight = isinstance(loss, Loss) and loss.kink != ""
    return LearningRateBound(high, low, spectrum.high_error, len(spectrum.ritz), momentum, nesterov, error, straight)


@explains_calls
def learning_rate_bound(
    model: Sequential,
    X: ArrayLike,
    y: ArrayLike,
    loss: str | Loss | CustomLoss,
    *,
    sample_weight: ArrayLike | None = None,
    l2: float = 0.0,
    momentum: float = 0.0,
    nesterov: bool = False,
    max_products: int = 200,
    seed: int = 0,
) -> LearningRateBound:
    """Return the largest learning rate at which gradient descent on all data is stable near the model's parameters.

    For a linear model and a squared error the bound holds everywhere; for a network it changes with the parameters.

    Parameters
    ----------
    model : Sequential
        It is not changed; everything is computed with a float64 copy, without dropout.
    X, y, loss, sample_weight, l2
        As in `Sequential.loss`.
    momentum : float, default 0
        Momentum of the optimizer that `max_rate` is for, in [0, 1).
    nesterov : bool, default False
    max_products : int, default 200
        Most products with the Hessian, each of which costs about three gradients. The largest curvature converges long
        before the smallest, which may need more products.
    seed : int, default 0
        Seed of the random vector that the iteration starts from.

    Returns
    -------
    LearningRateBound

    Raises
    ------
    TypeError, ValueError
        For invalid arguments.

    References
    ----------
    Nesterov, Y. (2004). Introductory lectures on convex optimization. Springer.

    Examples
    --------
    >>> import gdcore as gd
    >>> line = gd.LinearModel(1, bias=False, weight_init="ones", dtype="float64")
    >>> gd.learning_rate_bound(line, [[1], [100]], [2, 200], "mse")
    largest curvature 10001: stable below the rate 0.00019998
    smallest curvature 10001, condition number 1: best plain rate 9.999e-05, 1 step per digit
    """
    checks.in_range("momentum", momentum, 0, 1)
    checks.boolean("nesterov", nesterov)
    most = checks.integer("max_products", max_products, 1)
    objective = wide_objective(model, X, y, loss, sample_weight, 0.0, l2)
    spectrum = spectrum_of(objective, most, checks.integer("seed", seed, 0), OWN)
    return bound_from(spectrum, objective.loss, momentum, nesterov)
