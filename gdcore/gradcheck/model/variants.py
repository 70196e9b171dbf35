"""Objectives made from one: as a function of its inputs, and its parts, each alone."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from ...layers.dense import Dense
from ...layers.stack import Stack
from ...objective.objective import Objective
from ...objective.penalties import without_penalties


def of_inputs(objective: Objective) -> Objective:
    """Return the loss of a float64 stack as a function of its inputs, without penalties.

    The inputs become the weights of a layer in front, X itself, which is fed with the identity matrix. So the first
    n * in_features parameters are X, and the backward pass gives d loss / d X.

    Examples
    --------
    >>> import gdcore as gd
    >>> from ...objective.build import objective_of
    >>> line = gd.LinearModel(1, bias=False, weight_init="ones", dtype="float64")
    >>> of_inputs(objective_of(line.stack, [[3.0], [1.0]], [1.0, 1.0], "mse")).gradient()   # of (x - 1)^2, and of w
    array([2., 0., 6.])
    """
    X = objective.data.X
    front = Dense(len(X), X.shape[1], bias=False, weight_init="zeros")
    stack = Stack((front, *without_penalties(objective.stack).layers), None, "float64")
    stack.params[:] = np.concatenate([X.ravel(), objective.x])
    return replace(objective, stack=stack, data=objective.data._replace(X=np.eye(len(X))), l1=0.0, l2=0.0)


def parts_of(objective: Objective) -> tuple[tuple[str, Objective], ...]:
    """Return the data loss, with and without sample weights, and each penalty; empty if there is only one part."""
    l1, l2 = (bool(strengths.any()) for strengths in objective.penalties())
    weighted = objective.data.weight is not None
    if not (l1 or l2 or weighted):
        return ()
    data = keeping(objective)
    found = [("data loss", replace(data, data=objective.data._replace(weight=None)))]
    if weighted:
        found.append(("data loss, weighted", data))
    if l1:
        found.append(("l1 penalty", replace(keeping(objective, ("l1",)), loss=None)))
    if l2:
        found.append(("l2 penalty", replace(keeping(objective, ("l2",)), loss=None)))
    return tuple(found)


def keeping(objective: Objective, names: Collection[str] = ()) -> Objective:
    """Return the objective with only the named penalties of "l1" and "l2", the layers' own and the model's."""
    l1, l2 = (objective.l1 if "l1" in names else 0.0), (objective.l2 if "l2" in names else 0.0)
    return replace(objective, stack=without_penalties(objective.stack, names), l1=l1, l2=l2)
