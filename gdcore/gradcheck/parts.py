"""The parts of an objective, each checked by itself."""

from __future__ import annotations

import numpy as np

from .entries import Block, Entries, excess
from .evaluator import Indices
from .examine import Claim, check_entries
from .kinks import excuse
from .modes import sampled
from .objective import Objective
from .report import Part
from .rounding import gradient_roundoff

SAMPLES = 4
"""Entries of each block that a part is checked at."""
MOST_FAILING = 32
"""And so many of the whole objective's failing ones."""


def check_parts(
    objective: Objective, claim: Claim, entries: Entries, seed: int
) -> tuple[Part, ...]:
    """The data loss, sample weights and penalties apart, at some entries of each block and at the failing ones."""
    parts, rng = objective.parts(), np.random.default_rng(seed)
    if not parts:
        return ()
    failing = entries[entries["verdict"] == "fail"]
    worst = failing["index"][np.argsort(-excess(failing), kind="stable")[:MOST_FAILING]]
    indices = np.union1d(sampled(claim.blocks, SAMPLES, claim.gradient, rng), worst)
    return tuple(check_part(name, part, claim.blocks, indices) for name, part in parts)


def check_part(name: str, part: Objective, blocks: tuple[Block, ...], indices: Indices) -> Part:
    """One part at some entries."""
    claim = Claim(part.gradient(), gradient_roundoff(part, "float64"), blocks)
    entries, _ = check_entries(part.evaluator(), claim, indices)
    excuse(part, entries)
    words = entries["verdict"]
    verdict = "fail" if (words == "fail").any() else "pass" if (words == "pass").mean() > 0.5 else "inconclusive"
    worst = entries[int(np.argmax(excess(entries)))]
    error = abs(float(worst["analytic"]) - float(worst["numeric"]))
    where = blocks[worst["block"]].entry_name(int(worst["index"]))
    return Part(name, verdict, len(entries), where, error, float(worst["bound"]))
