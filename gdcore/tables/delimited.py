"""CSV, TSV and their like, by Python's csv module.

Design
------
- The delimiter is the one that the line of names has most of, outside quotes: comma, semicolon, tab or bar.
- Lines without any text are left out. A line with more or fewer fields than there are names is an error, since nobody
  knows which field is the odd one.
- A name that is missing or stands twice is replaced by one that says so, which is told: it depends on the line of names
  alone, so the same file of new rows gets the same names.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator

import numpy as np

from .errors import TableError, counted
from .table import MISSING, Cells, Table, code_in, number, of_texts

DELIMITERS = ",;\t|"
MAX_FIELD = 2**24
"""A longer field is taken for a quote that was never closed."""
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""The bytes that begin a file of each encoding, where they are there."""
DECIMAL_COMMA = re.compile(r"[+-]?\d+(,\d+)?")
GROUPED, UNGROUPED = re.compile(r"[+-]?[1-9]\d{0,2}[,.]\d{3}", re.ASCII), re.compile(r"[+-]?\d{1,3}", re.ASCII)
"""Numbers that may have a separator of thousands, and those that are too small for one."""


def read_delimited(data: bytes, source: str, encoding: str, delimiter: str | None, header: bool) -> Table:
    """Return the table in the bytes of a text file.

    Raises
    ------
    TableError
        For bytes of another encoding, no rows, or a line of another length; the line is named.
    """
    text = _decoded(data, source, encoding)
    mark = _delimiter(text) if delimiter is None else delimiter
    rows, lines = [], []
    usual = csv.field_size_limit(MAX_FIELD)
    try:
        for at, row in _numbered(text, source, mark):
            if any(cell and not cell.isspace() for cell in row):
                rows.append(row)
                lines.append(at)
    finally:
        csv.field_size_limit(usual)
    if not rows:
        raise TableError(f"{source} is empty: it needs a line of names and rows below it")
    names, notes = _names(rows, source, header)
    if header:
        rows, lines = rows[1:], lines[1:]
    if not rows:
        raise TableError(f"{source} has a line of names and no rows below it")
    width = len(names)
    for at, row in zip(lines, rows, strict=True):
        if len(row) != width:
            first = "the line of names" if header else "the first line"
            raise TableError(
                f"{source}, line {at} has {counted(len(row), 'field')}, but {first} has {width}: "
                "correct it; quote a field that has the delimiter in it"
            )
    columns: dict[str, Cells] = {}
    for name, texts in zip(names, zip(*rows, strict=True), strict=True):
        cells = of_texts(texts)
        if mark == ";" and isinstance(cells, list):
            cells = _decimal_commas(cells, name, notes)
        if mark != "," and isinstance(cells, np.ndarray):
            _refuse_thousands(texts, lines, source, name)
        columns[name] = cells
    return Table(columns, source, np.array(lines, np.int64), tuple(notes))


def _numbered(text: str, source: str, mark: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each record with the number of the line that it begins in; a quoted field may go over several.

    Such a record is read once more by strict rules: a quote that is never closed would swallow the rows below it.
    """
    lines: list[str] = []

    def remembered() -> Iterator[str]:
        for line in io.StringIO(text, newline=""):
            lines.append(line)
            yield line

    reader = csv.reader(remembered(), delimiter=mark)
    at = 1
    try:
        for row in reader:
            if len(lines) > 1:
                list(csv.reader(lines, delimiter=mark, strict=True))
            yield at, row
            at = reader.line_num + 1
            lines.clear()
    except csv.Error as error:
        if len(lines) > 1:
            raise TableError(
                f'{source}, line {at} has a quote (") that is not closed where its field ends: close it, or write two '
                'for one that belongs to a text ("")'
            ) from None
        raise TableError(f"{source}, line {at} cannot be read as CSV: {error}") from None


def _decoded(data: bytes, source: str, encoding: str) -> str:
    for mark, known in MARKS:
        if data.startswith(mark):
            data, encoding = data[len(mark) :], known
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise TableError(
            f"{source}, line {line} is not {encoding}: byte {data[error.start]:#04x}; pass the encoding that the file "
            "has, such as --encoding latin-1, or save it as UTF-8"
        ) from None
    if "\0" in text:
        raise TableError(f"{source} is no text: it has zero bytes; pass a CSV, TSV, .npy, .npz or Parquet file")
    return text


def _delimiter(text: str) -> str:
    first = next((line for line in text.splitlines() if line.strip()), "")
    bare = re.sub(r'"[^"]*"', "", first)
    return max(DELIMITERS, key=bare.count)


def _names(rows: list[list[str]], source: str, header: bool) -> tuple[list[str], list[str]]:
    """Return the columns' names, and what was unusual about them."""
    first = [cell.strip() for cell in rows[0]]
    if not header:
        return [f"column {i + 1}" for i in range(len(first))], []
    if len(rows) > 1 and all(_is_number(cell) for cell in first):
        raise TableError(
            f"{source} begins with numbers ({first[0]} first) where names are due: add a line of names, or pass "
            "--no-header to call them column 1, column 2, ..."
        )
    names: list[str] = []
    notes: list[str] = []
    for i, name in enumerate(first):
        unique = name or f"column {i + 1}"
        k = 2
        while unique in names:
            unique, k = f"{name} ({k})", k + 1
        if unique != name:
            had = f"a second column {name!r}" if name else f"column {i + 1}, which has no name,"
            notes.append(f"{had} is called {unique!r}")
        names.append(unique)
    return names, notes


def _is_number(text: str) -> bool:
    try:
        number(text)
    except ValueError:
        return False
    return text.lower() not in MISSING


def _decimal_commas(texts: list[str | None], name: str, notes: list[str]) -> Cells:
    """Return numbers with a comma before their decimals, if all are, which is told; otherwise the texts."""
    if not code_in(texts) and all(text is None or DECIMAL_COMMA.fullmatch(text) for text in texts):
        one = next((text for text in texts if text is not None and "," in text), "")
        if one:
            notes.append(f"{name}: the comma is read as the decimal sign, {one!r} is {one.replace(',', '.')}")
        return np.array([np.nan if text is None else float(text.replace(",", ".")) for text in texts])
    return texts


def _refuse_thousands(texts: tuple[str, ...], lines: list[int], source: str, name: str) -> None:
    """Refuse a column of numbers as 950 and 1.234: three digits behind each comma or dot, and some without.

    Whoever writes decimals leaves some with another number of digits, or all with three; so these are thousands.
    """
    first, small = -1, ""
    for row, text in enumerate(texts):
        text = text.strip()
        if GROUPED.fullmatch(text):
            first = row if first < 0 else first
        elif UNGROUPED.fullmatch(text):
            small = small or text
        elif text.lower() not in MISSING:
            return
    if first < 0 or not small:
        return
    one = texts[first].strip()
    mark = "," if "," in one else "."
    raise TableError(
        f"{source}, line {lines[first]}, column {name!r} is {one!r}, and others are as {small!r}: a separator of "
        f"thousands? Take it out, as in {one.replace(mark, '')}; if it begins the decimals, write {small}{mark}0"
    )
