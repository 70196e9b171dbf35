"""What a model's loss is compared with: the losses of zero outputs and of initial weights.

Design
------
- If a run has blown up, the curvature where it ended says nothing about the cause. That at initial weights does.
- A model with a seed began at weights that can be drawn again; for one without a seed other draws stand for them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import final

import numpy as np
from numpy.typing import NDArray

from ..layers.layer import Layer
from ..models.sequential import Sequential
from ..objective.objective import Objective
from ..training import History
from .bound import LearningRateBound, bound_from, spectrum_of
from .passes import dense_outputs, plain_layers

Vector = NDArray[np.float64]

PRODUCTS = 100
"""At most this many products with the Hessian are spent on its extreme eigenvalues."""
SEED = 0
STARTS = 3
"""The losses of this many draws of initial weights show where runs begin."""
BLOWN = 2.0
"""A final loss this many times above both references (zero outputs, fresh weights) means the run blew up."""
THROWN = 10.0
"""A peak this many times above both references also counts as a blow-up, if the final loss is still above the
zero-output loss."""


@final
class References:
    """Losses that do not depend on what training has made of the parameters, and where the run's own stand to them.

    Parameters
    ----------
    objective : Objective
        Of a float64 copy of the model, without dropout.
    history : History or None
    """

    def __init__(self, objective: Objective, history: History | None) -> None:
        self.objective, self.history = objective, history

    @cached_property
    def loss_of_nothing(self) -> float:
        """The loss of zero outputs: the scale of what can be learned."""
        return self.objective.loss_of(np.zeros((len(self.objective.data.X), self.objective.stack.out_features)))[0]

    @cached_property
    def loss_of_starts(self) -> float:
        """The largest loss, without penalties, of a few draws of the model's initial weights."""
        return self._loss_begun(self.objective.stack.layers)

    @cached_property
    def loss_of_auto(self) -> float:
        """The same with weight_init="auto" and biases of 0."""
        return self._loss_begun(plain_layers(self.objective.stack))

    @cached_property
    def first_outputs(self) -> list[Vector] | None:
        """Outputs of each dense layer with the initial weights of the model's seed; None without a seed."""
        return None if self.objective.stack.seed is None else self._begun(self.objective.stack.seed)

    @cached_property
    def start_bound(self) -> LearningRateBound | None:
        """The bound at initial weights drawn with the model's seed; None where products with the Hessian overflow."""
        seed = SEED if self.objective.stack.seed is None else self.objective.stack.seed
        begun = self.objective.at(Sequential(*self.objective.stack.layers, seed=seed, dtype="float64").params)
        if not has_norm(begun.hessian()(np.ones(begun.x.size))):
            return None
        return bound_from(spectrum_of(begun, PRODUCTS, SEED, low=None), begun.loss)

    @property
    def blown_up(self) -> bool:
        """Whether the run blew up: it ended far up, or went farther up and ended above the loss of zero outputs."""
        if self.ends_high:
            return True
        losses, nothing = self._losses, self.loss_of_nothing
        return bool(losses) and losses[-1] > nothing and self._above(max(losses), THROWN, self.loss_of_starts)

    @property
    def ends_high(self) -> bool:
        """Whether the last loss is far above those of zero outputs and of initial weights."""
        return bool(self._losses) and self._above(self._losses[-1], BLOWN, self.loss_of_starts)

    @property
    def stays_high(self) -> bool:
        """Whether the last loss is far above those of zero outputs and of untrained weight_init="auto"."""
        return bool(self._losses) and self._above(self._losses[-1], BLOWN, self.loss_of_auto)

    def _begun(self, seed: int, layers: Sequence[Layer] | None = None) -> list[Vector]:
        """Return the outputs of each dense layer with the initial weights of a seed."""
        layers = self.objective.stack.layers if layers is None else layers
        begun = Sequential(*layers, seed=seed, dtype="float64").stack
        return dense_outputs(replace(self.objective, stack=begun))[1]

    def _loss_begun(self, layers: Sequence[Layer]) -> float:
        return max(self.objective.loss_of(self._begun(seed, layers)[-1])[0] for seed in range(STARTS))

    @property
    def _losses(self) -> list[float]:
        return self.history.loss if self.history else []

    def _above(self, loss: float, times: float, start: float) -> bool:
        nothing = self.loss_of_nothing
        return loss > nothing + (times - 1) * abs(nothing) and loss > times * start


def has_norm(vector: Vector) -> bool:
    """Return whether the sum of squares is finite."""
    return bool(np.abs(vector).max() < math.sqrt(np.finfo(np.float64).max / vector.size))
