"""`gdcore predict MODEL DATA` and `gdcore evaluate MODEL DATA`."""

from __future__ import annotations

import argparse

from ..tables.errors import counted
from . import arguments
from .files import one_line_each, read_data, read_model, write_rows
from .output import as_json, show, size_of, warn
from .report import checked_report, write_evaluation
from .train import score_table


def run_predict(options: argparse.Namespace) -> int:
    """Write a prediction for each row of a table: as CSV, or with --json as one document."""
    out = None if options.out in (None, "-") else arguments.writable(options.out, [options.model, options.data])
    with one_line_each():
        model = read_model(options.model)
        table = read_data(options)
        inputs = model.preparation.transform(table)
        target = model.target
        notes = table.notes + inputs.notes + model.far(table, inputs.X)
        warn("predict", notes)
        answers = model.named(model.answers(inputs.X))
        predictions = answers.tolist()
        header, found = [target.name], {"target": target.name, "predictions": predictions}
        digits = 9 if model.net.dtype == "float32" else 17
        rows: list[list[object]] = [[one if isinstance(one, str) else f"{one:.{digits}g}"] for one in predictions]
        if options.proba:
            shares = model.probabilities(inputs.X).tolist()
            header += [f"probability of {name}" for name in target.classes]
            rows = [[*row, *(f"{share:.6g}" for share in each)] for row, each in zip(rows, shares, strict=True)]
            found |= {"classes": list(target.classes), "probabilities": shares}
        if options.json:
            found["notes"] = list(notes)
            write_text(as_json(found) + "\n", out)
        else:
            write_rows(header, rows, out)
    return 0


def write_text(text: str, out: str | None) -> None:
    """Write a text to a file, or to standard output."""
    from ..io.atomic import write_file

    if out is None:
        print(text, end="")
    else:
        write_file(out, [text.encode()])


def run_evaluate(options: argparse.Namespace) -> int:
    """Print the scores of a model on a table whose targets are known, beside those of the baseline."""
    checked_report(options, [options.model, options.data])
    with one_line_each():
        model = read_model(options.model)
        table = read_data(options)
        found = model.evaluate(table)
        if options.report is not None:
            write_evaluation(options.report, options, model, table)
        if options.json:
            print(as_json({**found._asdict(), "report": options.report}))
            return 0
        warn("evaluate", found.notes)
        show(
            "scores", f"of {model.target.name!r} on {counted(found.rows, 'row')}, beside an answer that sees no inputs"
        )
        score_table(model, found.model, found.baseline)
        if options.report is not None:
            show("report", f"{options.report}, {size_of(options.report)}: open it in a browser")
    return 0
