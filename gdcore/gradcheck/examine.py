"""One gradient against one evaluator: the entries that a mode chooses, or directions and what they lead to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from .. import checks
from .differences import entry_lines, entry_slopes, scales, spans
from .directions import DIRECTION, check_directions
from .entries import Block, Entries, Roundoff, excess, make_entries
from .evaluator import Evaluator, Indices, Vector
from .modes import Plan, sampled
from .plot import error_curve
from .report import GradientReport, Part


@final
@dataclass(frozen=True)
class Effort:
    """How much is looked at.

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
    """Entries, DIRECTION rows and evaluations."""

    entries: Entries
    directions: NDArray[Any]
    evaluations: int


@final
@dataclass(frozen=True)
class Claim:
    """A gradient that is to be checked.

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


def check_entries(evaluator: Evaluator, claim: Claim, indices: Indices) -> tuple[Entries, int]:
    """The entries at `indices`, and the evaluations they took."""
    analytic, extra = claim.gradient[indices], claim.roundoff.at(indices)
    slopes, spent = entry_slopes(evaluator, indices, analytic, extra.whole)
    x, eps = evaluator.x, max(claim.eps, evaluator.eps)
    scale, span = scales(x, evaluator.eps)[indices], spans(x)[indices]
    return make_entries(claim.blocks, indices, analytic, extra, slopes, scale, span, eps), spent


def examine(evaluator: Evaluator, claim: Claim, mode: str, effort: Effort) -> Findings:
    """Check a gradient in the mode "full", "sample" or "directions".

    In the last one the entries are the faulty ones that directions led to, and the largest of each block.
    """
    rng = np.random.default_rng(effort.seed)
    rows, spent = np.empty(0, DIRECTION), 0
    if mode == "full":
        indices = np.concatenate([np.arange(block.start, block.start + block.size) for block in claim.blocks])
    elif mode == "sample":
        indices = sampled(claim.blocks, effort.samples_per_block, claim.gradient, rng)
    else:
        rows, faulty, spent = check_directions(
            evaluator, claim.gradient, claim.roundoff.whole, claim.blocks, effort.directions, rng
        )
        indices = np.union1d(faulty, sampled(claim.blocks, 1, claim.gradient, rng))
    entries, more = check_entries(evaluator, claim, indices)
    return Findings(entries, rows, spent + more)


def assemble(
    evaluator: Evaluator, blocks: tuple[Block, ...], found: Findings, plan: Plan, causes: tuple[str, ...],
    parts: tuple[Part, ...] = (), notes: tuple[str, ...] = (),
) -> GradientReport:
    """The report, with the curve of its worst entry."""
    worst = found.entries[int(np.argmax(excess(found.entries)))]
    line = entry_lines(evaluator, worst["index"].reshape(1))
    scale = float(scales(evaluator.x, evaluator.eps)[worst["index"]])
    curve = error_curve(line, 0, scale, evaluator.eps, float(worst["numeric"]))
    return GradientReport(
        blocks, found.entries, found.directions, parts, causes, plan.mode, plan.why, found.evaluations, curve, notes
    )
