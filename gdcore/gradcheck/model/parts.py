"""The parts of an objective, each checked separately, and a float32 model's gradient against the float64 one."""

from __future__ import annotations

import numpy as np

from ...objective.objective import Objective
from ..examine import GivenGradient, check_entries
from ..modes import sampled
from ..report.contents import Part
from ..slopes.entries import Block, Entries, excess
from ..slopes.evaluator import Indices
from .kinks import Sides
from .model_evaluator import ModelEvaluator
from .rounding import gradient_roundoff
from .variants import parts_of

SAMPLES = 4
"""A part is checked at this many entries of each block."""
MAX_FAILING = 32
"""A part is also checked at up to this many failing entries of the whole objective."""


def check_parts(objective: Objective, given: GivenGradient, entries: Entries, seed: int) -> tuple[Part, ...]:
    """Check data loss, sample weights and penalties separately, at some entries of each block and
    at the failing ones.
    """
    parts, rng = parts_of(objective), np.random.default_rng(seed)
    if not parts:
        return ()
    failing = entries[entries["verdict"] == "fail"]
    worst = failing["index"][np.argsort(-excess(failing), kind="stable")[:MAX_FAILING]]
    indices = np.union1d(sampled(given.blocks, SAMPLES, given.gradient, rng), worst)
    return tuple(check_part(name, part, given.blocks, indices) for name, part in parts)


def check_part(name: str, part: Objective, blocks: tuple[Block, ...], indices: Indices) -> Part:
    """Check one part at some entries."""
    given = GivenGradient(part.gradient(), gradient_roundoff(part, "float64"), blocks)
    entries, _, _ = check_entries(ModelEvaluator(part), given, indices, Sides(part))
    words = entries["verdict"]
    verdict = "fail" if (words == "fail").any() else "pass" if (words == "pass").mean() > 0.5 else "inconclusive"
    worst = entries[int(np.argmax(excess(entries)))]
    error = abs(float(worst["analytic"]) - float(worst["numeric"]))
    where = blocks[worst["block"]].entry_name(int(worst["index"]))
    return Part(name, verdict, len(entries), where, error, float(worst["bound"]))


def check_single(objective: Objective, single: Objective, blocks: tuple[Block, ...]) -> Part:
    """Compare every entry of a float32 model's gradient with its float64 copy's.

    Parameters
    ----------
    objective : Objective
        Of the float64 copy.
    single : Objective
        The same one in float32, with the same numbers as samples.
    blocks : tuple of Block
    """
    grad = single.gradient()
    with np.errstate(over="ignore", invalid="ignore"):
        bound = gradient_roundoff(objective, "float32").whole
        error = np.abs(grad.astype(np.float64) - objective.gradient())
        lost = ~np.isfinite(error) & (bound >= np.finfo(np.float32).max)  # float32 may overflow on the way
        beyond = np.where(np.isnan(error), np.inf, error) / np.maximum(bound, np.finfo(np.float32).tiny)
        beyond[lost] = 0
    worst = int(np.argmax(beyond))
    block = next(block for block in reversed(blocks) if block.start <= worst)
    known = np.isfinite(bound).all() and not lost.any()
    verdict = "fail" if (beyond > 1).any() else "pass" if known else "inconclusive"
    where = block.entry_name(worst)
    return Part("float32 gradient", verdict, len(grad), where, float(error[worst]), float(bound[worst]))
