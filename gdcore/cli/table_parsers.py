"""The parsers of the verbs on tables: train, predict, evaluate, diagnose, export."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib import import_module
from typing import Any

from . import arguments

TASKS = ("auto", "regression", "classification")
"""Those of `gdcore.tables`, which is imported when a verb on tables runs."""
FORMATS = ("onnx", "c", "torch")
EXAMPLES = """examples:
  gdcore train houses.csv --target price
  gdcore train patients.tsv.gz --target outcome --impute --drop name
  gdcore train data.csv --target y --validation test.csv --hidden none
  zcat big.csv.gz | gdcore train - --target y --json
"""
TABLES = "CSV, TSV, .npy, .npz, Parquet, Feather or Arrow, also gzipped; - is the standard input"


def add_table_verbs(commands: Any, seed: Callable[[str], int]) -> None:
    """Add the parsers of the verbs on tables to the command line's."""
    _train(commands, seed)
    predict = commands.add_parser(
        "predict",
        help="write a model's prediction for each row of a table",
        description="Writes a prediction for each row of DATA, which has the columns of the training data: the target "
        "need not be there. The output is a CSV with a column of the target's name.",
    )
    _model_and_data(predict)
    predict.add_argument("--out", metavar="FILE", help="write there (default: to the standard output)")
    predict.add_argument("--proba", action="store_true", help="add a column with the probability of each class")
    add_reading(predict)
    evaluate = commands.add_parser(
        "evaluate",
        help="score a model on a table whose targets are known",
        description="Prints scores of a model on DATA, which has the target's column too, beside those of an answer "
        "that sees no inputs: the mean of the training targets, or their most frequent class.",
    )
    _model_and_data(evaluate)
    add_report(evaluate)
    add_reading(evaluate)
    diagnose = commands.add_parser(
        "diagnose",
        help="say what stands in the way of a model, on a table whose targets are known",
        description="Explains a training from the saved model and DATA, usually the table that it was trained on: "
        "whether it converged, and what stands in its way, each with its numbers and a remedy. Exit status 0, or 1 "
        "where a problem was found.",
    )
    _model_and_data(diagnose)
    add_reading(diagnose)
    export = commands.add_parser(
        "export",
        help="write a model's network for ONNX, C or PyTorch",
        description="Writes the network of a model, with its scaling, for other programs: ONNX (needs onnx), a C "
        "header that needs no library, or a module of PyTorch (needs torch), which torch.load(FILE, "
        "weights_only=False) loads where gdcore is installed. Its inputs are the prepared columns, which are listed: "
        "numbers as they are, dates as days since 1970, a 1 for the level of a category.",
    )
    export.add_argument("model", metavar="MODEL", help="a file that gdcore train, or gd.save of a model, has saved")
    export.add_argument("--to", required=True, choices=FORMATS, help="the format")
    export.add_argument("--out", metavar="FILE", help="default: the model's name with .onnx, .h or .pt")
    add_json(export)


