"""The choice of each line's step, and when to stop looking.

Design
------
- All lines are searched at once, in rounds. A round evaluates the outer points of each line, x - h and x + h, and,
  unless a kink lies between, the inner ones, x - h/2 and x + h/2.
- A parameter's own size is its unit: the first step is a share of it, however large others are. If f does not change,
  as for a parameter that is 0 up to rounding, the next step is a share of a typical parameter.
- The first step is small, so that few kinks lie within it and most lines are done after one round. A step grows if
  roundoff dominates and shrinks if truncation does, by as much as the two measured errors suggest.
- If patterns reveal kinks, a step that meets one becomes tiny at once; if it still meets it, x is on the kink. At the
  end of a domain a step shrinks, and becomes tiny if it meets the end again.
- For a function without known kinks, a disagreement at a step longer than the line's own scale must persist at this
  scale.
- A slope that disagrees with the analytic value is measured again with smaller steps, since many kinks within one step
  can cancel and stay unnoticed. A wrong value disagrees at every step.
- Steps change by powers of 2, so that lines which share points, like those of a gradient's entries, share many.
- No constant here has the unit of f or of x: multiplying f by a number changes no decision.

References
----------
Ridders, C. J. F. (1982). Accurate computation of F'(x) and F'(x) F''(x). Advances in Engineering Software 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol, final

import numpy as np
from numpy.typing import NDArray

from .evaluator import Differences, Indices, Vector
from .slopes import Slopes, one_round, unknown

EVALUATIONS = 7
"""With many lines, at most this many evaluations are spent per line on average."""
SPARE = 64
"""This many more evaluations may be spent in all."""
MAX_ROUNDS = 12
FIRST_POWER = 11 / 52
"""The first step is eps^(11/52) of the parameter's scale: 2^-11 in float64."""
GOOD_POWER = 1 / 4
"""The search ends if the bound is below eps^(1/4) of the slope: 1.2e-4 in float64."""
KINK_SHRINK = 1 / 8
ON_KINK = 2.0**-12
"""A kink nearer to x than this share of the first step is treated as one at x."""
MIN_RATIO, MAX_RATIO = 2.0**-10, 2.0**6
CLOSE = 3.0
"""The search ends if the steps found too small and too large differ by at most this factor."""
AGAIN = (0.25, 2.0**-4, 2.0**-6, 2.0**-8)
"""A disagreement must persist at these multiples of the step that found it."""
OWN = (0.5, 0.125, 2.0**-5)
"""A disagreement at a longer step must persist at these multiples of the line's own scale."""
MIN_AGAIN, MAX_SHARE, MAX_AGAIN = 16, 0.25, 512
"""Disagreeing lines are re-examined only if there are at most max(MIN_AGAIN, min(MAX_AGAIN, MAX_SHARE · n)); more
cannot be chance."""
WORSE = 8.0
"""A second look whose bound is larger than the first by more than this factor tells nothing."""
CONFIRMS, SHRUNK = 1 / 4, 1 / 2
"""A second look confirms the slope if it agrees within CONFIRMS of the bound and its truncation is at most SHRUNK of
the first's, as for a smooth function. Its own bound may be wider, since its roundoff is larger."""


class Lines(Protocol):
    """Points on lines through x: for rows (m,) and offsets (m,), the offsets after rounding and f's differences."""

    def __call__(self, rows: Indices, offsets: Vector) -> tuple[Vector, Differences]: ...


class Found(NamedTuple):
    """Slopes along k lines, and how many evaluations they took."""

    slopes: Slopes
    evaluations: int


@final
@dataclass
class Search:
    """State of the search: the best slopes so far, the next steps, and the steps found too small and too large; all
    (k,).
    """

    best: Slopes
    step: Vector
    low: Vector
    high: Vector
    active: NDArray[np.bool_]
    least: Vector
    usual: Vector
    good: float


