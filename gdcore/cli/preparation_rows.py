"""What a table holds and what is made of it, as rows to print."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..tables import Preparation, Problem, Target
from ..tables.errors import counted
from ..tables.numbers import figure

MOST = 8
"""So many columns, levels or reasons are listed; the rest is counted."""


def data_rows(problem: Problem) -> Iterator[tuple[str, str]]:
    """Yield the rows that `gdcore train` prints before it trains."""
    source, n = problem.table.source, problem.rows_read
    yield "data", f"{source}: {counted(n, 'row')}, {counted(len(problem.table.names), 'column')}"
    yield "target", target_text(problem.target) + _spread(problem)
    yield from preparation_rows(problem.preparation)
    for note in problem.notes:
        yield "note", note
    held = "" if problem.validation is None else f"; {len(problem.validation.X):,} to validate on"
    yield "split", f"{counted(len(problem.training.X), 'row')} to learn from{held}"
    net = problem.net
    widths = "-".join(map(str, (net.in_features, *problem.settings.hidden, net.out_features)))
    activation = f" {problem.settings.activation}" if problem.settings.hidden else ", linear"
    yield "model", f"{widths}{activation}, {net.dtype}, {counted(net.n_params, 'parameter')}"


def preparation_rows(preparation: Preparation) -> Iterator[tuple[str, str]]:
    """Yield a row for the columns of each kind, and one for those left out."""
    n = len(preparation.inputs)
    for kind, plural in (("number", "numbers"), ("date", "dates"), ("category", "categories")):
        found = [one for one in preparation.features if one.kind == kind]
        if found:
            each = [one.name + (f" ({len(one.levels)} levels)" if one.levels else "") for one in found]
            yield plural, f"{len(found)}: {listed(each)}"
    if preparation.left_out:
        each = [f"{name} ({reason})" for name, reason in preparation.left_out]
        yield "left out", f"{len(each)}: {listed(each)}"
    yield "inputs", f"{n:,}, scaled inside the model"


def target_text(target: Target) -> str:
    """Return what is predicted."""
    why = f" ({target.why})" if target.why else ""
    if target.task == "regression":
        return f"{target.name}: regression{why}"
    return f"{target.name}: classification{why}, {len(target.classes)} classes: {listed(target.classes)}"


def listed(names: tuple[str, ...] | list[str]) -> str:
    """Return names with commas, the rest counted."""
    more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
    return ", ".join(names[:MOST]) + more


def _spread(problem: Problem) -> str:
    y = problem.training.y
    if problem.target.task == "regression":
        return f", {figure(y.min())} to {figure(y.max())}, mean {figure(y.mean())}"
    shares = np.bincount(y, minlength=len(problem.target.classes)) / len(y)
    most = int(shares.argmax())
    return f"; {problem.target.classes[most]} in {shares[most]:.0%} of the rows"