def _train(commands: Any, seed: Callable[[str], int]) -> None:
    train = commands.add_parser(
        "train",
        help="train a model on a CSV or another table, and save it",
        description="Trains a network to predict a column of DATA from the others, and saves it with all that it needs "
        "to take raw tables. Columns are typed from the data: numbers, dates (2024-01-31), categories; those that say "
        "nothing about new rows are left out, which is told. Inputs and numeric targets are scaled inside the model. "
        "Exit status 0; 1 where training diverges; 2 for a table or options that do not fit; 130 after Ctrl-C, "
        "when the best model so far has been saved.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    train.description = "\n".join(_wrapped(train.description))
    train.add_argument("data", metavar="DATA", help=TABLES)
    train.add_argument("--target", metavar="COLUMN", help="the column to predict")
    train.add_argument("--out", metavar="FILE", default="model.gdc", help="the model's file (default: model.gdc)")
    add_report(train)
    add_json(train)
    columns = train.add_argument_group("columns")
    columns.add_argument("--task", choices=TASKS, default="auto", help="by default from the target's values")
    columns.add_argument(
        "--impute",
        action="store_true",
        help="fill missing values: numbers by the median, categories by the most frequent level",
    )
    lists = {"type": arguments.names, "default": (), "metavar": "COLUMNS"}
    columns.add_argument("--drop", help="columns to leave out, with commas between them", **lists)
    columns.add_argument("--categorical", help="columns that are categories, whatever they look like", **lists)
    columns.add_argument("--numeric", help="columns that are numbers, even if they look like row numbers", **lists)
    model = train.add_argument_group("model and training")
    model.add_argument(
        "--hidden",
        type=arguments.widths,
        default=(64, 64),
        metavar="WIDTHS",
        help="of the hidden layers (default: 64,64); none trains a linear model",
    )
    activation = model.add_argument(
        "--activation", default="relu", metavar="NAME", help="of the hidden layers (default: relu)"
    )
    loss = model.add_argument("--loss", metavar="NAME", help="default: mean_squared_error or cross_entropy")
    optimizer = model.add_argument("--optimizer", default="adam", metavar="NAME", help="default: adam")
    activation.completer = _names_of("layers.activations", "ACTIVATIONS")
    loss.completer = _names_of("losses", "LOSSES")
    optimizer.completer = _names_of("optimizers", "OPTIMIZERS")
    model.add_argument(
        "--lr", type=arguments.rate, metavar="RATE", help="the learning rate; auto, the default, tries rates briefly"
    )
    model.add_argument("--epochs", type=arguments.count, metavar="N", help="at most (default: 20 to 500, by the rows)")
    model.add_argument("--batch-size", type=arguments.count, metavar="N", help="rows (default: 32 to 256)")
    model.add_argument(
        "--validation",
        type=arguments.share_or_file,
        default=0.2,
        metavar="SHARE|FILE",
        help="rows held out to stop in time and to score (default: 0.2); 0 for none",
    )
    model.add_argument(
        "--patience",
        type=arguments.count,
        default=20,
        metavar="N",
        help="end after N epochs without a better validation loss (default: 20)",
    )
    model.add_argument("--no-preflight", action="store_true", help="leave out the checks before training")
    model.add_argument("--seed", type=seed, default=0, help="of the split, the weights and the batches (default: 0)")
    model.add_argument("--threads", type=arguments.count, metavar="N", help="by default gdcore decides")
    add_reading(train, with_json=False)


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add the option that every verb has."""
    parser.add_argument("--json", action="store_true", help="print one document of JSON instead of text")


def add_report(parser: argparse.ArgumentParser) -> None:
    """Add the option of a page."""
    told = "write a page on data, model, answers and checks there, such as report.html (needs matplotlib)"
    parser.add_argument("--report", metavar="FILE", help=told)


def _model_and_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="a file that gdcore train has saved")
    parser.add_argument("data", metavar="DATA", help=TABLES)


def add_reading(parser: argparse.ArgumentParser, with_json: bool = True) -> None:
    """Add the options that say how a text file is read; also --json, which every verb has."""
    if with_json:
        add_json(parser)
    reading = parser.add_argument_group("reading text files")
    reading.add_argument("--delimiter", metavar="MARK", help="one character, or tab; by default found out")
    reading.add_argument("--encoding", default="utf-8", metavar="NAME", help="default: utf-8, or the file's mark")
    reading.add_argument("--no-header", action="store_true", help="name the columns 'column 1', 'column 2', ...")


def _names_of(room: str, registry: str) -> Callable[..., list[str]]:
    """Return the function that tells a shell, by argcomplete, the names in a registry of a room."""

    def names(**_: object) -> list[str]:
        return [str(one.name) for one in getattr(import_module(f"..{room}", __package__), registry)]

    return names


def _wrapped(text: str) -> list[str]:
    """Return a description as lines: its formatter leaves the lines of the examples, and so those here, alone."""
    import shutil
    import textwrap

    return textwrap.wrap(text, max(shutil.get_terminal_size((80, 24)).columns - 2, 30))
