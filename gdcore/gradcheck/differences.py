"""Slopes of a function along lines, by differences that find their own steps.

Design
------
- A line is one parameter, or one direction. All lines are searched at once, round by round; a round asks for the outer
  points of each line, x - h and x + h, and, unless a kink lies between, for the inner ones, x - h/2 and x + h/2.
- The slope is Richardson's: s2 + (s2 - s1) / 3 of the central differences s1 over h and s2 over h/2. Its error is of
  order h^4, the bound takes |s2 - s1|, of order h^2: small steps are affordable in float64, a bound too small is not.
- One-sided slopes differ by h f'' and by what a kink at x adds, which does not shrink with h: twice their distance
  at h/2 less that at h. Half of it joins the bound, for any value between the one-sided slopes is a subgradient.
- The first step is small, so that few kinks lie within it and most lines are done after one round. A step grows
  where roundoff rules and shrinks where truncation does, by as much as the measured two say.
- Where patterns tell of kinks, a step that meets one shrinks; one that still meets it when it is tiny stands on it, and
  the one-sided slopes are taken.
- Nothing here has the unit of f or of x but what was measured: multiplying f by a number changes no decision.

References
----------
Richardson, L. F. (1911). The approximate arithmetical solution by finite differences. Phil. Trans. A 210.
Ridders, C. J. F. (1982). Accurate computation of F'(x) and F'(x) F''(x). Advances in Engineering Software 4.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol, final

import numpy as np
from numpy.typing import NDArray

from .evaluator import Differences, Evaluator, Indices, Vector

EVALUATIONS = 7
"""Per line, on average, where there are many lines."""
SPARE = 64
"""And so many more in all."""
MOST_ROUNDS = 12
FIRST_POWER = 11 / 52
"""The first step is eps^(11/52): 2^-11 in float64, of the parameter's scale."""
GOOD_POWER = 1 / 4
"""A bound of eps^(1/4) of the slope ends the search: 1.2e-4 in float64."""
KINK_SHRINK = 1 / 8
ON_KINK = 2.0**-12
"""Of the first step: a kink that is nearer to x is taken as one at x."""
LEAST_RATIO, MOST_RATIO = 2.0**-10, 2.0**6
CLOSE = 3.0
"""Steps found too small and too large that are no further apart end the search."""
CONDITION = 16.0
"""A slope is not better known than its change when x moves by so many eps of itself."""


@final
@dataclass(frozen=True)
class Slopes:
    """What was found along k lines; arrays of shape (k,).

    Attributes
    ----------
    numeric : ndarray
        The slope; at a kink the middle of the one-sided slopes. NaN where f was not finite around x.
    truncation, roundoff : ndarray
        Their sum bounds |f' - numeric|. `spread` is a part of `truncation`.
    spread : ndarray
        Half the distance of the one-sided slopes where they differ, 0 elsewhere.
    curvature : ndarray
        A lower bound of |f''|, 0 where roundoff hides it.
    step : ndarray
        The largest distance from x of the points in use.
    kink : ndarray of bool
        Whether one-sided slopes differ at x, as far as steps reach.
    evaluations : int
        Of f, over all lines.
    """

    numeric: Vector
    truncation: Vector
    roundoff: Vector
    spread: Vector
    curvature: Vector
    step: Vector
    kink: NDArray[np.bool_]
    evaluations: int

    @property
    def bound(self) -> Vector:
        """Truncation and roundoff together."""
        return self.truncation + self.roundoff


class Lines(Protocol):
    """Points on lines through x: for rows (m,) and offsets (m,), the offsets after rounding and f's differences."""

    def __call__(self, rows: Indices, offsets: Vector) -> tuple[Vector, Differences]: ...


def scales(x: Vector) -> Vector:
    """A length for each entry of x (n,): its size, or that of a typical entry where this is larger; 1 if all are 0."""
    top = float(np.abs(x).max(initial=0.0))
    if top == 0:
        return np.ones_like(x)
    typical = top * float(np.sqrt(np.mean((x / top) ** 2)))
    return np.maximum(np.abs(x), typical)


def entry_slopes(evaluator: Evaluator, indices: Indices) -> Slopes:
    """Slopes along single parameters.

    Parameters
    ----------
    evaluator : Evaluator
    indices : ndarray of int64, shape (k,)

    Returns
    -------
    Slopes
        In the order of `indices`.

    Examples
    --------
    >>> import numpy as np
    >>> from gdcore.gradcheck.function import FunctionEvaluator
    >>> found = entry_slopes(FunctionEvaluator(lambda x: float(x @ x), np.array([1.0, -2.0])), np.arange(2))
    >>> bool((abs(found.numeric - [2, -4]) <= found.bound).all())
    True
    """
    x, single = evaluator.x, evaluator.eps > np.finfo(np.float64).eps

    def lines(rows: Indices, offsets: Vector) -> tuple[Vector, Differences]:
        at = indices[rows]
        points = x[at] + offsets
        if single:
            points = points.astype(np.float32).astype(np.float64)
        return points - x[at], evaluator.at(at, points)

    return search(lines, scales(x)[indices], evaluator.pattern, evaluator.eps)


