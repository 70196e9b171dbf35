"""Files that the verbs on tables read and write."""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import re
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from ..io import load
from ..io.atomic import write_file
from ..tables import Table, TableModel, read_table
from ..tables.numbers import epochs_from_1
from .failed import Failed, WrongUse

STDIN_MODEL = "MODEL must be a file, not '-': only DATA can come from the standard input"


@contextlib.contextmanager
def one_line_each() -> Iterator[None]:
    """Turn what users can mend into one line: tables, files and missing libraries; a diverged fit fails."""
    from ..training.errors import DivergedError

    try:
        yield
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise WrongUse(str(error)) from error
    except DivergedError as error:
        raise Failed(f"{_diverged(str(error))}; nothing was saved: pass a smaller --lr") from error
    except (ValueError, MemoryError, ImportError) as error:  # TableError and FileFormatError are ValueErrors
        raise WrongUse(str(error)) from error


def _diverged(text: str) -> str:
    """Return where a training diverged and what was not finite, without what only Python's users can do.

    Examples
    --------
    >>> _diverged("training diverged in epoch 0, batch 3 (step 3): the loss is not finite at learning_rate 1; try this")
    'training diverged in the 1st epoch: the loss is not finite at a rate of 1'
    """
    text = epochs_from_1(text).partition("; ")[0].replace("at learning_rate", "at a rate of")
    return re.sub(r", batch(es \d+ to)? \d+( \(step \d+\))?", "", text)


def read_data(options: argparse.Namespace, path: str | None = None) -> Table:
    """Return the table of DATA, or of another file with the same options."""
    delimiter = {"tab": "\t", "\\t": "\t"}.get(options.delimiter, options.delimiter)
    if delimiter is not None and len(delimiter) != 1:
        raise WrongUse(f"--delimiter must be one character or tab, got {delimiter!r}")
    try:
        return read_table(
            options.data if path is None else path,
            delimiter=delimiter,
            encoding=options.encoding,
            header=not options.no_header,
        )
    except LookupError:
        raise WrongUse(f"unknown --encoding {options.encoding!r}: pass utf-8, latin-1, cp1252, ...") from None


def read_model(path: str) -> TableModel:
    """Return the model of a table in a file that `gdcore train` has saved."""
    if path == "-":
        raise WrongUse(STDIN_MODEL)
    found = load(path)
    if not isinstance(found, TableModel):
        raise WrongUse(
            f"{path} holds a {type(found).__name__} without the preparation of a table: pass a file that gdcore train "
            "has saved, or use this one from Python by gd.load"
        )
    return found


def write_rows(header: Iterable[str], rows: Iterable[Iterable[Any]], out: str | None) -> None:
    """Write a CSV to a file, or to standard output."""
    text = io.StringIO(newline="")
    mark = "\t" if out is not None and out.lower().endswith((".tsv", ".tab")) else ","
    writer = csv.writer(text, delimiter=mark, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    if out is None:
        sys.stdout.write(text.getvalue())
    else:
        write_file(out, [text.getvalue().encode()])
