"""Entries that stand on several kinks at once.

Design
------
- Moving one parameter may push several quantities off a kink. Backward takes a side for each of them, so what it says
  need not lie between the two slopes of the whole. Such an entry is inconclusive, not wrong, as far as taking sides can
  lead: further away it is wrong. It happens where a row of inputs is 0, or dropped, and biases are 0 too.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..activations import get_activation
from ..models import Dense, Dropout
from .differences import spans
from .entries import Entries
from .evaluator import Vector
from .objective import Objective
from .rounding import gradient_roundoff

MOST = 256
"""Entries that are looked at."""
NEAR = 2.0**-24
"""Of the parameters' scale."""


def kinked_layers(objective: Objective) -> list[bool]:
    """Of each array that the kernels' `outputs` returns: whether it comes from an activation with a kink."""
    shown = [layer for layer in objective.model.layers if objective.key or not isinstance(layer, Dropout)]
    return [isinstance(layer, Dense) and bool(get_activation(layer.activation).kinks) for layer in shown]


def sign_reader(objective: Objective) -> Callable[[Vector], NDArray[np.int8]]:
    """A function of the parameters (n_params,): signs of everything whose sign decides a slope."""
    model, data, kinked = objective.model.copy(), objective.data, kinked_layers(objective)
    network, bends = model._bind(trains=True, blocks=False), objective.penalties()[0] > 0

    def signs(params: Vector) -> NDArray[np.int8]:
        model.params[:] = params
        outputs = network.outputs(data.X, objective.key)
        found = [out for out, has in zip(outputs, kinked, strict=True) if has]
        turns = objective.turns(outputs[-1])
        if turns is not None:
            found.append(turns)
        if bends.any():
            found.append(params[bends])
        flat: Vector = np.concatenate([np.zeros(0), *(part.ravel() for part in found)])
        return np.sign(flat).astype(np.int8)

    return signs


def kinks_at(signs: Callable[[Vector], NDArray[np.int8]], params: Vector, index: int, step: float) -> int:
    """How many quantities change their sign when a parameter moves by `step` to either side."""
    here, moved = signs(params), params.copy()
    changed = np.zeros(len(here), np.bool_)
    for sign in (-1, 1):
        moved[index] = params[index] + sign * step
        changed |= signs(moved) != here
    return int(changed.sum())


def sides_apart(objective: Objective) -> Vector:
    """How far two gradients (n_params,) may be apart that take sides at kinks, one by one, as they like."""
    params, l1 = objective.model.params, objective.penalties()[0]
    apart = gradient_roundoff(objective, "float64", NEAR * float(spans(params).max())).whole
    return apart + np.where(params == 0, 2 * l1, 0.0)


def excuse(objective: Objective, entries: Entries) -> tuple[str, ...]:
    """Turn failures at several kinks into "inconclusive", in place -> a note that says so, if there were any."""
    failing = np.flatnonzero((entries["verdict"] == "fail") & np.isfinite(entries["analytic"]))[:MOST]
    if not len(failing):
        return ()
    params, signs = objective.model.params, sign_reader(objective)
    if not len(signs(params)):
        return ()
    found = entries[failing]
    excused_by = found["bound"] + sides_apart(objective)[found["index"]]
    failing = failing[np.abs(found["analytic"] - found["numeric"]) <= excused_by]
    nearby = spans(params) * NEAR
    several = [kinks_at(signs, params, int(i), float(nearby[i])) > 1 for i in entries["index"][failing]]
    excused = failing[np.array(several, np.bool_)]
    entries["verdict"][excused], entries["kink"][excused] = "inconclusive", True
    if not len(excused):
        return ()
    stand = "1 entry stands" if len(excused) == 1 else f"{len(excused)} entries stand"
    return (f"{stand} on several kinks at once, where a gradient may be any mixture of slopes",)
