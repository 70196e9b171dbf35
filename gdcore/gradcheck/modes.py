"""Which entries are checked."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..base import checks
from .slopes.entries import Block
from .slopes.evaluator import Indices, Vector

MODES = ("auto", "full", "sample", "directions")
FULL_WORK = 2e11
""""auto" checks every parameter if that takes at most this many multiply-adds."""


class Plan(NamedTuple):
    """The chosen mode, and a phrase that says why."""

    mode: str
    why: str


def settle(mode: str, n: int, work: float) -> Plan:
    """Return the mode to use; `auto` is full if n parameters times 4 evaluations of `work`
    operations are affordable.
    """
    checks.one_of("mode", mode, MODES)
    if mode != "auto":
        return Plan(mode, "as asked")
    if 4.0 * n * work <= FULL_WORK:
        return Plan("full", "auto: every parameter can be looked at")
    return Plan("directions", f"auto: {n:,} parameters are too many to look at each")


def sampled(blocks: tuple[Block, ...], k: int, gradient: Vector, rng: np.random.Generator) -> Indices:
    """Draw k entries of every block, including the one with the largest gradient; all entries if it has no more."""
    chosen = []
    for block in blocks:
        if block.size == 0:
            continue
        largest = int(np.argmax(np.nan_to_num(np.abs(gradient[block.place]), nan=np.inf)))
        others = rng.choice(block.size, min(k, block.size), replace=False)
        if largest not in others:
            others[0] = largest
        chosen.append(block.start + np.sort(others))
    return np.concatenate(chosen).astype(np.int64)
