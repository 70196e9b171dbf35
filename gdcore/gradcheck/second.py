"""Products of the Hessian with a direction, against differences of the gradient.

Design
------
- Along one direction v every entry of the gradient is a function of one number, whose slope is the entry of H v. All
  entries share the points, so a round costs a few gradients, whatever their number.
- The gradient that is differenced is the model's own. Check it first: this says only that the two agree.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import checks_gradients
from .causes import explain
from .differences import scales, spans
from .directions import DIRECTION, draw
from .entries import Block, Roundoff, excess, make_entries
from .evaluator import Differences, Indices, Vector
from .objective import Objective
from .plot import error_curve
from .report import GradientReport
from .rounding import gradient_roundoff
from .search import Lines, look_again, search

SUMS = 4.0
"""A product sums so many times the terms of a gradient: values and their rates of change, forward and backward."""
NOTE = "order 2: the entries are those of the Hessian times a random direction of length 1"


def gradient_lines(objective: Objective, direction: Vector, roundoff: Vector) -> Lines:
    """The gradient's entries at x + t direction, one line for each."""
    model, here = objective.model, objective.gradient()
    x = model.params.copy()

    def lines(rows: Indices, offsets: Vector) -> tuple[Vector, Differences]:
        values = np.empty(len(rows))
        try:
            for offset in np.unique(offsets):
                mine = offsets == offset
                model.params[:] = x + offset * direction
                values[mine] = (objective.gradient() - here)[rows[mine]]
        finally:
            model.params[:] = x
        return offsets, Differences(values, 2 * roundoff[rows] + 0 * values, np.zeros(len(rows), np.uint64))

    return lines


def check_second(
    objective: Objective, product_with: Callable[[Vector], Any], blocks: tuple[Block, ...], seed: int
) -> GradientReport:
    """Check every entry of the Hessian times a random direction.

    Parameters
    ----------
    objective : Objective
        Its model is moved along the direction, and put back.
    product_with : callable
        v (n,) -> H v (n,).
    blocks : tuple of Block
    seed : int
        Of the direction.
    """
    n, eps = objective.model.n_params, float(np.finfo(np.float64).eps)
    checks_gradients.finite_value("the loss", objective.value())
    direction = draw(np.random.default_rng(seed), n, np.arange(n))
    product = checks_gradients.gradient("grad(v)", product_with(direction.copy()), (n,))
    roundoff = gradient_roundoff(objective, "float64").whole
    lines = gradient_lines(objective, direction, roundoff)
    x = objective.model.params
    scale, span = (np.full(n, 1 / np.max(np.abs(direction) / sizes)) for sizes in (scales(x, eps), spans(x)))
    own = SUMS * roundoff / scale + eps * np.abs(product)
    found = search(lines, scale, span, 0, eps)
    slopes, spent = look_again(lines, found, product, own, scale, 0, eps)
    entries = make_entries(blocks, np.arange(n), product, Roundoff(own, own), slopes, scale, span, eps)
    causes = explain(entries, blocks, factors=objective.factors())
    worst = int(np.argmax(excess(entries)))
    curve = error_curve(lines, worst, float(scale[worst]), eps, float(slopes.numeric[worst]))
    return GradientReport(
        blocks, entries, np.empty(0, DIRECTION), (), causes, "full", "order 2", spent, curve, (NOTE,)
    )
