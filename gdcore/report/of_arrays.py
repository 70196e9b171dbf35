"""The report of a history, with the model and the arrays that it was trained on."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..base import checks
from ..data.names import feature_names
from ..data.samples import inputs_of
from ..data.sparse_checks import dense_only
from ..diagnosis import Preflight
from ..losses import CustomLoss, Loss
from ..models.sequential import Sequential
from ..tables import Table, TableModel, Target
from ..tables.numbers import figure
from ..training import History, Trainer
from . import checks as report_checks
from .answers import target_of, targets_in
from .of_table import table_subject
from .page import writable, write_page
from .picture import need
from .subject import Column, Input, Judged, Rows, Subject


def history_report(
    history: History,
    path: str | os.PathLike[str],
    model: Sequential | Trainer | TableModel | None = None,
    X: ArrayLike | Table | None = None,
    y: ArrayLike | None = None,
    *,
    validation_data: tuple[ArrayLike, ArrayLike] | None = None,
    preflight: Preflight | None = None,
    title: str = "Report of a training",
) -> str:
    """Write the page of `History.report`."""
    need("history.report")
    writable(path)
    checks.text("title", title)
    if preflight is not None:
        checks.instance("preflight", preflight, Preflight, "gd.preflight(model, X, y, loss)")
    if isinstance(model, TableModel):
        table = checks.instance("X", X, Table, "gd.tables.read_table('new.csv')")
        report_checks.table_alone(y, validation_data)
        return write_page(replace(table_subject(model, table, ""), preflight=preflight), path)
    if model is None:
        report_checks.nothing_without_model(X, y, validation_data)
        return write_page(Subject(title, history, preflight=preflight), path)
    trainer = model if isinstance(model, Trainer) else None
    net = model.model if isinstance(model, Trainer) else model
    checks.instance("model", net, Sequential, "gd.MLP([2, 8, 1])")
    loss = trainer.loss if trainer is not None else report_checks.known_loss(net.trained_loss)
    if X is None or y is None:
        report_checks.both_or_none(X, y, validation_data)
        subject = Subject(title, history, net=net, loss=loss, preflight=preflight, settings=_settings(net, trainer))
        return write_page(subject, path)
    names = feature_names(X) or net.feature_names
    training = rows_of(net, loss, X, y)
    judged = training if validation_data is None else _held_out(net, loss, validation_data)
    target = target_of(net, loss)
    said = "rows" if validation_data is None else "validation rows"
    columns = [str(name) for name in names] if names is not None else [f"column {i}" for i in range(net.in_features)]
    inputs = [Input(name, (i,)) for i, name in enumerate(columns)]
    places = {one.name: one.places[0] for one in inputs}
    answers = judged.y if target is None else targets_in(target, loss, judged.y)
    return write_page(
        Subject(
            title,
            history,
            _data(training, judged if validation_data is not None else None),
            columns_of(training.X, columns),
            [],
            net,
            loss,
            target,
            _baseline(target, training, loss),
            inputs,
            training,
            Judged(judged, answers, said, lambda i: f"row {i}", lambda name, i: figure(judged.X[i, places[name]])),
            preflight,
            _settings(net, trainer),
            _command(trainer, history.epochs, validation_data is not None),
        ),
        path,
    )


def rows_of(net: Sequential, loss: Loss | CustomLoss, X: Any, y: Any) -> Rows:
    """Check and return rows as arrays; the loss checks that they fit."""
    dense_only(X)
    report_checks.arrays_only(X)
    net.loss(X, y, loss)
    return Rows(inputs_of(net.stack, X), np.asarray(y))


def _held_out(net: Sequential, loss: Loss | CustomLoss, validation_data: Any) -> Rows:
    X, y = report_checks.pair(validation_data)
    try:
        return rows_of(net, loss, X, y)
    except (TypeError, ValueError) as error:
        raise type(error)(f"validation_data: {error}") from None


def columns_of(X: Any, names: list[str]) -> list[Column]:
    """Return what the columns of an array hold."""
    low, middle, high = X.min(axis=0), np.median(X, axis=0), X.max(axis=0)
    return [
        Column(name, "number", 0, f"{figure(low[i])} to {figure(high[i])}, median {figure(middle[i])}")
        for i, name in enumerate(names)
    ]


def _data(training: Rows, held_out: Rows | None) -> list[tuple[str, str]]:
    found = [("rows", f"{len(training.X):,}"), ("columns", f"{training.X.shape[1]:,}")]
    return found + ([("validation rows", f"{len(held_out.X):,}")] if held_out is not None else [])


def _baseline(target: Target | None, training: Rows, loss: Loss | CustomLoss) -> float | None:
    """Return the mean target, or the most frequent class."""
    if target is None:
        return None
    y = targets_in(target, loss, training.y)
    if target.task == "classification":
        return float(np.bincount(np.asarray(y)).argmax())
    return None if y.ndim > 1 else float(np.asarray(y).mean())


def _settings(net: Sequential, trainer: Trainer | None) -> list[tuple[str, str]]:
    found = [("model", repr(net))]
    if trainer is not None:
        found += [
            ("loss", repr(trainer.loss)),
            ("optimizer", repr(trainer.optimizer)),
            ("batch size", f"{trainer.batch_size:,}"),
            ("seed", f"{trainer.seed}"),
        ]
    return found


def _command(trainer: Trainer | None, epochs: int, held_out: bool) -> str:
    """Return the calls that train the model again; X and y are the user's."""
    if trainer is None:
        return ""
    made = re.sub(r"Standardize\(mean=<\d+ numbers>, std=<\d+ numbers>\)", "Standardize.from_data(X)", repr(trainer))
    made = re.sub(r"\b([A-Z]\w*)(?=\(|\.from_data)", r"gd.\1", made)
    validation = ", validation_data=(X_validation, y_validation)" if held_out else ""
    return f"trainer = {made}\nhistory = trainer.fit(X, y, epochs={epochs}{validation})"
