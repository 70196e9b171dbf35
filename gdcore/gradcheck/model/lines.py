"""How what stands on a kink goes on: along a line, with the slope of the side taken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ...losses import Loss
from ...objective.objective import Objective
from ..slopes.evaluator import Vector
from .activation import at_ends
from .kinds.kind import Step
from .loss_rounding import loss_kinks
from .standing import Kinks, Mask, Standing, activation_kinks, curvatures_at, group_of, one_sided_curvature, slopes_at

LOSS_STEP, MIN_LOSS_STEP = 2.0**-12, 2.0**-36
"""A step to one side of a loss's kink has the first share of 1 or of the loss's own scale, and at least the second
share of the output."""


class Line(NamedTuple):
    """What quantities do that stand on a kink: value + slope d + curvature d^2 / 2 of d = z - here, (n, k)."""

    near: Mask
    here: Vector
    value: Vector
    slope: Vector
    curvature: Vector


def side_taken(standing: Standing, choice: str) -> tuple[Vector, Mask]:
    """Return the side of each quantity, -1, 0 or 1, and whether the middle of both is taken."""
    side, unsure = standing.side, standing.unsure
    if choice in ("left", "right"):
        return np.where(unsure, -1.0 if choice == "left" else 1.0, side), np.zeros_like(unsure)
    return side, unsure if choice == "middle" else np.zeros_like(unsure)


def unit_line(step: Step, standing: Standing, sides: Mapping[str, str], curvature: str, order: int) -> Line:
    """Return the lines along which the units of a layer continue; units on a kink follow the side taken."""
    value, slope = at_ends(step.activation, step.z)
    second = np.zeros_like(slope)
    for kink in activation_kinks(step.activation, order):
        mine, name = standing.near & (standing.at == kink), group_of(step.activation, kink, order)
        if not mine.any():
            continue
        side, middle = side_taken(standing, sides.get(name, "own"))
        left, here, right = slopes_at(step.activation, kink)
        taken = np.where(middle, (left + right) / 2, np.choose((side + 1).astype(int), [left, here, right]))
        slope = np.where(mine & standing.unsure, taken, slope)
        before, after = curvatures_at(step.activation, kink)
        choices = {"left": (before, before), "right": (after, after), "zero": (0.0, 0.0), "own": (before, after)}
        below, above = choices[curvature]
        on_kink = 0.0 if curvature == "own" else below
        chosen = np.where(side < 0, below, np.where(side > 0, above, on_kink))
        certain = one_sided_curvature(step.activation, step.z, np.where(side < 0, -1.0, 1.0))
        second = np.where(mine, np.where(standing.unsure, chosen, certain), second)
    return Line(standing.near, step.z, value, slope, second)


def loss_line(objective: Objective, kinks: Kinks, standing: Standing, choice: str, curvature: str) -> Line:
    """Return the lines along which the losses of outputs on a kink continue."""
    z, option = kinks.outputs, objective.loss.option() if isinstance(objective.loss, Loss) else 0.0
    step = np.maximum(LOSS_STEP * min(1.0, option or 1.0), MIN_LOSS_STEP * np.abs(z))
    far_left, left, own, right, far_right = (objective.loss_of(z + k * step)[1] for k in (-2, -1, 0, 1, 2))
    before, after = (left - far_left) / step, (far_right - right) / step
    jumps = loss_kinks(objective, z + step, 2)
    to_the_right = standing.side > 0 if jumps is None else np.sign(jumps) == standing.side
    drawn = np.where(to_the_right, right, left)
    slope = {"own": own, "left": left, "right": right, "middle": (left + right) / 2, "drawn": drawn}[choice]
    certain = np.where(to_the_right, after, before)
    of_its_side = np.where(standing.side == 0, 0.0, certain)
    second = {"own": of_its_side, "zero": 0 * own, "left": before, "right": after}[curvature]
    slope, second = np.where(standing.unsure, slope, own), np.where(standing.unsure, second, certain)
    return Line(standing.near, z, np.zeros_like(z), slope, second)
