"""The report of a model of tables: from the training, or from the saved model and another table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..diagnosis import Preflight
from ..losses import Loss
from ..tables import Feature, Problem, Table, TableModel
from ..tables.errors import counted
from ..tables.feature import texts_of
from ..tables.numbers import figure
from ..tables.scores import CHOSE
from ..tables.target import with_target
from .subject import Column, Input, Judged, Rows, Subject

MOST_LEVELS = 3


def training_subject(
    problem: Problem,
    model: TableModel,
    preflight: Preflight | None,
    settings: Sequence[tuple[str, str]],
    command: str,
) -> Subject:
    """Return what the report of a training is about."""
    facts = model.facts
    table = problem.training_table if problem.validation_table is None else problem.validation_table
    kept = problem.training if problem.validation is None else problem.validation
    data = [
        ("file", facts["source"]),
        ("rows", f"{problem.rows_read:,}"),
        ("split", f"{counted(facts['rows'], 'row')} to learn from, {facts['validation_rows']:,} to validate on"),
    ]
    return Subject(
        f"{model.target.name} from {facts['source']}",
        model.history,
        [*data, *_target(model)],
        columns_of(model, problem.table),
        list(problem.notes),
        model.net,
        _loss(model),
        model.target,
        model.baseline,
        inputs_of(model),
        Rows(*problem.network_rows(problem.training)),
        _judged(model, table, Rows(*problem.network_rows(kept)), kept.y, facts["scored_on"]),
        preflight,
        [*settings, *_settings(model)],
        command,
    )


def table_subject(model: TableModel, table: Table, command: str) -> Subject:
    """Return what the report of a saved model is about, judged by the rows of a table.

    The training rows are not in the file of a model; so its checks look at those of the table.
    """
    read = len(table)
    table, left_out = with_target(table, model.target.name)
    found = model.preparation.transform(table)
    y = model.target.encode(table)
    rows = Rows(found.X.astype(model.net.dtype), model.network_targets(y))
    trained = f"on {counted(model.facts['rows'], 'row')} of {model.facts['source']}"
    return Subject(
        f"{model.target.name} from {table.source}",
        model.history,
        [("file", table.source), ("rows", f"{read:,}"), ("trained", trained), *_target(model)],
        columns_of(model, table),
        [*table.notes, *left_out, *found.notes, *model.far(table, found.X)],
        model.net,
        _loss(model),
        model.target,
        model.baseline,
        inputs_of(model),
        rows,
        _judged(model, table, rows, y, "rows"),
        None,
        _settings(model),
        command,
    )


def _loss(model: TableModel) -> Loss:
    assert isinstance(model.net.trained_loss, Loss)
    return model.net.trained_loss


def _judged(model: TableModel, table: Table, rows: Rows, y: Any, name: str) -> Judged:
    def cell(column: str, row: int) -> str:
        one = table.column(column)[row]
        return "" if one is None or one != one else one if isinstance(one, str) else f"{one:.6g}"

    return Judged(rows, y, name, table.place, cell, CHOSE if name == "validation rows" else "")


def inputs_of(model: TableModel) -> list[Input]:
    """Return each column with its places among the network's inputs."""
    found, at = [], 0
    for feature in model.preparation.features:
        n = len(feature.inputs)
        found.append(Input(feature.name, tuple(range(at, at + n))))
        at += n
    return found


def columns_of(model: TableModel, table: Table) -> list[Column]:
    """Return a row for each column of the table: those used, the target, and those left out with the reason."""
    used = {feature.name: feature for feature in model.preparation.features}
    reasons = dict(model.preparation.left_out)
    found = []
    for name in table.names:
        missing = int(table.missing(name).sum())
        if name in used:
            kind = used[name].kind
            found.append(Column(name, kind, missing, _values(table, name, used[name])))
        elif name == model.target.name:
            found.append(Column(name, "target", missing, _spread(table, name)))
        else:
            found.append(Column(name, "left out", missing, reasons.get(name, "the model does not know it")))
    return found


def _values(table: Table, name: str, feature: Feature) -> str:
    filled = ""
    if feature.fill is not None and table.missing(name).any():
        filled = f"; missing ones are taken for {feature.fill_text}"
    if feature.kind == "category":
        return f"{counted(len(feature.levels), 'level')}: {_most(table, name)}{filled}"
    if feature.kind == "date":
        texts = sorted(text for text in texts_of(table.column(name)) if text)
        return (f"{texts[0]} to {texts[-1]}" if texts else "") + filled
    return _spread(table, name) + filled


def _spread(table: Table, name: str) -> str:
    cells = table.column(name)
    if not isinstance(cells, np.ndarray):
        return _most(table, name)
    there = cells[~np.isnan(cells)]
    if not len(there):
        return "no values"
    return f"{figure(there.min())} to {figure(there.max())}, median {figure(np.median(there))}"


def _most(table: Table, name: str) -> str:
    """Return the most frequent texts with their shares."""
    texts = [text for text in texts_of(table.column(name)) if text]
    values, counts = np.unique(np.array(texts, object).astype(str), return_counts=True)
    order = np.argsort(-counts, kind="stable")[:MOST_LEVELS]
    more = ", ..." if len(values) > MOST_LEVELS else ""
    return ", ".join(f"{values[i]} {counts[i] / max(len(texts), 1):.0%}" for i in order) + more


def _target(model: TableModel) -> list[tuple[str, str]]:
    target = model.target
    why = f", since {target.why}" if target.why else ""
    classes = f", {len(target.classes)} classes" if target.classes else ""
    return [("target", f"{target.name}: {target.task}{classes}{why}")]


def _settings(model: TableModel) -> list[tuple[str, str]]:
    facts = model.facts
    return [
        ("optimizer", f"{facts['optimizer']} at a rate of {facts['learning_rate']:g}, {facts['rate_chosen']}"),
        ("batch size", f"{facts['batch_size']:,}"),
        ("epochs", f"{facts['epochs']:,} were run"),
        ("seed", f"{facts['seed']}"),
        ("trained by", f"gdcore {facts['version']}"),
    ]
