"""What stands on a kink at the parameters: units of layers, outputs, weights that are 0, and the sides they may take.

Design
------
- A unit is taken as standing on a kink where moving the parameters by NEAR of their scale may push it over: differences
  cannot tell it from one that stands there. Its own side is certain unless its input is within roundoff of the kink.
- Sums of nothing but zeros, as a row of zeros makes them under biases of zero, have no roundoff: they are 0 in every
  program, and one program takes one side of all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import final

import numpy as np
from numpy.typing import NDArray

from ...layers.activations import get_activation
from ...losses import Huber, SquaredHinge
from ..slopes.differences import spans
from ..slopes.evaluator import Vector
from .backward import Step, steps_of
from .objective import Objective
from .rounding import at_ends, forward_errors

NEAR = 2.0**-24
"""Of the parameters' scale."""
TINY = float(np.finfo(np.float64).tiny)
EPS = float(np.finfo(np.float64).eps)
BEND_STEP = 2.0**-9
"""Of differences of an activation's slope, to one side of a kink."""
SAME = 1e-6
LOSS, PENALTY = "loss", "l1"
"""Groups of kinks beside those of the activations, which have their names."""

Mask = NDArray[np.bool_]


@final
@dataclass(frozen=True)
class Standing:
    """Quantities (n, k) that may stand on a kink.

    Attributes
    ----------
    near : ndarray of bool
        Which do.
    unsure : ndarray of bool
        Which of these have no side of their own, or one that roundoff may change.
    side : ndarray
        Their own side: -1, 1, or 0 on the kink itself.
    """

    near: Mask
    unsure: Mask
    side: Vector


@final
@dataclass(frozen=True)
class Kinks:
    """Everything of an objective that stands on a kink.

    Attributes
    ----------
    steps : tuple of Step
        The layers, from the inputs on.
    outputs, error : ndarray, shape (n, k)
        What the model gives, and what that may be off by roundoff.
    units : tuple of Standing or None
        Of each step.
    losses : Standing or None
        Of the outputs.
    zeros : ndarray of bool, shape (n_params,)
        Weights of 0 under an L1 penalty.
    groups : tuple of str
        Activations, `LOSS` and `PENALTY`, of which something takes a side that others may choose otherwise.
    """

    steps: tuple[Step, ...]
    outputs: Vector
    error: Vector
    units: tuple[Standing | None, ...]
    losses: Standing | None
    zeros: Mask
    groups: tuple[str, ...]

    @property
    def count(self) -> int:
        """How many quantities stand on a kink."""
        standing = [int(one.near.sum()) for one in (*self.units, self.losses) if one is not None]
        return sum(standing) + int(self.zeros.sum())


def find_kinks(objective: Objective, order: int = 1) -> Kinks:
    """What stands on a kink of the objective (order 1), or of its gradient too (order 2)."""
    steps, outputs = steps_of(objective)
    exact, _, error = forward_errors(objective, EPS, 0.0)
    moved, _, out_moved = forward_errors(objective, EPS, NEAR * float(spans(objective.stack.params).max()))
    values = [*(step.x for step in steps[1:]), outputs]
    units, groups = [], set()
    for step, sure, reach, value in zip(steps, exact, moved, values, strict=True):
        one = None
        if step.kind == "dense" and turning_points(step.activation, order):
            one = standing(step.z, sure.z_error, reach.z_error, np.sign(value))
        units.append(one)
        if one is not None and one.unsure.any():
            groups.add(step.activation)
    turns = loss_turns(objective, outputs, order)
    losses = None if turns is None else standing(turns, error, out_moved, np.sign(turns))
    if losses is not None and losses.unsure.any():
        groups.add(LOSS)
    zeros = (objective.penalties()[0] > 0) & (objective.stack.params == 0)
    if zeros.any():
        groups.add(PENALTY)
    return Kinks(steps, outputs, error, tuple(units), losses, zeros, tuple(sorted(groups)))


def standing(z: Vector, error: Vector, reach: Vector, side: Vector) -> Standing | None:
    """Which of z stand on 0: within `reach` of it; those within `error` have the side that is given."""
    near, unsure = np.abs(z) <= reach, np.abs(z) <= error
    return Standing(near, unsure, np.where(unsure, side, np.sign(z))) if near.any() else None


def loss_turns(objective: Objective, outputs: Vector, order: int) -> Vector | None:
    """What is 0 where the loss's slope jumps; of order 2, also where its curvature does."""
    turns, loss, target = objective.turns(outputs), objective.loss, objective.data.target
    if turns is not None or order == 1 or target is None:
        return turns
    if isinstance(loss, SquaredHinge):
        margin: Vector = 1 - target * outputs
        return margin
    if isinstance(loss, Huber):
        beyond: Vector = np.abs(outputs - target) - loss.delta
        return beyond
    return None


@cache
def bends_at_zero(activation: str) -> tuple[float, float]:
    """An activation's second derivatives to the left and to the right of 0."""
    found = []
    for sign in (-1.0, 1.0):
        z = sign * np.array([TINY, *(BEND_STEP * np.arange(1, 7))])
        slope = at_ends(activation, z)[1]
        weights = np.array([-147, 360, -450, 400, -225, 72, -10]) / (60 * BEND_STEP)
        found.append(sign * float(weights @ slope))
    return found[0], found[1]


@cache
def turning_points(activation: str, order: int) -> bool:
    """Whether an activation's slope jumps at 0; of order 2, or its second derivative."""
    if get_activation(activation).kinks:
        return True
    left, right = bends_at_zero(activation)
    return order > 1 and abs(left - right) > SAME
