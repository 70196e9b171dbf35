"""`gdcore train DATA --target COLUMN`: from a table to a model in a file, with what is worth knowing on the way."""

from __future__ import annotations

import argparse
import os
from contextlib import nullcontext
from typing import Any

from ..base.threads import num_threads
from ..diagnosis import Preflight, preflight
from ..io import save
from ..layers.activations import activation_spec
from ..losses import LOSSES
from ..optimizers.full_batch import get_method
from ..tables import Forced, Problem, Settings, TableModel
from ..tables.errors import counted
from ..tables.numbers import epochs_from_1, score_text
from ..tables.scores import CHOSE, baseline_name, is_better
from . import arguments
from .failed import WrongUse
from .files import one_line_each, read_data
from .output import as_json, progress_wanted, show, size_of, table
from .preparation_rows import data_rows
from .report import checked_report, write_training

INTERRUPTED = 130
LARGE = 10_000_000
"""Reading a file of so many bytes takes a second or more, so it is told first."""


def run_train(options: argparse.Namespace) -> int:
    """Train on a table, print what was found, and save the model.

    Returns
    -------
    int
        0; 130 after Ctrl-C, when the best so far has been saved.
    """
    out = arguments.writable(options.out, [options.data, *_validation_files(options)])
    arguments.replaceable_by_model(out)
    checked_report(options, [out, options.data, *_validation_files(options)])
    arguments.known(options.loss, LOSSES.find)
    arguments.known(options.optimizer, get_method)
    arguments.known(options.activation, activation_spec)
    with one_line_each(), nullcontext() if options.threads is None else num_threads(options.threads):
        return _train(options, out)


def _train(options: argparse.Namespace, out: str) -> int:
    said = not options.json
    if said and os.path.isfile(options.data) and os.path.getsize(options.data) >= LARGE:
        show("reading", f"{options.data}, {size_of(options.data)}")
    data = read_data(options)
    if options.target is None:
        raise WrongUse(
            f"--target is missing: name the column to predict; {data.source} has {', '.join(data.names[:12])}"
            f"{', ...' if len(data.names) > 12 else ''}"
        )
    validation = None if isinstance(options.validation, float) else read_data(options, options.validation)
    problem = Problem(data, options.target, _settings(options), validation)
    if said:
        for name, text in data_rows(problem):
            show(name, text)
    if said and not options.no_preflight:
        show("trying", "a few hundred steps of copies of the model, for the pre-flight (--no-preflight: without)")
    flight = None if options.no_preflight else _looked_at(problem)
    if said and flight is not None:
        show_preflight(flight)
    if said and options.lr is None:
        show("trying", "learning rates, each by short trainings of copies (--lr RATE: without)")
    optimizer, chosen = problem.find_rate()
    if said:
        show("training", _training(problem, optimizer, chosen))
    model = problem.fit(optimizer, chosen, progress=progress_wanted())
    replaced = os.path.exists(out)
    save(model, out)
    if options.report is not None:
        write_training(options.report, options, problem, model, flight)
    if options.json:
        checks = None if flight is None else flight.to_dict()
        written = {"out": out, "report": options.report, "notes": problem.notes, "preflight": checks}
        print(as_json({**written, **summary(model)}))
    else:
        show("stopped", epochs_from_1(model.facts["stop_reason"]))
        show_scores(model)
        show("saved", f"{out}, {size_of(out)}{', replacing the file that was there' if replaced else ''}")
        if options.report is not None:
            show("report", f"{options.report}, {size_of(options.report)}: open it in a browser")
        show("next", f"gdcore predict {out} NEW_DATA")
    return INTERRUPTED if model.facts["interrupted"] else 0


def _looked_at(problem: Problem) -> Preflight:
    rows, names = problem.network_rows(problem.training), problem.preparation.inputs
    return preflight(problem.net, *rows, problem.loss, feature_names=names)


def show_preflight(flight: Preflight) -> None:
    """Print a line for each check, and the remedy of one that failed."""
    show("pre-flight", "clear" if flight.ok else "something needs a look")
    for check in flight.checks:
        remedy = f"; {check.remedy}" if check.remedy else ""
        show("  ok" if check.ok else "  look", f"{check.name}: {check.summary}{remedy}")


def summary(model: TableModel) -> dict[str, Any]:
    """Return what is known of a trained model, for JSON."""
    preparation, target = model.preparation, model.target
    return {
        "target": {"name": target.name, "task": target.task, "classes": target.classes},
        "columns": [
            {"name": one.name, "kind": one.kind, "levels": one.levels, "fill": one.fill} for one in preparation.features
        ],
        "left_out": dict(preparation.left_out),
        "model": repr(model.net),
        "dtype": model.net.dtype,
        "parameters": model.net.n_params,
        "loss": getattr(model.net.trained_loss, "name", None),
        **model.facts,
        "stop_reason": epochs_from_1(model.facts["stop_reason"]),
    }


def show_scores(model: TableModel) -> None:
    """Print the scores beside those of the baseline, and a word where they are not better."""
    facts = model.facts
    n = facts["validation_rows"] or facts["rows"]
    show("scores", f"on {counted(n, facts['scored_on'][:-1])}, beside an answer that sees no inputs")
    score_table(model, facts["scores"], facts["baseline_scores"])
    if facts["validation_rows"]:
        show("", CHOSE)
    if not is_better(model.target, facts["scores"], facts["baseline_scores"]):
        trivial = baseline_name(model.target, model.baseline)
        show(
            "note",
            f"the model is no better than the answer that sees no inputs, {trivial}: the columns may say "
            "nothing about the target, or --lr or --epochs do not suit",
        )


def score_table(model: TableModel, scores: dict[str, float], baseline: dict[str, float]) -> None:
    """Print the scores of a model and of the baseline."""
    rows = [("", "model", baseline_name(model.target, model.baseline))]
    rows += [
        (name.replace("_", " "), score_text(name, value), score_text(name, baseline[name]))
        for name, value in scores.items()
    ]
    table(rows)


def _validation_files(options: argparse.Namespace) -> list[str]:
    return [] if isinstance(options.validation, float) else [options.validation]


def _settings(options: argparse.Namespace) -> Settings:
    forced = Forced(frozenset(options.numeric), frozenset(options.categorical), frozenset(options.drop))
    return Settings(
        options.task,
        options.hidden,
        options.activation,
        options.loss,
        options.optimizer,
        options.lr,
        options.epochs,
        options.batch_size,
        options.patience,
        options.validation if isinstance(options.validation, float) else 0.0,
        options.impute,
        forced,
        options.seed,
    )


def _training(problem: Problem, optimizer: Any, chosen: str) -> str:
    stops = "" if problem.validation is None else f", until {problem.settings.patience} bring nothing better"
    return (
        f"{problem.loss}, {optimizer.name} at a rate of {optimizer.learning_rate:g} ({chosen}), batches of "
        f"{problem.batch_size}, at most {counted(problem.epochs, 'epoch')}{stops}"
    )
