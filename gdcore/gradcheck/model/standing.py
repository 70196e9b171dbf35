"""What stands on a kink at the parameters: units of layers, outputs, weights that are 0, and the sides they may take.

Design
------
- A unit stands on the nearest kink of its activation, wherever that is, and has a side of it.
- A unit is taken as standing on a kink where moving the parameters by NEAR of their scale may push it over: differences
  cannot tell it from one that stands there. Its own side is certain unless its input is within roundoff of the kink.
- Sums of nothing but zeros, as a row of zeros makes them under biases of zero, have no roundoff: they are 0 in every
  program, and one program takes one side of all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import final

import numpy as np
from numpy.typing import NDArray

from ...layers.activations import ActivationLike, get_activation
from ...objective.objective import Objective
from ..slopes.differences import spans
from ..slopes.evaluator import Vector
from .activation import at_ends
from .backward import kernels_input, steps_of
from .kinds.kind import Step
from .loss_rounding import loss_kinks
from .rounding import forward_errors

NEAR = 2.0**-24
"""A quantity stands on a kink if moving the parameters by this share of their scale may push it over."""
TINY = float(np.finfo(np.float64).tiny)
EPS = float(np.finfo(np.float64).eps)
SLOPE_STEP = 2.0**-9
"""Differences of an activation's slope to one side of a kink take steps of this length."""
LOSS, PENALTY = "loss", "l1"
"""Groups of kinks beside those of the activations, which `group_of` names."""

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
    at : ndarray
        The kink that is nearest.
    """

    near: Mask
    unsure: Mask
    side: Vector
    at: Vector


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
        Kinks of activations, `LOSS` and `PENALTY`, of which something takes a side that others may choose otherwise.
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
    """Return what stands on a kink of the objective (order 1), or also of its gradient (order 2)."""
    steps, outputs = steps_of(objective)
    exact, _, error = forward_errors(objective, EPS, 0.0)
    moved, _, out_moved = forward_errors(objective, EPS, NEAR * float(spans(objective.x).max()))
    units, groups = [], set()
    for i, (step, sure, reach) in enumerate(zip(steps, exact, moved, strict=True)):
        kinks, one = activation_kinks(step.activation, order), None
        if kinks:
            one = standing(step.z, nearest(kinks, step.z), sure.z_error, reach.z_error)
        if one is not None and one.unsure.any():
            side = np.sign(kernels_input(objective, i) - one.at)
            one = replace(one, side=np.where(one.unsure, side, one.side))
            groups |= {group_of(step.activation, kink, order) for kink in np.unique(one.at[one.unsure]).tolist()}
        units.append(one)
    jumps = loss_kinks(objective, outputs, order)
    losses = None if jumps is None else standing(jumps, np.zeros_like(jumps), error, out_moved)
    if losses is not None and losses.unsure.any():
        groups.add(LOSS)
    zeros = (objective.penalties()[0] > 0) & (objective.x == 0)
    if zeros.any():
        groups.add(PENALTY)
    return Kinks(steps, outputs, error, tuple(units), losses, zeros, tuple(sorted(groups)))


def standing(z: Vector, kink: Vector, error: Vector, reach: Vector) -> Standing | None:
    """Return which of z stand on a kink each: within `reach` of it; those within `error` are unsure. None for none."""
    gap = z - kink
    near, unsure = np.abs(gap) <= reach, np.abs(gap) <= error
    return Standing(near, unsure, np.sign(gap), kink) if near.any() else None


def nearest(kinks: tuple[float, ...], z: Vector) -> Vector:
    """Return the kink nearest to each z (n, k); the lower one of two."""
    places = np.array(kinks)
    between = (places[1:] + places[:-1]) / 2
    found: Vector = places[np.searchsorted(between, z)]
    return found


def group_of(activation: ActivationLike, kink: float, order: int) -> str:
    """Return the name of those that stand on one kink of an activation."""
    return f"{activation} at {kink:g}" if len(activation_kinks(activation, order)) > 1 else str(activation)


def one_sided_curvature(activation: ActivationLike, z: Vector, side: Vector) -> Vector:
    """Return an activation's second derivative at z, from slopes there and further on, on the side -1 or 1 of each."""
    nodes = np.asarray(z) + SLOPE_STEP * np.arange(7).reshape(-1, *[1] * np.ndim(z)) * side
    weights = np.array([-147, 360, -450, 400, -225, 72, -10]) / (60 * SLOPE_STEP)
    found: Vector = side * np.tensordot(weights, at_ends(activation, nodes)[1], 1)
    return found


def beside(kink: float, side: int) -> float:
    """Return the nearest number to one side of a kink."""
    return side * TINY if kink == 0 else float(np.nextafter(kink, side * np.inf))


@cache
def slopes_at(activation: ActivationLike, kink: float) -> tuple[float, float, float]:
    """Return an activation's slopes to the left of a kink, on it and to the right."""
    left, here, right = at_ends(activation, np.array([beside(kink, -1), kink, beside(kink, 1)]))[1].tolist()
    return left, here, right


@cache
def curvatures_at(activation: ActivationLike, kink: float) -> tuple[float, float]:
    """Return an activation's second derivatives to the left and to the right of a kink."""
    sides = np.array([-1.0, 1.0])
    left, right = one_sided_curvature(activation, np.array([beside(kink, -1), beside(kink, 1)]), sides).tolist()
    return left, right


def activation_kinks(activation: ActivationLike, order: int) -> tuple[float, ...]:
    """Return where an activation's slope jumps; for order 2, also its second derivative. "" is none."""
    if not activation:
        return ()
    row = get_activation(activation)
    return row.all_kinks if order > 1 else row.kinks
