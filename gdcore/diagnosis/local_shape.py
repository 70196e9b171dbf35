"""The loss around a model's parameters: its gradient, its curvature, and what a step could gain."""

from __future__ import annotations

import math
from functools import cached_property
from typing import final

import numpy as np
from numpy.typing import NDArray

from ..objective.objective import Objective
from ..objective.penalties import least_subgradient
from .bound import LearningRateBound, bound_from, spectrum_of
from .lanczos import Spectrum, lanczos
from .references import PRODUCTS, SEED, References

Vector = NDArray[np.float64]

SADDLE = 1e-3
"""Downward curvature above this share of the largest curvature makes a stationary point a saddle."""


@final
class LocalShape:
    """Value, slope and curvature of the loss at a model's parameters.

    Parameters
    ----------
    objective : Objective
        Of a float64 copy of the model, without dropout.
    references : References
        They say how small a gain counts as none.
    """

    def __init__(self, objective: Objective, references: References) -> None:
        self.objective, self.references = objective, references

    @cached_property
    def loss(self) -> float:
        """The loss with penalties."""
        return self.objective.value()

    @cached_property
    def gradient(self) -> Vector:
        """The gradient over all data, (n_params,)."""
        return self.objective.gradient()

    @cached_property
    def descent(self) -> Vector:
        """The gradient, (n_params,); for a weight that is 0 under an l1 penalty, the subgradient of least size."""
        found = self.gradient.copy()
        least_subgradient(self.objective.x, found, self.objective.penalties()[0])
        return found

    @cached_property
    def spectrum(self) -> Spectrum:
        """The spectrum of the Hessian, from a random start."""
        return spectrum_of(self.objective, PRODUCTS, SEED)

    @cached_property
    def bound(self) -> LearningRateBound:
        """The bound for plain gradient descent at the model's parameters."""
        return bound_from(spectrum_of(self.objective, PRODUCTS, SEED, low=None), self.objective.loss)

    @property
    def curves_down(self) -> bool:
        """Whether some direction curves downwards, however small the gradient."""
        ritz = self.spectrum.ritz
        return bool(ritz[0] < -SADDLE * max(abs(ritz[-1]), abs(ritz[0])))

    @property
    def largest_size(self) -> float:
        """A lower bound, close as a rule, of the largest absolute curvature."""
        low = self.bound.smallest_curvature
        return max(abs(self.bound.largest_curvature), abs(low) if low is not None else 0.0)

    @cached_property
    def is_stationary(self) -> bool:
        """Whether the curvature promises no step that lowers the loss by more than `smallest_gain`."""
        norm = float(np.linalg.norm(self.descent))
        size = self.largest_size
        if norm == 0:
            return True
        return size > 0 and self.gain <= self.smallest_gain

    @property
    def smallest_gain(self) -> float:
        """A smaller gain counts as none: a millionth of the loss, or roundoff relative to the first loss.

        Zero outputs are where it came from, or initial weights where zero outputs have no loss.
        """
        return max(
            1e-6 * abs(self.loss), 1e-12 * abs(self.references.loss_of_nothing or self.references.loss_of_starts)
        )

    @cached_property
    def gain(self) -> float:
        """How much Newton's step would lower the loss if it were quadratic; negative curvature counts by its size.

        One step of steepest descent gains less: where that is too much already, it is the answer.
        """
        norm = float(np.linalg.norm(self.descent))
        size = self.largest_size
        if norm == 0 or size == 0:
            return 0.0 if norm == 0 else math.inf
        one_step = norm**2 / size / 2
        if one_step > self.smallest_gain:
            return one_step
        found = lanczos(self.objective.hessian(), self.descent, PRODUCTS, 1e-6)
        curvature = np.maximum(np.abs(found.ritz), 1e-8 * size)
        return norm**2 / 2 * float(np.sum(found.weight / curvature))
