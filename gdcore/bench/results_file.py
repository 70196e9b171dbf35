"""A file of results: all suites of one machine, measured at once or one after the other.

Design
------
- Each suite says when it was measured, at which load and with which versions: a file can be completed later.
- A file holds one machine and one instruction set. What was measured elsewhere is refused before anything runs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Json = dict[str, Any]
SAME = ("cpu", "architecture", "cores", "system")


def earlier_results(path: Path, machine: Mapping[str, Any], instruction_set: str) -> Json | None:
    """Return the results in a file, or None where there is no file.

    Raises
    ------
    ValueError
        Where the file holds another machine's results or another instruction set's.
    """
    if not path.exists():
        return None
    report: Json = json.loads(path.read_text(encoding="utf-8"))
    theirs = [str(report["machine"][key]) for key in SAME] + [str(report["instruction_set"])]
    mine = [str(machine[key]) for key in SAME] + [instruction_set]
    if theirs != mine:
        raise ValueError(
            f"--merge: {path} holds results of {', '.join(theirs)}; this is {', '.join(mine)}: name another file"
        )
    return report


def merged(report: Json, earlier: Json | None) -> Json:
    """Return a report with the suites of an earlier one that it does not hold itself, each in its place.

    Examples
    --------
    >>> old = {"versions": {"numpy": 1}, "suites": [{"suite": "train", "rows": 1}, {"suite": "step", "rows": 1}]}
    >>> new = {"versions": {"jax": 2}, "suites": [{"suite": "step", "rows": 2}, {"suite": "peak", "rows": 2}]}
    >>> [(suite["suite"], suite["rows"]) for suite in merged(new, old)["suites"]]
    [('train', 1), ('step', 2), ('peak', 2)]
    """
    if earlier is None:
        return report
    suites = {suite["suite"]: suite for suite in earlier["suites"]}
    suites |= {suite["suite"]: suite for suite in report["suites"]}
    return {**earlier, **report, "versions": earlier["versions"] | report["versions"], "suites": list(suites.values())}
