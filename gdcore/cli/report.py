"""`--report FILE`: the page on a training, or on a saved model and a table."""

from __future__ import annotations

import argparse
import hashlib
import shlex
from collections.abc import Iterable
from pathlib import Path

from ..diagnosis import Preflight
from ..report import table_subject, training_subject, writable, write_page
from ..report.picture import need
from ..tables import Problem, Table, TableModel
from .arguments import same_file
from .failed import WrongUse
from .files import one_line_each


def checked_report(options: argparse.Namespace, others: Iterable[str]) -> str | None:
    """Return the file of --report after making sure, before any work, that it can be written; None without one.

    Parameters
    ----------
    options : argparse.Namespace
    others : iterable of str
        Files that the command reads or writes, which the page must not replace.
    """
    path: str | None = options.report
    if path is None:
        return None
    for other in others:
        if same_file(other, path):
            raise WrongUse(f"--report {path} is a file that this command reads or writes: pass another --report")
    with one_line_each():
        need("--report")
        try:
            return writable(path)
        except ValueError as error:
            raise WrongUse(f"--report: {error}") from None


def write_training(
    path: str, options: argparse.Namespace, problem: Problem, model: TableModel, flight: Preflight | None
) -> None:
    """Write the page on a training."""
    settings = [(name, text) for name, text in _given(options)]
    write_page(training_subject(problem, model, flight, settings, command(options)), path)


def write_evaluation(path: str, options: argparse.Namespace, model: TableModel, table: Table) -> None:
    """Write the page on a saved model, judged by a table."""
    write_page(table_subject(model, table, command(options)), path)


def command(options: argparse.Namespace) -> str:
    """Return the command as it was typed, so that a shell takes it."""
    return shlex.join(["gdcore", *options.typed])


def _given(options: argparse.Namespace) -> Iterable[tuple[str, str]]:
    """Yield the options of a training that are not None, and what tells whether the data are the same."""
    names = (
        "task",
        "hidden",
        "activation",
        "loss",
        "optimizer",
        "lr",
        "epochs",
        "batch_size",
        "validation",
        "patience",
    )
    for name in (*names, "impute", "drop", "categorical", "numeric", "seed", "threads"):
        value = getattr(options, name)
        if value not in (None, (), False):
            text = ",".join(map(str, value)) if isinstance(value, tuple) else f"{value}"
            yield f"--{name.replace('_', '-')}", text
    if Path(options.data).is_file():
        yield "SHA-256 of the data", hashlib.sha256(Path(options.data).read_bytes()).hexdigest()
