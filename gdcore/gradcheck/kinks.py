"""Entries that stand on several kinks at once.

Design
------
- Moving one parameter may push several quantities off a kink. Backward takes a side for each of them, so what it says
  need not lie between the two slopes of the whole. Such an entry is
  inconclusive, not wrong. It happens where a row of inputs is 0, or dropped, and biases are 0 too.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..activations import get_activation
from ..losses import Loss
from ..models import Dense
from .differences import scales
from .entries import Entries
from .evaluator import Vector
from .objective import Objective

MOST = 256
"""Entries that are looked at."""
NEAR = 2.0**-24
"""Of the parameters' scale."""


def signs(objective: Objective, params: Vector) -> NDArray[np.int8]:
    """Signs of everything that has a kink in the loss's derivative at 0, with these parameters (n_params,)."""
    model, data, loss = objective.model.copy(), objective.data, objective.loss
    model.params[:] = params
    outputs = model._bind(trains=True, blocks=False).outputs(data.X, objective.key)
    shown = [layer for layer in model.layers if isinstance(layer, Dense) or objective.key]
    found = [
        np.sign(out)
        for layer, out in zip(shown, outputs, strict=True)
        if isinstance(layer, Dense) and get_activation(layer.activation).kinks
    ]
    if isinstance(loss, Loss) and data.target is not None:
        if loss.name in ("mean_absolute_error", "quantile"):
            found.append(np.sign(outputs[-1] - data.target))
        elif loss.name == "hinge":
            found.append(np.sign(1 - data.target * outputs[-1]))
    if objective.l1:
        found.append(np.sign(params))
    return np.concatenate([np.zeros(0), *(part.ravel() for part in found)]).astype(np.int8)


def kinks_at(objective: Objective, index: int, step: float) -> int:
    """How many quantities change their sign when a parameter moves by `step` to either side."""
    params = objective.model.params.copy()
    here, at = signs(objective, params), params[index]
    changed = np.zeros(len(here), np.bool_)
    for sign in (-1, 1):
        params[index] = at + sign * step
        changed |= signs(objective, params) != here
    return int(changed.sum())


def excuse(objective: Objective, entries: Entries) -> tuple[str, ...]:
    """Turn failures at several kinks into "inconclusive", in place -> a note that says so, if there were any."""
    failing = np.flatnonzero((entries["verdict"] == "fail") & np.isfinite(entries["analytic"]))[:MOST]
    nearby = scales(objective.model.params) * NEAR
    several = [kinks_at(objective, int(i), float(nearby[i])) > 1 for i in entries["index"][failing]]
    excused = failing[np.array(several, np.bool_)]
    entries["verdict"][excused], entries["kink"][excused] = "inconclusive", True
    if not len(excused):
        return ()
    return (f"{len(excused)} entries stand on several kinks at once: their gradient may be any mixture of slopes",)
