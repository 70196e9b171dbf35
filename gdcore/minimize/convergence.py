"""Convergence of a descent on any function, and flat regions where the gradient means nothing.

Design
------
- A gradient is small relative to a scale with the same unit: the function's curvature (the largest change of the
  gradient per step length) times the size of x. So c * fun converges where fun does.
- The first tenth of the steps does not count: a steep start far away would make any valley look flat.
- The gradient must also be small relative to earlier ones: if the entries of x differ in size, curvature times x is a
  scale that fits none of them.
- A gradient of 0 after a very long step comes from an overflow or a saturated function. Near a minimum it would grow in
  proportion to the distance on the way back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, final

import numpy as np

from ..optimizers.bounds import Limits, Vector, projected
from ..optimizers.recent import RecentLargest
from ..training.epoch_end import norm

TOL = 1e-9
"""A gradient below this share of curvature times x has converged, if it is below `SHARE` of the largest too."""
SHARE = 1e-6
ALONE = 1e-14
"""A gradient below this share of curvature times x has converged, wherever the descent began."""
PROBE = float(np.finfo(np.float64).eps) ** (1 / 3)
"""The curvature is measured with a step of this share of x if no step of the descent has shown it."""
LEAP = 1e-4
"""A step that leaves at most this share of the gradient may be a leap onto flat ground."""
BACK = 1e-3
"""The gradient is evaluated this share of that step back; one that grows linearly has a larger share there."""
PROMISED = 1e-2
"""A step that lowers the value by a smaller share of what its slope promised is a leap."""

Objective = Callable[[Vector], tuple[float, Vector]]


class Evaluation(NamedTuple):
    """A point, the value and the gradient there."""

    x: Vector
    value: float
    grad: Vector


@final
class Convergence:
    """Tracks the scale of a function's gradients during a descent."""

    def __init__(self, objective: Objective, limits: Limits | None) -> None:
        self.objective, self.limits = objective, limits
        self.first: Vector | None = None
        self.curvatures, self.curvature = RecentLargest(), 0.0
        self.sizes = RecentLargest()

    def reason(self, before: Evaluation | None, here: Evaluation, size: float) -> str | None:
        """Return why the descent has converged, or None.

        Parameters
        ----------
        before, here : Evaluation
            The last step's ends; None before the first step.
        size : float
            Norm of the gradient here, the projected one under bounds.
        """
        if self.first is None:
            self.first = here.x
        largest = self.sizes.add(size)
        if size == 0:
            return "the norm of the full gradient is 0: converged"
        if before is None:
            return None
        x_size = max(norm(here.x), norm(here.x - self.first)) or 1.0
        moved = norm(here.x - before.x)
        if not moved and not self.curvature:  # the first step was below x's roundoff
            there = here.x - PROBE * x_size / norm(here.grad) * here.grad
            before = Evaluation(there, *self.objective(there if self.limits is None else np.clip(there, *self.limits)))
            moved = norm(here.x - before.x)
        if moved:
            self.curvature = self.curvatures.add(norm(here.grad - before.grad) / moved)
        scale = self.curvature * x_size
        if not size < TOL * scale or not (size < SHARE * largest or size < ALONE * scale):
            return None
        return f"the norm of the full gradient, {size:.3g}, is below {TOL:g} of its scale, {scale:.3g}: converged"


def leap(objective: Objective, before: Evaluation, here: Evaluation, limits: Limits | None) -> str | None:
    """Return the message for a step that made the gradient small only by reaching flat ground; None for any other step.

    Beside a minimum the gradient would be `BACK` of the one before, at least; and a minimum that is flat itself, as
    that of a hinge, is reached by a step that lowers the value as its slope promised.
    """
    step, size = here.x - before.x, norm(projected(before.x, before.grad, limits))
    left = norm(projected(here.x, here.grad, limits))
    if left > LEAP * size or before.value - here.value >= PROMISED * abs(float(before.grad @ step)):
        return None
    there = here.x - BACK * step
    if norm(projected(there, objective(there)[1], limits)) > LEAP * size:
        return None
    return (
        f"a step of length {norm(step):.3g} took the gradient's norm from {size:.3g} to {left:.3g}: a flat spot, "
        "not known to be a minimum; try a smaller learning_rate or begin elsewhere"
    )
