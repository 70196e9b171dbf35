"""Entries of a gradient: their position, what was found, and the verdict.

Design
------
- An entry fails where |analytic - numeric| exceeds the bound of the difference, and nowhere else.
- It is inconclusive where the bound is so wide that a wrong value could hide in it: more than RESOLVED of the entry
  itself, and more than a negligible share of the gradient's largest effect. Effects are slopes times the parameters'
  scales, so neither the loss's unit nor a parameter's matters. Where the gradient vanishes, as it does at a minimum or
  where everything is saturated, curvature times scale says how large it is nearby, and its roundoff how large the terms
  are that it is summed from.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from .evaluator import Indices, Vector
from .search import GOOD_POWER
from .slopes import Slopes

RESOLVED = 0.01
NEGLIGIBLE, NEGLIGIBLE_ROUNDINGS = 1e-6, 1024.0
"""Effects below this share of the largest, or below this many roundings, are negligible; in float32 the second is
larger."""
ROUNDINGS = 256.0
"""A gradient's roundoff is at most this many roundings of its terms."""

ENTRY = np.dtype(
    [
        ("block", np.int32),
        ("index", np.int64),
        ("analytic", np.float64),
        ("numeric", np.float64),
        ("bound", np.float64),
        ("truncation", np.float64),
        ("roundoff", np.float64),
        ("step", np.float64),
        ("kink", np.bool_),
        ("verdict", "U12"),
    ]
)
"""One entry: `block` counts the report's blocks, `index` the flat vector; bound = truncation + roundoff."""

Entries = NDArray[Any]


class Roundoff(NamedTuple):
    """How far the entries of a gradient may be off by their own roundoff, as two arrays of one shape.

    Attributes
    ----------
    whole : ndarray
    smooth : ndarray
        Without what a kink adds that roundoff may cross, for differences that have seen both of its sides.
    """

    whole: Vector
    smooth: Vector

    def at(self, indices: Indices) -> Roundoff:
        """Return the roundoff of some entries."""
        return Roundoff(self.whole[indices], self.smooth[indices])


VERDICTS = np.array(["pass", "fail", "inconclusive"])


@final
@dataclass(frozen=True)
class Block:
    """Neighbouring entries of the flat vector that belong together: a weight, a bias, an array.

    Parameters
    ----------
    name : str
    start : int
        Index of its first entry.
    shape : tuple of int

    Examples
    --------
    >>> Block("dense0.weight", 0, (2, 3)).entry_name(4)
    'dense0.weight[1, 1]'
    """

    name: str
    start: int
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Number of entries."""
        return prod(self.shape)

    @property
    def place(self) -> slice:
        """Slice of the flat vector."""
        return slice(self.start, self.start + self.size)

    def entry_name(self, index: int) -> str:
        """Return the name of the entry at `index` in the flat vector."""
        if not self.shape:
            return self.name
        return f"{self.name}{[int(i) for i in np.unravel_index(index - self.start, self.shape)]}"


def blocks_of(parts: list[tuple[str, NDArray[Any]]]) -> tuple[Block, ...]:
    """Return the blocks of named arrays that follow one another in a flat vector."""
    blocks, start = [], 0
    for name, array in parts:
        blocks.append(Block(name, start, array.shape))
        start += array.size
    return tuple(blocks)


def block_numbers(blocks: tuple[Block, ...], indices: Indices) -> NDArray[np.intp]:
    """Return the number of the block that each index is in."""
    return np.searchsorted([block.start for block in blocks], indices, side="right") - 1


def negligible(eps: float) -> float:
    """Return the share of the largest effect below which an error is negligible; eps is that of the numbers in use."""
    return max(NEGLIGIBLE, NEGLIGIBLE_ROUNDINGS * eps)


def verdicts(
    analytic: Vector, roundoff: Vector, slopes: Slopes, scale: Vector, span: Vector, eps: float
) -> NDArray[np.str_]:
    """Return "pass", "fail" or "inconclusive" for each of k lines.

    Parameters
    ----------
    analytic, roundoff : ndarray, shape (k,)
        The gradient's entries, and what they may be off by their own roundoff.
    slopes : Slopes
        With that roundoff in their bounds.
    scale, span : ndarray, shape (k,)
        Lengths that the parameters may be expected to move by: the least, for effects, and the largest, for bounds.
    eps : float
        Of the numbers that the function or the gradient is computed with, the larger one.
    """
    bound, numeric = slopes.bound, slopes.numeric
    with np.errstate(invalid="ignore", over="ignore"):
        error = np.abs(analytic - numeric)
        nearby = np.maximum(slopes.curvature * scale, roundoff / (ROUNDINGS * eps))
        certain = np.maximum(np.abs(numeric) - bound, nearby)
        effect = float(np.max(certain * scale, where=np.isfinite(certain * scale), initial=0.0))
        size = np.maximum(np.maximum(np.abs(analytic), np.abs(numeric)), slopes.spread)
        width = bound - slopes.spread
        share = max(RESOLVED, 8 * eps**GOOD_POWER)
        resolved = (width <= share * size) | (width * span <= negligible(eps) * effect)
        known = np.isfinite(numeric) & np.isfinite(bound)
        wrong = ~np.isfinite(analytic) | (known & ~(error <= bound))
    return VERDICTS[np.where(wrong, 1, np.where(known & resolved, 0, 2))]


def make_entries(
    blocks: tuple[Block, ...],
    indices: Indices,
    analytic: Vector,
    roundoff: Roundoff,
    slopes: Slopes,
    scale: Vector,
    span: Vector,
    eps: float,
) -> Entries:
    """Return the entries in the order of `indices`; like `verdicts`, but with the roundoff added to the bounds."""
    own = np.where(slopes.spread > 0, roundoff.smooth, roundoff.whole)
    slopes = replace(slopes, roundoff=slopes.roundoff + own)
    entries = np.empty(len(indices), ENTRY)
    entries["block"], entries["index"] = block_numbers(blocks, indices), indices
    entries["analytic"], entries["numeric"], entries["bound"] = analytic, slopes.numeric, slopes.bound
    entries["truncation"], entries["roundoff"] = slopes.truncation, slopes.roundoff
    entries["step"], entries["kink"] = slopes.step, slopes.kink
    entries["verdict"] = verdicts(analytic, roundoff.smooth, slopes, scale, span, eps)
    return entries


def excess(entries: Entries) -> Vector:
    """Return |analytic - numeric| over the bound: above 1 if an entry fails, infinite if it cannot be told."""
    with np.errstate(invalid="ignore", over="ignore"):
        error = np.abs(entries["analytic"] - entries["numeric"])
        ratio = np.divide(error, entries["bound"], out=np.where(error > 0, np.inf, 0.0), where=entries["bound"] > 0)
    unclear = (ratio > 1) & (entries["verdict"] == "inconclusive")
    ratio[unclear] = 1.0
    return np.where(np.isnan(ratio), np.inf, ratio)
