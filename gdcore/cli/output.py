"""What the verbs on tables print: rows of a name and its text that fit the terminal, tables, warnings, JSON."""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..base.terminal import complain, is_terminal
from ..base.text_table import columns

WIDEST, NARROWEST = 100, 30
NAME = 12
"""Width of the names that rows begin with; in a terminal below `WIDE` the text goes below its name."""
WIDE = 60


def width() -> int:
    """Return the width to print in: the terminal's, or 80 where there is none."""
    return min(max(shutil.get_terminal_size((80, 24)).columns, NARROWEST), WIDEST)


def row(name: str, text: str) -> str:
    """Return a name and its text, broken into lines that fit.

    Examples
    --------
    >>> print(row("target", "price, a number"))
    target      price, a number
    """
    indent = NAME if width() >= WIDE else 2
    first = name.ljust(NAME) if width() >= WIDE else f"{name}\n  "
    lines = textwrap.wrap(text, width() - indent, break_on_hyphens=False, break_long_words=False) or [""]
    return first + ("\n" + " " * indent).join(lines)


def show(name: str, text: str) -> None:
    """Print a row at once, also into a log."""
    print(row(name, text), flush=True)


def table(rows: Sequence[Sequence[str]]) -> None:
    """Print cells in columns, numbers to the right; where a line would be too wide, cell below cell."""
    lines = columns(rows, range(1, len(rows[0])))
    if max(map(len, lines)) + 2 <= width():
        for line in lines:
            print("  " + line)
        return
    heads = rows[0][1:]
    for name, *cells in rows[1:]:
        print("  " + name)
        for head, cell in zip(heads, cells, strict=True):
            print(
                "\n".join(textwrap.wrap(f"{head}: {cell}", width(), initial_indent="    ", subsequent_indent="      "))
            )


def warn(verb: str, notes: Iterable[str]) -> None:
    """Write a line to standard error for each thing that should be known and stops nothing."""
    for note in notes:
        complain(f"gdcore {verb}: note: {note}")


def as_json(value: Mapping[str, Any]) -> str:
    """Return a document of JSON; numbers that are not finite become null.

    Examples
    --------
    >>> as_json({"r2": float("nan"), "rows": 3})
    '{"r2": null, "rows": 3}'
    """
    return json.dumps(_plain(value), ensure_ascii=False, allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def progress_wanted() -> bool:
    """Return whether somebody watches: standard error is a terminal."""
    return is_terminal(sys.stderr)


def size_of(path: str) -> str:
    """Return a file's size as people read it."""
    n = os.path.getsize(path)
    return f"{n:,} bytes" if n < 10_000 else f"{n / 1000:,.0f} kB" if n < 10_000_000 else f"{n / 1e6:,.0f} MB"
