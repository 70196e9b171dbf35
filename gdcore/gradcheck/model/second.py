"""Products of the Hessian with a direction, checked against differences of the gradient.

Design
------
- Along one direction v every entry of the gradient is a function of one number, whose slope is the entry of H v. All
  entries share the points, so a round costs a few gradients, whatever their number.
- The gradient that is differenced is the model's own. Check it first: this says only that the two agree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ...objective import checks as objective_checks
from ...objective.objective import Objective
from .. import checks as gradcheck_checks
from ..report.causes import explain
from ..report.plot import error_curve
from ..report.report import GradientReport
from ..slopes.differences import scales, spans
from ..slopes.directions import DIRECTION, draw
from ..slopes.entries import Block, Entries, Roundoff, excess, make_entries
from ..slopes.evaluator import Differences, Indices, Vector
from ..slopes.search import Found, Lines, look_again, search
from ..slopes.slopes import unknown
from .hypotheses import factors
from .kinks import Sides
from .rounding import gradient_roundoff
from .sides import mixtures
from .smooth import Smooth

SUMS = 4.0
"""A product sums this many times the terms of a gradient: values and their rates of change, forward and backward."""
MIXTURES, REACH = 12, 4.0
"""If no choice of sides explains an entry, this many drawn at random are tried; the entry may lie beyond them by this
factor of their spread."""
NOTE = "order 2: the entries are those of the Hessian times a random direction of length 1"


def gradient_lines(objective: Objective, direction: Vector, roundoff: Callable[[float], Vector]) -> Lines:
    """Return lines of the gradient's entries at x + t direction, one for each entry."""
    x, here = objective.x, objective.gradient()

    def lines(rows: Indices, offsets: Vector) -> tuple[Vector, Differences]:
        values, noise = np.empty((2, len(rows)))
        for offset in np.unique(offsets):
            mine, grad = offsets == offset, objective.gradient(x + offset * direction)
            values[mine], noise[mine] = (grad - here)[rows[mine]], roundoff(offset)[rows[mine]]
        return offsets, Differences(values, 2 * noise + 0 * values, np.zeros(len(rows), np.uint64))

    return lines


def roundoff_along(objective: Objective, direction: Vector, far: float) -> Callable[[float], Vector]:
    """Return a function from an offset to the roundoff of the gradient's entries there.

    A term that is 0 at x has no roundoff there, and one that grows with the distance: it is measured at `far`.
    """
    x = objective.x
    here, there = gradient_roundoff(objective, "float64").smooth, np.zeros(len(x))
    for sign in (-1, 1):
        moved = objective.at(x + sign * far / 2 * direction)
        there = np.maximum(there, gradient_roundoff(moved, "float64").smooth)
    grows = np.where(np.isfinite(there), there, 0.0) / (far / 2)
    return lambda offset: here + abs(offset) * grows


def excuse_mixtures(entries: Entries, mixed: Iterator[Smooth], direction: Vector, step: float) -> None:
    """Turn failures that sides taken one by one could explain into "inconclusive", in place."""
    move = step / 2 * direction
    found = np.array([(one.gradient(one.x + move)[0] - one.gradient(one.x - move)[0]) / step for one in mixed])
    low, high = (np.minimum(found.min(axis=0), entries["numeric"]), np.maximum(found.max(axis=0), entries["numeric"]))
    middle, width = (low + high) / 2, (high - low) / 2
    error = np.abs(entries["analytic"] - middle)
    excused = (entries["verdict"] == "fail") & (width > entries["bound"]) & (error <= REACH * width)
    entries["verdict"][excused], entries["kink"][excused] = "inconclusive", True
    for field in ("truncation", "bound"):
        entries[field][excused] += (REACH * width + np.abs(entries["numeric"] - middle))[excused]


