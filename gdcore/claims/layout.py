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

from ..base.text_table import columns, line
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
    return "  " + line((said, measured, verdict), (SAID, MEASURED, VERDICT))


def table_text(table: Table) -> str:
    """Return a table with the note above; columns with numbers are aligned to the right."""
    rows = [tuple(map(cell_text, row)) for row in table.rows]
    right = [column for row in table.rows for column, cell in enumerate(row) if not isinstance(cell, str)]
    lines = wrap(table.note, WIDTH, initial_indent="  ", subsequent_indent="  ")
    return "\n".join([*lines, *(f"  {row}" for row in columns([table.header, *rows], right))])


def cell_text(value: Cell) -> str:
    """Return text as it is, whole numbers with all digits, others with five.

    Examples
    --------
    >>> cell_text("tanh"), cell_text(20000), cell_text(0.123456)
    ('tanh', '20000', '0.12346')
    """
    return f"{value:.5g}" if isinstance(value, float) else str(value)
