"""The smooth functions whose gradient a backward pass may have computed, by the sides that it took of kinks.

Design
------
- Whose backward pass it was is not known: it may take the left slope, the right one or their middle. `choices` are
  gdcore's own and these, for each kink of an activation and the loss. They apply to what has no side of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import numpy as np

from ...objective.objective import Objective
from .smooth import Smooth
from .standing import Kinks, Standing

SIDES = ("own", "left", "right", "middle")
CURVATURES = ("own", "zero", "left", "right")
"""Second derivatives that a Hessian may take at a kink; "own" is that of the slope's side, 0 on the kink itself."""
MAX_CHOICES = 32


def choices(objective: Objective, kinks: Kinks, order: int = 1) -> Iterator[Smooth]:
    """Yield the smooth functions whose gradient a backward pass may have computed, gdcore's own first."""
    if not kinks.count:
        return
    curvatures = CURVATURES if order == 2 else CURVATURES[:1]
    made = 0
    for curvature in curvatures:
        for sides in product(SIDES, repeat=len(kinks.groups)):
            if made < MAX_CHOICES:
                yield Smooth(objective, kinks, dict(zip(kinks.groups, sides, strict=True)), curvature, order)
            made += 1


def mixtures(objective: Objective, kinks: Kinks, order: int, count: int) -> Iterator[Smooth]:
    """Yield the same with sides drawn at random, one by one."""
    for seed in range(count):
        drawn = np.random.default_rng(seed)

        def lot(one: Standing | None, drawn: np.random.Generator = drawn) -> Standing | None:
            if one is None:
                return None
            return replace(one, side=np.where(one.unsure, drawn.choice([-1.0, 1.0], one.side.shape), one.side))

        losses = None if kinks.losses is None else lot(kinks.losses)
        mixed = replace(kinks, units=tuple(lot(one) for one in kinks.units), losses=losses)
        yield Smooth(objective, mixed, dict.fromkeys(kinks.groups, "drawn"), "own", order)