def search(lines: Lines, scale: Vector, span: Vector, pattern: int, eps: float) -> Found:
    """Find slopes along lines.

    Parameters
    ----------
    lines : Lines
    scale, span : ndarray, shape (k,)
        Lengths for each line: the least and the largest in which the function may be expected to change.
    pattern : int
        That at x; 0 where kinks are not known.
    eps : float
        Of the numbers that x is made of.
    """
    k, good = len(scale), eps**GOOD_POWER
    share = 2.0 ** np.round(np.log2(eps) * FIRST_POWER)
    state = Search(
        unknown(k),
        scale * share,
        np.zeros(k),
        np.full(k, np.inf),
        np.ones(k, np.bool_),
        scale * share * ON_KINK,
        span * share,
        good,
    )
    spent = 0
    for _ in range(MAX_ROUNDS):
        rows = most_needed(state.best, np.flatnonzero(state.active), (EVALUATIONS * k + SPARE - spent) // 4)
        if not len(rows):
            break
        spent += advance(lines, state, rows, pattern, eps * scale)
    return Found(state.best, spent)


def most_needed(best: Slopes, rows: Indices, most: int) -> Indices:
    """Return the `most` rows whose slopes have the largest bounds relative to their size."""
    if len(rows) <= most:
        return rows
    bound, size = best.bound[rows], np.abs(best.numeric[rows])
    share = np.divide(bound, size, out=np.full(len(rows), np.inf), where=size > 0)
    return np.sort(rows[np.argsort(-share, kind="stable")[: max(most, 0)]])


class Look(NamedTuple):
    """Result of one round for some rows: slopes, whether no kink was met, whether f changed at all.

    `kinked` are the rows with a kink to either side, among all that were asked for.
    """

    kinked: Indices
    rows: Indices
    slopes: Slopes
    smooth: NDArray[np.bool_]
    moved: NDArray[np.bool_]
    evaluations: int


def look(lines: Lines, rows: Indices, step: Vector, patient: NDArray[np.bool_], pattern: int, rounding: Vector) -> Look:
    """Evaluate x -+ h for some rows, and x -+ h/2 if no kink was met or `patient`; only the latter rows get slopes."""
    k = len(rows)
    offsets, outer = lines(np.concatenate([rows, rows]), np.concatenate([-step, step]))
    same, finite = (sides.reshape(2, k) for sides in (outer.patterns == pattern, np.isfinite(outer.values)))
    kinked, keep = rows[finite.all(axis=0) & ~same.all(axis=0)], (same & finite).all(axis=0) | patient
    if not keep.all():
        rows, both = rows[keep], np.concatenate([keep, keep])
        step, offsets, outer = step[keep], offsets[both], Differences(*(array[both] for array in outer))
    if not len(rows):
        none = np.zeros(0, np.bool_)
        return Look(kinked, rows, unknown(0), none, none, 2 * k)
    inner_offsets, inner = lines(np.concatenate([rows, rows]), np.concatenate([step / -2, step / 2]))
    shape = (2, 2, len(rows))
    steps = np.abs([offsets, inner_offsets]).reshape(shape)
    values, noise, patterns = (np.array(pair).reshape(shape) for pair in zip(outer, inner, strict=True))
    slopes, smooth = one_round(steps, values, noise, patterns == pattern, rounding[rows])
    return Look(kinked, rows, slopes, smooth, (values != 0).any(axis=(0, 1)), 2 * k + 2 * len(rows))


def advance(lines: Lines, state: Search, rows: Indices, pattern: int, rounding: Vector) -> int:
    """Run one round: keep better slopes, choose the next steps; return the number of evaluations."""
    step = state.step[rows]
    seen = look(lines, rows, step, step <= state.least[rows], pattern, rounding)
    met = np.zeros(len(state.step), np.bool_)
    met[rows] = True
    met[seen.rows] = ~seen.smooth & (state.step[seen.rows] > state.least[seen.rows])
    _, rows, slopes, smooth, moved, _ = seen
    if met.any():
        useful = ~met[rows]
        rows, slopes, smooth, moved = rows[useful], slopes.take(useful), smooth[useful], moved[useful]
    better = slopes.bound < state.best.bound[rows]
    state.best.put(rows[better], slopes.take(better))
    near = met & np.isfinite(state.high)
    near[seen.kinked] |= met[seen.kinked]
    state.high[met] = state.step[met]
    state.step[met] *= KINK_SHRINK
    state.step[near] = state.least[near]
    choose_steps(state, rows, slopes, np.where(smooth, 0.0, slopes.spread), ~moved)
    state.least[rows[~smooth]] = np.inf  # a longer step would meet the same kink
    return seen.evaluations


def choose_steps(state: Search, rows: Indices, slopes: Slopes, spread: Vector, still: NDArray[np.bool_]) -> None:
    """Choose a larger step if roundoff dominates a bound that is too large, a smaller one if truncation does.

    Where f stood `still`, the usual step is next, and the last. The spread of one-sided slopes, which no step makes
    smaller, is left out where it is certain.
    """
    goal, truncation = state.good * np.maximum(np.abs(slopes.numeric), spread), slopes.truncation - spread
    done = (still & (state.step[rows] >= state.usual[rows])) | (truncation + slopes.roundoff <= goal)
    state.active[rows[done]] = False
    left = np.flatnonzero(~done)
    if not len(left):
        return
    rows, goal, truncation, roundoff = rows[left], goal[left], truncation[left], slopes.roundoff[left]
    still, usual = still[left], state.usual[rows]
    step, tiny = state.step[rows], np.finfo(np.float64).tiny
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        balance = np.cbrt(roundoff / np.maximum(truncation, tiny))
        shrinks = ~(truncation <= 4 * roundoff)
        shrink = np.maximum(balance / 2, np.sqrt(goal / np.maximum(truncation, tiny)) / 2)
        lacks, most = 2 * roundoff / np.maximum(goal, tiny), np.minimum(np.maximum(4, 2 * balance), MAX_RATIO)
        grow = np.clip(lacks, 4, np.maximum(most, usual / step))
    ratio = np.where(shrinks, np.clip(shrink, MIN_RATIO, 0.25), grow)
    state.high[rows] = np.where(shrinks, np.minimum(state.high[rows], step), state.high[rows])
    state.low[rows] = np.where(shrinks, state.low[rows], np.maximum(state.low[rows], step))
    low, high = state.low[rows], np.minimum(state.high[rows], usual / state.good**2)
    wanted = step * np.where(np.isnan(ratio), KINK_SHRINK, ratio)
    outside = (wanted <= low * 1.5) | (wanted >= high / 1.5)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        wanted = np.where(outside, np.sqrt(low * high), wanted)
        wanted = step * 2.0 ** np.round(np.log2(wanted / step))
    wanted = np.where(still, usual, wanted)
    hopeless = (high <= CLOSE * low) | ~(wanted > 0) | ~np.isfinite(wanted)
    state.step[rows] = np.where(hopeless, step, wanted)
    state.active[rows] = ~hopeless


def look_near(lines: Lines, found: Found, analytic: Vector, extra: Vector, scale: Vector, eps: float) -> Found:
    """Replace slopes that disagree with the analytic values (k,) if steps of the line's own scale agree.

    Where roundoff drowns what short steps see, a longer one tells only what the function does far away: something may
    hide in the roundoff nearby, as a tanh of x does beside numbers of 1e7. The slope is then as uncertain as it looks
    from near.
    """
    best, spent = found
    with np.errstate(invalid="ignore", over="ignore"):
        beyond = np.abs(analytic - best.numeric) / (best.bound + extra)
    far = np.flatnonzero((beyond > 1) & np.isfinite(beyond) & (best.step > scale))
    for ratio in OWN:
        if not len(far):
            break
        seen = look(lines, far, scale[far] * ratio, np.zeros(len(far), np.bool_), 0, eps * scale)
        spent += seen.evaluations
        with np.errstate(invalid="ignore", over="ignore"):
            agrees = np.abs(analytic[seen.rows] - seen.slopes.numeric) <= seen.slopes.bound + extra[seen.rows]
        best.put(seen.rows[agrees], seen.slopes.take(agrees))
        far = np.setdiff1d(far, seen.rows[agrees])
    return Found(best, spent)


def look_again(
    lines: Lines, found: Found, analytic: Vector, extra: Vector, scale: Vector, pattern: int, eps: float
) -> Found:
    """Replace slopes that disagree with the analytic values (k,) if a smaller step agrees with as small a bound.

    A look that confirms the first slope excuses nothing. One whose truncation is larger than the first's, though its
    step is smaller, refutes it, however wide its own bound is: the first one's was small by chance.

    Parameters
    ----------
    extra : ndarray, shape (k,)
        What the analytic values themselves may be off.
    """
    if not pattern:
        found = look_near(lines, found, analytic, extra, scale, eps)
    best, spent = found
    with np.errstate(invalid="ignore", over="ignore"):
        beyond = np.abs(analytic - best.numeric) / (best.bound + extra)
    wrong = np.flatnonzero((beyond > 1) & np.isfinite(beyond))
    if len(wrong) > max(MIN_AGAIN, min(MAX_AGAIN, MAX_SHARE * len(analytic))):
        return found
    limit = np.maximum(WORSE * best.bound, eps**0.5 * np.abs(best.numeric))
    for ratio in AGAIN:
        if not len(wrong):
            break
        step = best.step[wrong] * ratio
        seen = look(lines, wrong, step, np.zeros(len(wrong), np.bool_), pattern, eps * scale)
        spent += seen.evaluations
        first = best.take(seen.rows)
        confirms = np.abs(seen.slopes.numeric - first.numeric) <= CONFIRMS * first.bound
        confirms &= seen.slopes.truncation <= SHRUNK * first.truncation
        refutes = seen.slopes.truncation > first.truncation + seen.slopes.roundoff
        agrees = (
            seen.smooth
            & ((seen.slopes.bound <= limit[seen.rows]) | refutes)
            & ~confirms
            & (np.abs(analytic[seen.rows] - seen.slopes.numeric) <= seen.slopes.bound + extra[seen.rows])
        )
        best.put(seen.rows[agrees], seen.slopes.take(agrees))
        wrong = np.setdiff1d(wrong, seen.rows[agrees])
    return Found(best, spent)
