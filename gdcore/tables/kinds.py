"""What a column of a table means: number, date, category, or nothing that helps a network."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from typing import NamedTuple

import numpy as np

from .errors import TableError, counted
from .feature import Feature, days, numbers_of, texts_of
from .table import Cells, Table, code_in, number

MAX_LEVELS = 100
"""A text column with more levels is free text."""
FEW = 20
"""With more levels than this, a text column must repeat them: each one twice on average."""
DISTINCT = 5
"""From so many rows on, a text column whose entries all differ is a name of the row."""
MOSTLY = 0.9
"""A text column of which this share are numbers was meant to be one."""
FIRST, SPAN = 5, 2
"""A rising column of whole numbers from at most `FIRST` to at most `SPAN` times the rows is their number: the held-out
rows have left gaps."""
ID_NAME = re.compile(r"(^|[_ .-])(id|Id|ID)$|[a-z]I[dD]$|^([Ii]ndex|[Rr]ow|Unnamed: 0)$")
DRESSED = re.compile(
    r"[-+]?[$€£\u00a5]?\s?[-+]?(\d{1,3}(\.\d{3})+(,\d+)?|(\d{1,3}([,'\u2019\s]\d{3})+|\d+)([.,]\d+)?)\s?[%€$£\u00a5]?"
)
"""Numbers with thousands separators, a currency, a percent sign or a decimal comma."""


OTHER_DATE = re.compile(r"\d{1,2}([./-])\d{1,2}\1(\d{4}|\d{2})(\s.*)?")
"""Dates with the day or the month first, of which nobody can tell which."""
DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+|[-+]?\d+")
THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}(,\d{3})+")


class Forced(NamedTuple):
    """Columns whose type the user gives."""

    numeric: frozenset[str] = frozenset()
    categorical: frozenset[str] = frozenset()
    drop: frozenset[str] = frozenset()


def feature_of(table: Table, name: str, forced: Forced, impute: bool) -> Feature | str:
    """Return what a column means, or the reason why it is left out.

    Raises
    ------
    TableError
        For a column of numbers with a few texts in it, of which the first is named.
    """
    if name in forced.drop:
        return "as you asked"
    cells, absent = table.column(name), table.missing(name)
    if absent.all():
        return "it has no values"
    kind = "category" if name in forced.categorical else "number" if name in forced.numeric else kind_of(table, name)
    texts = None if kind == "number" else [text for text in texts_of(cells) if text]
    if not (name in forced.categorical or name in forced.numeric):
        reason = _useless(name, cells, texts, kind)
        if reason:
            return reason
    if kind == "category":
        counts = Counter(texts)
        fill = counts.most_common(1)[0][0] if impute else None
        return Feature(name, kind, tuple(sorted(counts)), fill)
    values = numbers_of(table, name, kind)
    return Feature(name, kind, (), float(np.nanmedian(values)) if impute else None)


def kind_of(table: Table, name: str) -> str:
    """Return "number", "date" or "category", from the cells."""
    cells = table.column(name)
    if isinstance(cells, np.ndarray):
        return "number"
    texts = [(row, cell) for row, cell in enumerate(cells) if cell is not None]
    if _date(texts[0][1]) and all(_date(cell) for _, cell in texts):
        return "date"
    if code_in(cells):
        return "category"
    others = [(row, cell) for row, cell in texts if not is_number(cell)]
    if len(others) <= (1 - MOSTLY) * len(texts):
        row, cell = others[0]
        raise TableError(
            f"{table.at(row, name)} is {cell!r}, where nearly all other rows have numbers: correct it, leave it empty "
            f"with --impute, or pass --categorical '{name}'"
        )
    return "category"


def _useless(name: str, cells: Cells, texts: list[str] | None, kind: str) -> str:
    """Return why a column says nothing about other rows; "" for all others."""
    if texts is None:
        assert isinstance(cells, np.ndarray)
        there = cells[~np.isnan(cells)]
        if (there == there[0]).all():
            return f"it is {there[0]:g} in every row"
        whole = len(there) == len(cells) >= DISTINCT and bool((there == np.round(there)).all())
        if whole and 0 <= there[0] <= FIRST and (np.diff(there) > 0).all() and there[-1] < SPAN * len(there):
            return "it numbers the rows"
        if whole and ID_NAME.search(name) and len(np.unique(there)) == len(there):
            return "by its name and values it tells rows apart"
        return ""
    n = len(set(texts))
    code = code_in(texts)
    if n > 1 and not code and all(DRESSED.fullmatch(text) for text in texts):
        how, remedy = how_dressed(texts)
        return f"its numbers are written {how}: {remedy} to use it"
    if n == 1:
        return f"it is {texts[0]!r} in every row"
    if kind == "date":
        return ""
    if _too_many(n, texts) and all(OTHER_DATE.fullmatch(text) for text in texts):
        return f"its dates, such as {texts[0]!r}, may begin with the day or the month: write 2021-10-03 to use it"
    if code and _too_many(n, texts):
        return f"{counted(n, 'different code')}, such as {code!r}, in {len(texts):,} rows; --numeric overrules"
    if n == len(texts) >= DISTINCT:
        return "every row has a text of its own"
    if _too_many(n, texts):
        return f"it has {n:,} different texts"
    return ""


def how_dressed(texts: list[str]) -> tuple[str, str]:
    """Return how numbers are written that cannot be read, and what to do.

    Examples
    --------
    >>> how_dressed(["7", "1,5"])
    ("with decimal commas, as '1,5' is", 'write 1.5, or put semicolons between the columns,')
    """
    commas = [text for text in texts if "," in text]
    decimals = all(DECIMAL_COMMA.fullmatch(text) for text in texts)
    if commas and decimals and not any(THOUSANDS.fullmatch(text) for text in commas):
        one = commas[0]
        plain = one.replace(",", ".")
        return f"with decimal commas, as {one!r} is", f"write {plain}, or put semicolons between the columns,"
    one = next((text for text in texts if not is_number(text)), texts[0])
    return f"with more than digits, as {one!r} is", "write them plainly"


def _too_many(n: int, texts: list[str]) -> bool:
    return n > MAX_LEVELS or (n > FEW and n > len(texts) / 2) or n == len(texts) >= DISTINCT


def code_note(table: Table, feature: Feature, forced: Forced) -> str:
    """Return what to tell of a column whose digits or dates are taken for categories; "" for all others."""
    cells = table.column(feature.name)
    if feature.kind != "category" or feature.name in forced.categorical or isinstance(cells, np.ndarray):
        return ""
    code = code_in(cells)
    if not code and all(cell is None or OTHER_DATE.fullmatch(cell) for cell in cells):
        date = next(cell for cell in cells if cell is not None)
        return f"{feature.name}: dates such as {date!r} are taken for categories: write 2021-10-03 if time matters"
    if not code:
        return ""
    option = f"--numeric {shlex.quote(feature.name)}"
    return f"{feature.name}: digits such as {code!r} are taken for codes: pass {option} if they are numbers"


def is_number(text: str) -> bool:
    """Return whether a text is a number as files write it."""
    try:
        number(text)
    except ValueError:
        return False
    return True


def _date(text: str) -> bool:
    try:
        days(text)
    except ValueError:
        return False
    return True
