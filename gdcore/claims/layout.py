"""Claims and tables as text of at most 100 columns, with each claim beside its measurement.

Examples
--------
>>> from gdcore.claims.claim import Claim, Table
>>> print(claims_text([Claim("sum", "1 + 1 = 3", "1 + 1 = 2", "does not hold")]))
  the document says                      measured                                      verdict
  ------------------------------------------------------------------------------------------------
  1 + 1 = 3                              1 + 1 = 2                                     does not hold
>>> print(table_text(Table(("rate", "loss"), ((0.1, 2.0), (0.01, 12.34567)))))
  rate    loss
   0.1       2
  0.01  12.346
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import zip_longest
from textwrap import wrap

from .claim import Cell, Claim, Table

WIDTH = 100
SAID, MEASURED, VERDICT = 37, 44, 13
RULE = "  " + "-" * (WIDTH - 4)


def claims_text(claims: Iterable[Claim]) -> str:
    """Return three columns, with an empty line after each claim that takes several lines, except the last."""
    lines = [_row("the document says", "measured", "verdict"), RULE]
    for claim in claims:
        cells = (wrap(claim.said, SAID), wrap(claim.measured, MEASURED), [claim.verdict])
        lines += [_row(*parts) for parts in zip_longest(*cells, fillvalue="")]
        lines += [""] * (max(map(len, cells)) > 1)
    return "\n".join(lines).rstrip()


def _row(said: str, measured: str, verdict: str) -> str:
    return f"  {said:<{SAID}}  {measured:<{MEASURED}}  {verdict}".rstrip()


def table_text(table: Table) -> str:
    """Return a table with the note above; columns with numbers are aligned to the right."""
    rows = [tuple(map(cell_text, row)) for row in table.rows]
    widths = [max(map(len, column)) for column in zip(table.header, *rows, strict=True)]
    right = [any(not isinstance(row[i], str) for row in table.rows) for i in range(len(widths))]
    lines = wrap(table.note, WIDTH, initial_indent="  ", subsequent_indent="  ")
    for row in (table.header, *rows):
        cells = zip(row, widths, right, strict=True)
        lines.append("  " + "  ".join(f"{cell:{'>' if to_right else '<'}{width}}" for cell, width, to_right in cells))
    return "\n".join(line.rstrip() for line in lines)


def cell_text(value: Cell) -> str:
    """Return text as it is, whole numbers with all digits, others with five.

    Examples
    --------
    >>> cell_text("tanh"), cell_text(20000), cell_text(0.123456)
    ('tanh', '20000', '0.12346')
    """
    return f"{value:.5g}" if isinstance(value, float) else str(value)