def direction_slopes(evaluator: Evaluator, directions: Vector) -> Slopes:
    """Slopes along directions (k, n), each with a step to suit the parameters that it moves most."""

    def lines(rows: Indices, offsets: Vector) -> tuple[Vector, Differences]:
        found = [Differences(*(np.empty(len(rows), kind) for kind in (np.float64, np.float64, np.uint64)))]
        for row in np.unique(rows):
            mine = rows == row
            for whole, part in zip(found[0], evaluator.along(directions[row], offsets[mine]), strict=True):
                whole[mine] = part
        return offsets, found[0]

    size = scales(evaluator.x)
    lengths = 1 / np.maximum(np.abs(directions / size).max(axis=1), np.finfo(np.float64).tiny)
    return search(lines, lengths, evaluator.pattern, evaluator.eps)


@final
@dataclass
class Search:
    """Lines under way: the best so far, the next step, and the steps found too small and too large; all (k,)."""

    best: Slopes
    step: Vector
    low: Vector
    high: Vector
    active: NDArray[np.bool_]
    first: Vector
    good: float


def search(lines: Lines, scale: Vector, pattern: int, eps: float) -> Slopes:
    """Slopes along lines whose lengths are (k,) scale; `pattern` at x is 0 where kinks are not known."""
    k = len(scale)
    first = scale * 2.0 ** np.round(np.log2(eps) * FIRST_POWER)
    zeros = [np.zeros(k) for _ in range(4)]
    nothing = Slopes(np.full(k, np.nan), np.full(k, np.inf), *zeros, np.zeros(k, np.bool_), 0)
    state = Search(
        nothing, first.copy(), np.zeros(k), np.full(k, np.inf), np.ones(k, np.bool_), first, eps**GOOD_POWER
    )
    left = EVALUATIONS * k + SPARE
    spent = 0
    for _ in range(MOST_ROUNDS):
        rows = np.flatnonzero(state.active)
        rows = most_needed(state.best, rows, (left - spent) // 4)
        if not len(rows):
            break
        spent += one_round(lines, state, rows, pattern, eps * scale)
    return replace(state.best, evaluations=spent)


def most_needed(best: Slopes, rows: Indices, most: int) -> Indices:
    """The `most` rows whose slopes are known worst, relative to their size."""
    if len(rows) <= most:
        return rows
    bound, size = best.bound[rows], np.abs(best.numeric[rows])
    share = np.divide(bound, size, out=np.full(len(rows), np.inf), where=size > 0)
    return np.sort(rows[np.argsort(-np.where(np.isnan(share), np.inf, share), kind="stable")[: max(most, 0)]])


def one_round(lines: Lines, state: Search, rows: Indices, pattern: int, rounding: Vector) -> int:
    """Look at x -+ h and x -+ h/2 of some rows -> how many evaluations that took."""
    k, step = len(rows), state.step[rows]
    offsets, outer = lines(np.concatenate([rows, rows]), np.concatenate([-step, step]))
    finite = np.isfinite(outer.values).reshape(2, k)
    clear = (outer.patterns == pattern).reshape(2, k).all(axis=0) & finite.all(axis=0)
    last = step <= state.first[rows] * ON_KINK
    shrinking = ~clear & ~last
    shrunk = rows[shrinking]
    state.high[shrunk] = state.step[shrunk]
    state.step[shrunk] *= KINK_SHRINK
    keep = np.flatnonzero(~shrinking)
    if len(keep):
        inner_rows, half = rows[keep], step[keep] / 2
        inner_offsets, inner = lines(np.concatenate([inner_rows, inner_rows]), np.concatenate([-half, half]))
        both = np.concatenate([keep, keep + k])
        steps = np.abs(np.stack([offsets[both], inner_offsets])).reshape(2, 2, len(keep))
        values, noise, patterns = (
            np.stack([first[both], second]).reshape(2, 2, len(keep)) for first, second in zip(outer, inner, strict=True)
        )
        weigh(state, inner_rows, steps, values, noise, patterns == pattern, rounding[inner_rows])
    return 2 * k + 2 * len(keep)


def weigh(
    state: Search, rows: Indices, steps: Vector, values: Vector, noise: Vector, same: NDArray[np.bool_], rounding: Vector
) -> None:
    """Slopes of rows from (2, 2, m) differences, [outer or inner, left or right]; the better ones are kept."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        one_sided = values / steps * np.array([[-1.0], [1.0]])
        side_noise = noise / steps
        left, right = steps[:, 0], steps[:, 1]
        central = (one_sided[:, 0] * right + one_sided[:, 1] * left) / (left + right)
        central_noise = noise.sum(axis=1) / (left + right)
        gaps = one_sided[:, 1] - one_sided[:, 0]
        truncation = np.abs(central[1] - central[0])
        jump = np.abs(2 * gaps[1] - gaps[0]) / 2
        reach = (left + right)[1] / 2
        curvature = np.maximum(0, np.abs(gaps[1]) - 2 * central_noise[1] - 2 * jump) / reach
        roundoff = (4 * central_noise[1] + central_noise[0]) / 3 + CONDITION * rounding * np.abs(gaps[1]) / reach
        smooth = same.all(axis=(0, 1)) & np.isfinite(values).all(axis=(0, 1))
        numeric = central[1] + (central[1] - central[0]) / 3
        unsteady = np.abs(one_sided[1] - one_sided[0]).max(axis=0)
        kink = (jump > 4 * central_noise[1] + np.abs(gaps[1]) / 4) & (unsteady < jump / 8)
        at_kink = sides(one_sided, side_noise, same)
    width = steps[0].max(axis=0)
    part = [numeric, truncation + jump, roundoff, np.where(kink, jump, 0.0), curvature, width, kink]
    for mine, other in zip(part, (*at_kink, np.zeros_like(reach), width, np.ones_like(kink)), strict=True):
        mine[~smooth] = other[~smooth]
    best, last = state.best, state.step[rows] <= state.first[rows] * ON_KINK
    better = (smooth | last) & (part[1] + part[2] < best.bound[rows])
    kept = (best.numeric, best.truncation, best.roundoff, best.spread, best.curvature, best.step, best.kink)
    for whole, mine in zip(kept, part, strict=True):
        whole[rows[better]] = mine[better]
    still = (values != 0).any(axis=(0, 1))
    next_steps(state, rows, part[0], np.where(smooth, part[1], np.inf), part[2], smooth | last, still)


def sides(one_sided: Vector, noise: Vector, same: NDArray[np.bool_]) -> tuple[Vector, Vector, Vector, Vector]:
    """Middle, truncation, roundoff and half the distance of the one-sided slopes (2, 2, m): of a kink at x.

    A side of x's own pattern tells the slope alone; so does a side where f is finite beside one where it is not.
    """
    slope = 2 * one_sided[1] - one_sided[0]
    error = np.abs(one_sided[1] - one_sided[0])
    finite, own = np.isfinite(slope), same.all(axis=0)
    used = finite & (own | ~(own & finite).any(axis=0))
    known = used.any(axis=0)
    high = np.where(used, slope, -np.inf).max(axis=0)
    low = np.where(used, slope, np.inf).min(axis=0)
    spread = np.where(known, (high - low) / 2, 0.0)
    error = np.where(known, np.where(used, error, 0.0).max(axis=0), np.inf)
    roundoff = np.where(used, 2 * noise[1] + noise[0], 0.0).max(axis=0)
    return np.where(known, (high + low) / 2, np.nan), error + spread, roundoff, spread


def next_steps(
    state: Search, rows: Indices, numeric: Vector, truncation: Vector, roundoff: Vector, smooth: NDArray[np.bool_],
    moves: NDArray[np.bool_],
) -> None:
    """Where the bound is too large: a larger step if roundoff rules it, a smaller one if truncation does."""
    goal = state.good * np.abs(numeric)
    bound = truncation + roundoff
    done = (bound <= goal) | ~moves | (~smooth & (state.step[rows] <= state.first[rows] * ON_KINK))
    tiny = np.finfo(np.float64).tiny
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        balance = np.cbrt(roundoff / np.maximum(truncation, tiny))
        shrinks = ~(truncation <= 4 * roundoff)
        shrink = np.maximum(balance / 2, np.sqrt(goal / np.maximum(truncation, tiny)) / 2)
        grow = np.minimum(2 * roundoff / np.maximum(goal, tiny), np.maximum(4, 2 * balance))
    step = state.step[rows]
    ratio = np.where(shrinks, np.clip(shrink, LEAST_RATIO, 0.25), np.clip(grow, 4, MOST_RATIO))
    ratio = np.where(np.isnan(ratio), KINK_SHRINK, ratio)
    state.high[rows] = np.where(shrinks, np.minimum(state.high[rows], step), state.high[rows])
    state.low[rows] = np.where(shrinks, state.low[rows], np.maximum(state.low[rows], step))
    low, high = state.low[rows], np.minimum(state.high[rows], state.first[rows] / (state.good**2))
    wanted = step * ratio
    outside = (wanted <= low * 1.5) | (wanted >= high / 1.5)
    with np.errstate(invalid="ignore"):
        wanted = np.where(outside, np.sqrt(low * high), wanted)
    done |= (high <= CLOSE * low) | ~(wanted > 0) | ~np.isfinite(wanted)
    state.step[rows] = np.where(done, step, wanted)
    state.active[rows] = ~done
