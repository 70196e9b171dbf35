"""Tables as text: for the terminal, in Markdown and in HTML. A cell is a string."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from html import escape

GAP = "  "
"""What stands between two columns."""

Cells = Sequence[str]


def line(cells: Cells, widths: Iterable[int], right: Container[int] = (), gap: str = GAP) -> str:
    """Return the cells of one row, each as wide as its column; those of the columns `right` stand at its right end.

    Examples
    --------
    >>> line(("loss", "0.5"), (6, 5), right=(1,))
    'loss      0.5'
    """
    placed = (
        cell.rjust(width) if column in right else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return gap.join(placed).rstrip()


def columns(rows: Sequence[Cells], right: Container[int] = ()) -> list[str]:
    """Return a line for each row, with columns as wide as their longest cells.

    Examples
    --------
    >>> columns([("loss", "0.5"), ("epochs", "12")], right=(1,))
    ['loss    0.5', 'epochs   12']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [line(row, widths, right) for row in rows]


def ruled(header: Cells, rows: Sequence[Cells]) -> list[str]:
    """Return the lines of a table with a rule below its header; all columns but the first and the last stand right.

    Examples
    --------
    >>> for text in ruled(("block", "fail", ""), [("bias", "0", "pass")]):
    ...     print(text)
    block  fail
    -----------------
    bias      0  pass
    """
    lines = columns([header, *rows], range(1, len(header) - 1))
    return [lines[0], "-" * max(map(len, lines)), *lines[1:]]


def markdown(header: Cells, rows: Iterable[Cells], right: Container[int] = ()) -> str:
    """Return a table in Markdown.

    Examples
    --------
    >>> print(markdown(("name", "loss"), [("tanh", "0.5")], right=(1,)), end="")
    | name | loss |
    | --- | --: |
    | tanh | 0.5 |
    """
    marks = ["--:" if column in right else "---" for column in range(len(header))]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (header, marks, *rows))


def html(header: Cells, rows: Iterable[Cells]) -> str:
    """Return a table in HTML.

    Examples
    --------
    >>> html(("a",), [("1 < 2",)])
    '<table><thead><tr><th>a</th></tr></thead><tbody><tr><td>1 &lt; 2</td></tr></tbody></table>'
    """
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
