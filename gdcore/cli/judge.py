"""`gdcore diagnose MODEL DATA`, and `gdcore check MODEL DATA`: a saved model on a table whose targets are known."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from ..diagnosis import diagnose
from ..diagnosis.finding import shown
from ..gradcheck.check import check_gradients
from ..losses import Loss
from ..tables import Table, TableModel
from ..tables.numbers import epochs_from_1, evidence_from_1
from ..tables.target import with_target
from .check import EXIT
from .files import one_line_each, read_data, read_model
from .output import as_json, show, warn

DIAGNOSED_ROWS = 20_000
"""More rows are represented by so many: a diagnosis of them takes seconds."""
CHECKED_ROWS = 64
"""The gradient check uses the first rows: every parameter has its bound on few rows as on many."""


def run_diagnose(options: argparse.Namespace) -> int:
    """Print what stands in the way of a model; return 1 where there is a problem."""
    with one_line_each():
        model = read_model(options.model)
        table, left_out = with_target(read_data(options), model.target.name)
        same = len(table) in (model.facts.get("rows"), _rows_of_training(model))
        taken = np.linspace(0, len(table) - 1, min(len(table), DIAGNOSED_ROWS)).astype(np.int64)
        X, y, notes = _rows(model, table.rows(taken), left_out)
        if len(taken) < len(table):
            notes += (f"{len(taken):,} of the {len(table):,} rows were looked at, evenly spaced",)
    found = diagnose(
        model.net, X, y, _loss(model), model.history if same else None, feature_names=model.preparation.inputs
    )
    if options.json:
        print(as_json({"ok": found.ok, "findings": found.to_dict(), "notes": notes}))
        return 0 if found.ok else 1
    warn("diagnose", notes)
    n = len(found.problems)
    show("diagnosis", f"{n} problem{'s' * (n > 1)}" if n else "no problem found")
    for finding in sorted(found.findings, key=lambda one: not one.problem):
        show("problem" if finding.problem else "note", f"{finding.kind}: {epochs_from_1(finding.summary)}")
        for name, value in evidence_from_1(finding.evidence).items():
            show("", f"{name}: {shown(value)}")
        if finding.remedy:
            show("remedy", finding.remedy)
    return 0 if found.ok else 1


def run_check_model(options: argparse.Namespace) -> int:
    """Check the gradient of a saved model on the first rows of a table; return the status of the verdict."""
    with one_line_each():
        model = read_model(options.target)
        table, left_out = with_target(read_data(options), model.target.name)
        X, y, notes = _rows(model, table.rows(np.arange(min(len(table), CHECKED_ROWS))), left_out)
    report = check_gradients(model.net, X, y, _loss(model), mode=options.mode, seed=options.seed)
    if options.json:
        print(as_json({**report.to_dict(), "notes": notes}))
    else:
        warn("check", notes)
        print(report)
    return dict(EXIT)[report.verdict]


def _rows_of_training(model: TableModel) -> int:
    """Return how many rows a model was trained and validated on."""
    return int(model.facts.get("rows", 0)) + int(model.facts.get("validation_rows", 0))


def _loss(model: TableModel) -> Loss:
    """Return the loss that a model was trained with."""
    assert isinstance(model.net.trained_loss, Loss)
    return model.net.trained_loss


def _rows(model: TableModel, table: Table, left_out: tuple[str, ...]) -> tuple[Any, Any, tuple[str, ...]]:
    """Return a table as a model's network and loss take it, and what should be told, of rows left out besides."""
    inputs = model.preparation.transform(table)
    y = model.network_targets(model.target.encode(table))
    return inputs.X.astype(model.net.dtype), y, table.notes + left_out + inputs.notes
