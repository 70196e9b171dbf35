"""Whole blocks at once: derivatives along random directions, and the faulty entry by bisection.

Design
------
- A direction moves one block only. One that moves every block would let a large block hide a small one.
- Directions are uniform on the unit sphere, so what a wrong gradient e adds, the projection of e, has a known
  distribution: of n entries, |e . u| <= t |e| has a probability of at most 2 t times the density at 0,
  gamma(n/2) / (sqrt(pi) gamma((n-1)/2)). So the probability that a bug of a given size is missed can be stated.
- Where a direction fails, its block is halved: the direction's two halves cannot both be right. log2(n) slopes lead to
  one entry, which is then checked by itself, and some of its block's others with it: where most of them are wrong too,
  there is nothing to be found by halving.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import asin, exp, lgamma, pi, sqrt
from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from ..model.kinks import Sides
from .differences import direction_slopes, entry_slopes, pulls, reach, slope_along
from .entries import Block, negligible
from .evaluator import Evaluator, Indices, Vector
from .slopes import Slopes

DIRECTION = np.dtype(
    [
        ("block", np.int32),
        ("analytic", np.float64),
        ("numeric", np.float64),
        ("bound", np.float64),
        ("step", np.float64),
        ("kink", np.bool_),
        ("size", np.float64),
        ("verdict", "U12"),
    ]
)
"""One direction: derivatives along it, and `size`, the norm of the block's analytic gradient."""
HIDDEN = 0.1
"""A direction is inconclusive if its bound exceeds this share of a typical projection of the block's gradient."""
PRODUCT = 16.0
"""In a product of a gradient with a direction, an entry is off by this many roundings."""
DEVIATIONS = 8.0
"""A random projection is taken to be within this many standard deviations of 0."""
MAX_FOUND, WITNESSES = 8, 8


def within(n: int, share: float) -> float:
    """Return a bound of the probability that a random unit vector's projection on a fixed one is at most `share`.

    Parameters
    ----------
    n : int
        Dimension.
    share : float

    Examples
    --------
    >>> within(2, 0.5)
    0.33333333333333337
    >>> within(100, 0.001) < 0.01
    True
    """
    if share >= 1:
        return 1.0
    if n == 1:
        return 0.0
    if n == 2:
        return 2 / pi * asin(share)
    return min(1.0, 2 * share / sqrt(pi) * exp(lgamma(n / 2) - lgamma((n - 1) / 2)))


def draw(rng: np.random.Generator, n: int, indices: Indices) -> Vector:
    """Draw a random unit direction (n,) that moves only `indices`."""
    direction = np.zeros(n)
    direction[indices] = rng.normal(size=len(indices))
    return direction / np.linalg.norm(direction)


class Probe(NamedTuple):
    """Result of k directions: slopes, what the gradient predicts, where the two disagree, and evaluations."""

    slopes: Slopes
    said: Vector
    wrong: NDArray[np.bool_]
    evaluations: int


def probe(evaluator: Evaluator, gradient: Vector, roundoff: Vector, directions: Vector) -> Probe:
    """Compare slopes along directions (k, n) with a gradient (n,) that may be off by its roundoff (n,)."""
    eps = float(np.finfo(np.float64).eps)
    with np.errstate(invalid="ignore", over="ignore"):
        said = directions @ gradient
        own = roundoff + PRODUCT * eps * np.abs(gradient)
        extra = np.array([projected(direction, own) for direction in directions])
        slopes, spent = direction_slopes(evaluator, directions, said, extra)
        slopes = replace(slopes, roundoff=slopes.roundoff + extra)
        wrong = ~(np.abs(said - slopes.numeric) <= slopes.bound) & (np.isfinite(slopes.bound) | ~np.isfinite(said))
    return Probe(slopes, said, wrong, spent)


def projected(direction: Vector, roundoff: Vector) -> float:
    """Return how much roundoff (n,) may add along an independent random direction (n,)."""
    moved = direction != 0
    sizes = roundoff[moved]
    typical = float(np.linalg.norm(sizes)) / sqrt(len(sizes))
    return min(float(np.abs(direction[moved]) @ sizes), DEVIATIONS * typical)


@final
@dataclass(frozen=True)
class Told:
    """Result of checking directions.

    Attributes
    ----------
    rows : ndarray of DIRECTION
    allowance : ndarray, shape (len(rows),)
        By how much sides taken at kinks could move the slopes; infinite where a kink is met of which nothing is known.
    faulty : ndarray of int64
        Entries that disagreements lead to, and where directions meet kinks some that may witness for the others.
    evaluations : int
    """

    rows: NDArray[Any]
    allowance: Vector
    faulty: Indices
    evaluations: int

    def soften(self, entries: NDArray[Any]) -> None:
        """Turn failures that kinks may explain, and that no entry of their block confirms, into "inconclusive", in
        place.

        Parameters
        ----------
        entries : ndarray of ENTRY
        """
        failing, rows = entries["block"][entries["verdict"] == "fail"], self.rows
        explained = np.abs(rows["analytic"] - rows["numeric"]) <= rows["bound"] + self.allowance
        explained &= (rows["verdict"] == "fail") & ~np.isin(rows["block"], failing)
        rows["verdict"][explained] = "inconclusive"
        rows["bound"][explained] += self.allowance[explained]


