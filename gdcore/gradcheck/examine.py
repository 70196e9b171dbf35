"""The check of one gradient against one evaluator: the entries that a mode chooses, or directions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from ..base import checks
from .model.kinks import Sides, excuse, take_sides
from .modes import Plan, sampled
from .report.contents import Part
from .report.plot import error_curve
from .report.report import GradientReport
from .slopes.differences import entry_lines, entry_slopes, scales, spans
from .slopes.directions import DIRECTION, check_directions
from .slopes.entries import Block, Entries, Roundoff, excess, make_entries
from .slopes.evaluator import Evaluator, Indices, Vector


@final
@dataclass(frozen=True)
class Sampling:
    """How many entries and directions to check.

    Parameters
    ----------
    samples_per_block : int, default 32
        Entries of each block in mode "sample".
    directions : int, default 4
        Random directions in each block in mode "directions".
    seed : int, default 0
        Of the random choices.
    """

    samples_per_block: int = 32
    directions: int = 4
    seed: int = 0

    def __post_init__(self) -> None:
        checks.integer("samples_per_block", self.samples_per_block, 1)
        checks.integer("directions", self.directions, 1)
        checks.integer("seed", self.seed, 0)


class Findings(NamedTuple):
    """Entries, DIRECTION rows, number of evaluations, and of entries that several kinks make inconclusive."""

    entries: Entries
    directions: NDArray[Any]
    evaluations: int
    excused: int

    def notes(self) -> tuple[str, ...]:
        """Return what a reader of the report should know."""
        if not self.excused:
            return ()
        stand = "1 entry stands" if self.excused == 1 else f"{self.excused} entries stand"
        return (f"{stand} on several kinks at once, where a gradient may be any mixture of slopes",)


@final
@dataclass(frozen=True)
class GivenGradient:
    """A gradient to be checked.

    Parameters
    ----------
    gradient : ndarray, shape (n,)
    roundoff : Roundoff, of shape (n,)
        What its entries may be off by their own roundoff: it joins the bounds.
    blocks : tuple of Block
        The entries that are checked; n may be larger.
    eps : float, default that of float64
        Of the numbers that the gradient was computed with.
    """

    gradient: Vector
    roundoff: Roundoff
    blocks: tuple[Block, ...]
    eps: float = float(np.finfo(np.float64).eps)


def check_entries(
    evaluator: Evaluator, given: GivenGradient, indices: Indices, sides: Sides
) -> tuple[Entries, int, int]:
    """Check the entries at `indices`; return them, the evaluations made, and how many entries several kinks make
    inconclusive.
    """
    analytic, extra = given.gradient[indices], given.roundoff.at(indices)
    slopes, spent = entry_slopes(evaluator, indices, analytic, extra.whole)
    x, eps = evaluator.x, max(given.eps, evaluator.eps)
    scale, span = scales(x, evaluator.eps)[indices], spans(x)[indices]
    entries = make_entries(given.blocks, indices, analytic, extra, slopes, scale, span, eps)
    unsettled = (entries["verdict"] != "pass") & (slopes.kink | ~np.isfinite(slopes.numeric)) & np.isfinite(analytic)
    if unsettled.any() and not sides.mixed:
        unsettled &= ~np.isfinite(slopes.bound)
    if not unsettled.any() or not sides.evaluators:
        return entries, spent, 0
    with np.errstate(invalid="ignore", over="ignore"):
        beyond = np.abs(analytic - slopes.numeric) > entries["bound"] + sides.apart[indices]
    unsettled &= ~beyond
    agreeing, more = take_sides(sides, slopes, indices, analytic, extra, unsettled)
    extra = Roundoff(np.where(agreeing, extra.smooth, extra.whole), extra.smooth)
    entries = make_entries(given.blocks, indices, analytic, extra, slopes, scale, span, eps)
    return entries, spent + more, excuse(sides, entries, unsettled, agreeing)


def examine(evaluator: Evaluator, given: GivenGradient, mode: str, sampling: Sampling, sides: Sides) -> Findings:
    """Check a gradient in the mode "full", "sample" or "directions".

    In the last one the entries are the faulty ones that directions led to, and the largest of each block.
    """
    rng = np.random.default_rng(sampling.seed)
    if mode == "full":
        indices = np.concatenate([np.arange(block.start, block.start + block.size) for block in given.blocks])
    elif mode == "sample":
        indices = sampled(given.blocks, sampling.samples_per_block, given.gradient, rng)
    else:
        told = check_directions(
            evaluator, sides, given.gradient, given.roundoff.whole, given.blocks, sampling.directions, rng
        )
        indices = np.union1d(told.faulty, sampled(given.blocks, 1, given.gradient, rng))
        entries, more, excused = check_entries(evaluator, given, indices, sides)
        told.soften(entries)
        return Findings(entries, told.rows, told.evaluations + more, excused)
    entries, spent, excused = check_entries(evaluator, given, indices, sides)
    return Findings(entries, np.empty(0, DIRECTION), spent, excused)


def assemble(
    evaluator: Evaluator,
    blocks: tuple[Block, ...],
    found: Findings,
    plan: Plan,
    causes: tuple[str, ...],
    parts: tuple[Part, ...] = (),
    notes: tuple[str, ...] = (),
) -> GradientReport:
    """Return the report, with the curve of its worst entry."""
    worst = found.entries[int(np.argmax(excess(found.entries)))]
    line = entry_lines(evaluator, worst["index"].reshape(1))
    scale = float(scales(evaluator.x, evaluator.eps)[worst["index"]])
    curve = error_curve(line, 0, scale, evaluator.eps, float(worst["numeric"]))
    return GradientReport(
        blocks, found.entries, found.directions, parts, causes, plan.mode, plan.why, found.evaluations, curve, notes
    )
