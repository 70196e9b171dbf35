"""Runs of neighbouring wrong entries in a flat array, which a mistake in one of several joined arrays leaves.

Design
------
- If the true gradient is 0, a wrong factor or sign changes nothing, and a block that was never computed is right there.
  Such entries do not end a run, as long as they are no more than the run before them has.
"""

from __future__ import annotations

import numpy as np

from ..slopes.entries import Block, Entries

MAX_RUNS = 4
"""At most this many runs are named; if there are more, only the number of wrong entries is given."""


def failing_runs(mine: Entries, block: Block) -> tuple[Block, ...]:
    """Return the runs of failing neighbours among all entries of a one-dimensional block, as blocks.

    Examples
    --------
    >>> from ..slopes.entries import ENTRY
    >>> entries = np.zeros(6, ENTRY)
    >>> entries["verdict"], entries["numeric"] = ["pass", "fail", "fail", "pass", "pass", "fail"], 1.0
    >>> [(run.name, run.start) for run in failing_runs(entries, Block("x", 10, (6,)))]
    [('x[1:3]', 11), ('x[5]', 15)]
    """
    wrong = mine["verdict"] == "fail"
    with np.errstate(invalid="ignore"):
        harmless = ~wrong & (np.abs(mine["numeric"]) <= mine["bound"])
    turns = np.flatnonzero(np.diff(wrong, prepend=False, append=False)).reshape(-1, 2)
    found: list[tuple[int, int]] = []
    for start, stop in turns.tolist():
        if found:
            first, end = found[-1]
            if start - end <= end - first and harmless[end:start].all():
                found[-1] = (first, stop)
                continue
        found.append((start, stop))
    return tuple(
        Block(f"{block.name}[{first}{f':{end}' if end > first + 1 else ''}]", block.start + first, (end - first,))
        for first, end in found
    )


def whereabouts(runs: tuple[Block, ...], mine: Entries, block: Block) -> str:
    """Return words that say where a block is wrong; they follow its name."""
    if len(runs) > MAX_RUNS:
        last = runs[-1].start + runs[-1].size - 1 - block.start
        failed = int((mine["verdict"] == "fail").sum())
        return f"is wrong in {failed} of {block.size} entries, between {runs[0].start - block.start} and {last}"
    spans = [(run.start - block.start, run.start - block.start + run.size - 1) for run in runs]
    words = [f"{first} to {last}" if last > first else f"{first}" for first, last in spans]
    listed = words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
    return f"is wrong in entries {listed} alone"
