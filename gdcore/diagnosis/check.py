"""A short check of the gradient."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..gradcheck import GradientReport
from ..gradcheck.arrays import kept_random_state
from ..gradcheck.examine import Sampling
from ..gradcheck.objective_check import check_own
from ..objective.objective import Objective
from .case import Case
from .finding import Finding

DIRECTIONS = 2
"""Each block's gradient is compared with differences along this many random directions; one seldom misses a wrong
entry."""
ROWS = 4096
"""Of more rows so many are taken, evenly spaced: the check looks at every row some hundred times, which on 200,000 rows
takes minutes, and what is wrong on one row in a thousand is found on these too."""
REMEDY = "a custom loss must return d value / d outputs; print(check_gradients(model, X, y, loss)) tells more"


def gradient_wrong(case: Case) -> Finding | None:
    """Report derivatives along random directions that disagree with the gradient."""
    with kept_random_state():  # a loss in Python may draw numbers
        report = check_own(_on_some_rows(case.objective), "directions", Sampling(directions=DIRECTIONS))
    if report.verdict != "fail":
        return None
    found = report.to_dict()
    if not found["failed"]:
        return along_directions(report)
    evidence = {name: found[name] for name in ("worst", "analytic", "numeric", "bound", "causes")}
    return Finding(
        "gradient wrong",
        f"the loss changes otherwise than its gradient says: {found['worst']} is off",
        evidence,
        REMEDY,
    )


def _on_some_rows(objective: Objective) -> Objective:
    """Return the objective on evenly spaced rows if it has many, unless only other rows have a weight."""
    data = objective.data
    n = len(data.X)
    if n <= ROWS:
        return objective
    some = data.taken(np.linspace(0, n - 1, ROWS).astype(np.int64))
    return objective if some.weight is not None and not some.weight.any() else replace(objective, data=some)


def along_directions(report: GradientReport) -> Finding:
    """Return the finding for directions, or parts of the gradient, that are wrong."""
    rows = report.directions[report.directions["verdict"] == "fail"]
    blocks = [report.blocks[b].name for b in np.unique(rows["block"])]
    parts = [part.name for part in report.parts if part.verdict == "fail"]
    return Finding(
        "gradient wrong",
        f"the loss changes otherwise than its gradient says: {', '.join(blocks + parts)} is off",
        {"directions": len(rows), "blocks": blocks, "parts": parts},
        REMEDY,
    )