def check_directions(
    evaluator: Evaluator,
    sides: Sides,
    gradient: Vector,
    roundoff: Vector,
    blocks: tuple[Block, ...],
    k: int,
    rng: np.random.Generator,
) -> Told:
    """Check k directions in each block; at kinks, with the first choice of sides that explains it, if any does."""
    rows, allowance = np.empty(len(blocks) * k, DIRECTION), np.zeros(len(blocks) * k)
    evaluators = sides.evaluators or (evaluator,)
    faulty: list[int] = []
    spent, n = 0, len(gradient)
    for b, block in enumerate(blocks):
        indices = np.arange(block.start, block.start + block.size)
        directions = np.stack([draw(rng, n, indices) for _ in range(k)])
        found, mine = probe(evaluators[0], gradient, roundoff, directions), slice(b * k, (b + 1) * k)
        spent, allowance[mine] = spent + found.evaluations, np.where(found.slopes.kink, np.inf, 0.0)
        if found.wrong.any() and sides.evaluators:
            allowance[mine] = np.abs(directions[:, block.place]) @ sides.apart[block.place]
            off = np.abs(found.said - found.slopes.numeric)
            explained = off <= found.slopes.bound + allowance[mine]
            for one in evaluators[1:] if explained[found.wrong].all() else ():
                other = probe(one, gradient, roundoff, directions)
                spent += other.evaluations
                if not other.wrong.any():
                    found = other
                    break
        note(rows[mine], b, found, float(np.linalg.norm(gradient[block.place])))
        more_faulty, more = trace(evaluators[0], gradient, roundoff, directions, found, indices, rng)
        if more_faulty and sides.evaluators:
            more_faulty += rng.choice(indices, min(WITNESSES, len(indices)), replace=False).tolist()
        faulty, spent = faulty + more_faulty, spent + more
    typical = rows["size"] / np.sqrt([block.size for block in blocks])[rows["block"]]
    largest = np.max(typical, where=np.isfinite(typical), initial=0.0)
    hidden = ~(rows["bound"] <= np.maximum(HIDDEN * typical, negligible(evaluator.eps) * largest))
    rows["verdict"][hidden & (rows["verdict"] == "pass")] = "inconclusive"
    return Told(rows, allowance, np.unique(np.array(faulty, np.int64)), spent)


def note(rows: NDArray[Any], block: int, found: Probe, size: float) -> None:
    """Record a block's directions; `size` is the norm of its gradient."""
    slopes = found.slopes
    rows["block"], rows["analytic"], rows["numeric"], rows["bound"] = block, found.said, slopes.numeric, slopes.bound
    rows["step"], rows["kink"], rows["size"] = slopes.step, slopes.kink, size
    rows["verdict"] = np.where(found.wrong, "fail", "pass")


def trace(
    evaluator: Evaluator,
    gradient: Vector,
    roundoff: Vector,
    directions: Vector,
    found: Probe,
    indices: Indices,
    rng: np.random.Generator,
) -> tuple[list[int], int]:
    """Return the entries among `indices` that the disagreements of directions lead to, and the number of evaluations.

    Once an entry is found its slope takes the place of the analytic value; what disagrees still leads to another.
    """
    unknown = indices[~np.isfinite(gradient[indices])]
    if len(unknown):
        return unknown[:MAX_FOUND].tolist(), 0
    faulty: list[int] = []
    gradient, spent = gradient.copy(), 0
    for j in np.flatnonzero(found.wrong):
        for _ in range(MAX_FOUND - len(faulty)):
            apart = float(directions[j] @ gradient - found.slopes.numeric[j])
            if not abs(apart) > found.slopes.bound[j]:
                break
            index, more = bisect(evaluator, gradient, directions[j], indices, apart)
            if index in faulty:
                break
            others = rng.choice(indices, 0 if faulty else WITNESSES)
            looked = np.union1d(others, [index])
            (slopes, last), spent = entry_slopes(evaluator, looked, gradient[looked], roundoff[looked]), spent + more
            wrong = ~(np.abs(gradient[looked] - slopes.numeric) <= slopes.bound + roundoff[looked])
            gradient[looked[wrong]], gradient[index] = slopes.numeric[wrong], slopes.numeric[looked == index].item()
            faulty, spent = [*faulty, *np.union1d(looked[wrong], [index]).tolist()], spent + last
            if 1 < len(looked) < 2 * wrong.sum():
                return faulty, spent
    return faulty, spent


def bisect(
    evaluator: Evaluator, gradient: Vector, direction: Vector, indices: Indices, apart: float
) -> tuple[int, int]:
    """Bisect a disagreement down to one entry, each time in the half that disagrees more; return it and the
    evaluations.

    What one half disagrees by, the other half has of the rest.
    """
    spent, part, pulled = 0, np.zeros_like(direction), pulls(evaluator, direction)
    while len(indices) > 1:
        left = indices[: len(indices) // 2]
        part[left] = direction[left]
        slope, more = slope_along(evaluator, part, *(reach(pull[left]) for pull in pulled))
        here, spent = float(part[left] @ gradient[left] - slope), spent + more
        part[left] = 0
        indices, apart = (left, here) if abs(here) >= abs(apart - here) else (indices[len(left) :], apart - here)
    return int(indices[0]), spent


def missed(rows: NDArray[Any], blocks: tuple[Block, ...], share: float) -> float:
    """Return the largest probability, over the blocks, that the checked directions miss a bug.

    Parameters
    ----------
    rows : ndarray of DIRECTION
    blocks : tuple of Block
    share : float
        Size of the bug: norm of what is wrong over the norm of the block's gradient.
    """
    worst = 0.0
    for b, block in enumerate(blocks):
        mine = rows[rows["block"] == b]
        chance = 1.0
        for row in mine:
            size = share * row["size"]
            chance *= within(block.size, float(row["bound"] / size)) if size > 0 else 1.0
        worst = max(worst, chance)
    return worst
