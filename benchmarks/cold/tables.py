"""The suite's table, of what a run's JSON holds."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from gdcore.bench.table import duration, three_digits

HEAD = ("library", "whole process", "ratio", "import", "compile, first use", "train", "epochs", "reached 97 %")


def rows(libraries: Mapping[str, Sequence[Mapping[str, Any]]], goal: float) -> list[list[str]]:
    """Return a row for each library; its numbers are medians over the seeds.

    Examples
    --------
    >>> run = {"wall": 2.0, "parts": {"import": 1.0, "compile": 0.0, "train": 0.5}, "epochs": 9, "accuracy": 0.98}
    >>> rows({"gdcore": [run]}, 0.97)
    [['gdcore', '2.00 s', '1.00x', '1.00 s', '-', '500 ms', '9', '1 of 1']]
    """
    found = []
    base = 0.0
    for name, runs in libraries.items():
        wall = statistics.median(run["wall"] for run in runs)
        base = base or wall
        parts = [statistics.median(run["parts"][part] for run in runs) for part in ("import", "compile", "train")]
        reached = sum(run["accuracy"] >= goal for run in runs)
        epochs = f"{statistics.median(run['epochs'] for run in runs):g}"
        told = [duration(part) if part else "-" for part in parts]
        cells = [name, duration(wall), f"{three_digits(wall / base)}x", *told, epochs, f"{reached} of {len(runs)}"]
        found.append(cells)
    return found
