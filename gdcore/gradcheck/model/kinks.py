"""Kinks at the parameters: sides are taken there, and a gradient that no choice of sides explains is wrong.

Design
------
- A line from x that leaves one kink has two one-sided slopes, and what lies between them is a subgradient. One that
  leaves several at once has more, and what backward says of it is the slope of a function with sides taken (sides.py):
  the entry is checked against each of these, gdcore's own choice first.
- Backward may also mix sides, unit by unit. Where most of a block's entries follow one choice, it does not; elsewhere
  what lies as far away as taking sides can lead is inconclusive. Further away it is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import final

import numpy as np
from numpy.typing import NDArray

from ...objective.objective import Objective
from ..slopes.differences import entry_slopes, spans
from ..slopes.entries import Entries, Roundoff
from ..slopes.evaluator import Indices, Vector
from ..slopes.slopes import Slopes
from .backward import steps_of
from .loss_rounding import loss_kinks
from .rounding import gradient_roundoff
from .sides import choices
from .smooth import Smooth
from .standing import NEAR, Kinks, activation_kinks, find_kinks

MAX_COUNTED = 256
"""Kinks are counted for at most this many entries; any further one that could be on several is taken to be."""
MAX_SIDED = 4096
"""At most this many entries are checked with sides taken."""


def sign_reader(objective: Objective, order: int = 1) -> Callable[[Vector], NDArray[np.int8]]:
    """Return a function of the parameters (n_params,): the signs of everything whose sign decides a slope."""
    own, penalized = objective.stack.copy(), objective.penalties()[0] > 0
    moved = replace(objective, stack=own)

    def signs(params: Vector) -> NDArray[np.int8]:
        own.params[:] = params
        steps, outputs = steps_of(moved)
        found = [step.z - kink for step in steps for kink in activation_kinks(step.activation, order)]
        jumps = loss_kinks(objective, outputs, 1)
        if jumps is not None:
            found.append(jumps)
        if penalized.any():
            found.append(params[penalized])
        flat: Vector = np.concatenate([np.zeros(0), *(part.ravel() for part in found)])
        return np.sign(flat).astype(np.int8)

    return signs


def kinks_at(signs: Callable[[Vector], NDArray[np.int8]], params: Vector, index: int, step: float) -> int:
    """Count the quantities that change their sign when a parameter moves by `step` to either side."""
    here, moved = signs(params), params.copy()
    changed = np.zeros(len(here), np.bool_)
    for sign in (-1, 1):
        moved[index] = params[index] + sign * step
        changed |= signs(moved) != here
    return int(changed.sum())


@final
@dataclass(frozen=True)
class Sides:
    """The sides that a backward pass of an objective may have taken.

    Parameters
    ----------
    objective : Objective or None
        None: its kinks are not known.
    order : {1, 2}, default 1
        Of the derivatives.
    """

    objective: Objective | None
    order: int = 1

    @cached_property
    def kinks(self) -> Kinks | None:
        """What stands on kinks; None where that is not known."""
        if self.objective is None or self.objective.loss is None:
            return None
        return find_kinks(self.objective, self.order)

    @property
    def mixed(self) -> bool:
        """Whether several quantities stand on kinks, so that one-sided slopes do not tell what backward may say."""
        return self.kinks is not None and self.kinks.count > 1

    @cached_property
    def evaluators(self) -> tuple[Smooth, ...]:
        """The objective with sides taken, gdcore's own first; empty where it stands on no kink."""
        if self.objective is None or self.kinks is None:
            return ()
        return tuple(choices(self.objective, self.kinks, self.order))

    @cached_property
    def apart(self) -> Vector:
        """How far two gradients (n_params,) may be apart that take sides at kinks, one by one, as they like."""
        objective = self.objective
        if objective is None:
            return np.zeros(1)
        params, l1 = objective.x, objective.penalties()[0]
        apart = gradient_roundoff(objective, "float64", NEAR * float(spans(params).max())).whole
        return apart + np.where(params == 0, 2 * l1, 0.0)

    def several(self, indices: Indices) -> NDArray[np.bool_]:
        """Return for each of some parameters whether it stands on several kinks at once."""
        found, objective = np.ones(len(indices), np.bool_), self.objective
        if objective is not None:
            params, signs = objective.x, sign_reader(objective, self.order)
            nearby = spans(params) * NEAR
            for j, i in enumerate(indices[:MAX_COUNTED].tolist()):
                found[j] = kinks_at(signs, params, i, float(nearby[i])) > 1
        return found


def take_sides(
    sides: Sides, slopes: Slopes, indices: Indices, analytic: Vector, extra: Roundoff, unsettled: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], int]:
    """Replace slopes of unsettled entries by those of the first choice of sides that agrees, in place.

    Returns
    -------
    tuple of (ndarray, int)
        Which entries agree with a choice, and the evaluations it took.
    """
    agreeing, spent = np.zeros(len(indices), np.bool_), 0
    left = np.flatnonzero(unsettled)[:MAX_SIDED]
    for evaluator in sides.evaluators if len(left) else ():
        own = extra.smooth[left]
        found, more = entry_slopes(evaluator, indices[left], analytic[left], own)
        spent += more
        with np.errstate(invalid="ignore", over="ignore"):
            agree = np.abs(analytic[left] - found.numeric) <= found.bound + own
        agree &= np.isfinite(found.bound)
        found.kink[:] = True
        slopes.put(left[agree], found.take(agree))
        agreeing[left[agree]] = True
        left = left[~agree]
        if not len(left):
            break
    return agreeing, spent


def excuse(sides: Sides, entries: Entries, unsettled: NDArray[np.bool_], agreeing: NDArray[np.bool_]) -> int:
    """Turn failures at several kinks into "inconclusive", in place, in blocks that follow no choice; return how many.

    Their bounds get what taking sides may add.
    """
    follow = np.bincount(entries["block"], agreeing)
    others = np.bincount(entries["block"], unsettled & ~agreeing)
    failing = (entries["verdict"] == "fail") & unsettled & (follow < others)[entries["block"]]
    failing &= np.isfinite(entries["analytic"])
    with np.errstate(invalid="ignore", over="ignore"):
        error = np.abs(entries["analytic"] - entries["numeric"])
        failing &= error <= entries["bound"] + sides.apart[entries["index"]] if failing.any() else False
    rows = np.flatnonzero(failing)
    rows = rows[sides.several(entries["index"][rows])] if len(rows) else rows
    entries["verdict"][rows], entries["kink"][rows] = "inconclusive", True
    for field in ("truncation", "bound"):
        entries[field][rows] += sides.apart[entries["index"][rows]]
    return len(rows)