def smooth_lines(smooth: Smooth, direction: Vector, roundoff: Callable[[float], Vector]) -> Lines:
    """Return lines of the gradient with sides taken at kinks, which notices if another kink is crossed."""
    here, _ = smooth.gradient(smooth.x)

    def lines(rows: Indices, offsets: Vector) -> tuple[Vector, Differences]:
        (values, noise), patterns = np.empty((2, len(rows))), np.empty(len(rows), np.uint64)
        for offset in np.unique(offsets):
            mine = offsets == offset
            grad, patterns[mine] = smooth.gradient(smooth.x + offset * direction)
            values[mine], noise[mine] = (grad - here)[rows[mine]], roundoff(offset)[rows[mine]]
        return offsets, Differences(values, 2 * noise + 0 * values, patterns)

    return lines


def first_agreeing(
    made: list[tuple[Lines, int]], product: Vector, own: Vector, scale: Vector, span: Vector, eps: float
) -> Found:
    """Return the slopes of each entry along the first of several lines, with their patterns at x,
    that agree with it.
    """
    slopes, spent, left = unknown(len(product)), 0, np.arange(len(product))
    for lines, pattern in made:
        found = search(lines, scale, span, pattern, eps)
        found = look_again(lines, found, product, own, scale, pattern, eps)
        spent += found.evaluations
        with np.errstate(invalid="ignore", over="ignore"):
            agree = np.abs(product - found.slopes.numeric) <= found.slopes.bound + own
        taken = left[agree[left] | np.isnan(slopes.numeric[left])]
        slopes.put(taken, found.slopes.take(taken))
        left = left[~agree[left]]
        if not len(left):
            break
    return Found(slopes, spent)


def own_product(objective: Objective) -> Callable[[Vector], Vector]:
    """Return a function v (n,) -> H v from the model's own kernels."""

    def product(v: Vector) -> Vector:
        objective_checks.twice_differentiable(objective.loss, ", or grad be given")
        return objective.hessian_vector(v)

    return product


def check_second(
    objective: Objective, product_with: Callable[[Vector], Any], blocks: tuple[Block, ...], seed: int
) -> GradientReport:
    """Check every entry of the Hessian times a random direction.

    Parameters
    ----------
    objective : Objective
        Without dropout.
    product_with : callable
        v (n,) -> H v (n,).
    blocks : tuple of Block
    seed : int
        Of the direction.
    """
    n, eps = objective.stack.n_params, float(np.finfo(np.float64).eps)
    gradcheck_checks.finite_value("the loss", objective.value())
    direction = draw(np.random.default_rng(seed), n, np.arange(n))
    product = gradcheck_checks.gradient("grad(v)", product_with(direction.copy()), (n,))
    x = objective.x
    scale, span = (np.full(n, 1 / np.max(np.abs(direction) / sizes)) for sizes in (scales(x, eps), spans(x)))
    roundoff = roundoff_along(objective, direction, float(scale[0]))
    own = SUMS * (roundoff(0.0) / scale + roundoff(float(scale[0])) / scale) + eps * np.abs(product)
    sides = Sides(objective, order=2)
    kinked = sides.evaluators
    made = [(smooth_lines(smooth, direction, roundoff), smooth.pattern) for smooth in kinked]
    made = made or [(gradient_lines(objective, direction, roundoff), 0)]
    slopes, spent = first_agreeing(made, product, own, scale, span, eps)
    lines = made[0][0]
    entries = make_entries(blocks, np.arange(n), product, Roundoff(own, own), slopes, scale, span, eps)
    if sides.kinks is not None and kinked and (entries["verdict"] == "fail").any():
        excuse_mixtures(entries, mixtures(objective, sides.kinks, 2, MIXTURES), direction, float(slopes.step.min()))
    causes = explain(entries, blocks, factors=factors(objective))
    worst = int(np.argmax(excess(entries)))
    curve = error_curve(lines, worst, float(scale[worst]), eps, float(slopes.numeric[worst]))
    return GradientReport(blocks, entries, np.empty(0, DIRECTION), (), causes, "full", "order 2", spent, curve, (NOTE,))
