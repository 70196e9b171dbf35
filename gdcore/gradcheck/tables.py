"""A report in words: the verdict, the worst entry, a table of blocks, parts, causes; as text and as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from .entries import excess

if TYPE_CHECKING:
    from .report import GradientReport

MOST_BLOCKS = 24
HEADER = ("block", "entries", "fail", "inconclusive", "largest error", "its bound", "")
PART_HEADER = ("part", "entries", "verdict", "largest error", "its bound", "at")
BUG = 0.01
"""Size of the bug whose probability of being missed is printed."""


def as_text(report: GradientReport) -> str:
    """Several lines, the verdict first."""
    lines = [headline(report), worst_line(report)]
    lines += [f"cause: {cause}" for cause in report.causes]
    lines += ["", *aligned(HEADER, block_rows(report))]
    if report.parts:
        lines += ["", *aligned(PART_HEADER, part_rows(report))]
    if report.mode == "directions":
        lines += ["", direction_line(report)]
    lines += [f"note: {note}" for note in report.notes]
    return "\n".join(lines)


def as_html(report: GradientReport) -> str:
    """The same as HTML, for notebooks."""
    parts = [f"<p><b>{escape(headline(report))}</b><br>{escape(worst_line(report))}</p>"]
    parts += [f"<p>cause: {escape(cause)}</p>" for cause in report.causes]
    parts.append(html_table(HEADER, block_rows(report)))
    if report.parts:
        parts.append(html_table(PART_HEADER, part_rows(report)))
    if report.mode == "directions":
        parts.append(f"<p>{escape(direction_line(report))}</p>")
    parts += [f"<p>note: {escape(note)}</p>" for note in report.notes]
    return "".join(parts)


def headline(report: GradientReport) -> str:
    """The verdict, and what it rests on."""
    facts = report.to_dict()
    found = f"{facts['failed']} beyond their bounds" if facts["failed"] else "all within their bounds"
    unclear = f", {facts['inconclusive']} inconclusive" if facts["inconclusive"] else ""
    kinks = int(report.entries["kink"].sum())
    at_kinks = f", {kinks} at a kink" if kinks else ""
    total = sum(block.size for block in report.blocks)
    counted = f"{total}" if facts["entries"] == total else f"{facts['entries']} of {total}"
    counted += " entry" if total == 1 else " entries"
    mode = "" if report.mode == "full" else f"; mode {report.mode}, {report.why}"
    return f"gradient check: {report.verdict} ({counted}, {found}{unclear}{at_kinks}{mode})"


def worst_line(report: GradientReport) -> str:
    """The entry that is furthest off, both values and the bound."""
    i = report.worst
    entry = report.entries[i]
    error = abs(float(entry["analytic"]) - float(entry["numeric"]))
    return (
        f"worst entry: {report.name(i)}: analytic {entry['analytic'] + 0:.10g}, numeric {entry['numeric'] + 0:.10g}, "
        f"error {error:.2g}, bound {entry['bound']:.2g}"
    )


def direction_line(report: GradientReport) -> str:
    """How many directions, how many fail, and what they may have missed."""
    rows = report.directions
    failed = int((rows["verdict"] == "fail").sum())
    return (
        f"{len(rows)} random directions, {failed} beyond their bounds; a bug of {BUG:.0%} of a block's gradient "
        f"is missed with probability <= {report.missed(BUG):.1g}"
    )


def block_rows(report: GradientReport) -> list[tuple[str, ...]]:
    """A row of text per block that has entries; where there are many, the worst ones."""
    entries, beyond, rows = report.entries, excess(report.entries), []
    for b in np.unique(entries["block"]):
        mine = np.flatnonzero(entries["block"] == b)
        top = mine[np.argmax(beyond[mine])]
        words = entries["verdict"][mine]
        failed, unclear = int((words == "fail").sum()), int((words == "inconclusive").sum())
        error = abs(float(entries["analytic"][top]) - float(entries["numeric"][top]))
        word = "FAIL" if failed else "inconclusive" if unclear else "pass"
        cells = (report.blocks[b].name, f"{len(mine)}", f"{failed}", f"{unclear}", f"{error:.2g}",
                 f"{entries['bound'][top]:.2g}", word)  # fmt: skip
        rows.append((float(beyond[top]), cells))
    if len(rows) > MOST_BLOCKS:
        least = sorted((row[0] for row in rows), reverse=True)[MOST_BLOCKS - 1]
        rows = [row for row in rows if row[0] >= least][:MOST_BLOCKS]
    return [cells for _, cells in rows]


def part_rows(report: GradientReport) -> list[tuple[str, ...]]:
    """A row of text per part."""
    return [
        (part.name, f"{part.checked}", part.verdict, f"{part.error:.2g}", f"{part.bound:.2g}", part.worst)
        for part in report.parts
    ]


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table: the first and the last column to the left, numbers to the right."""
    cells = [header, *rows]
    widths = [max(len(row[j]) for row in cells) for j in range(len(header))]
    last = len(header) - 1
    lines = [
        "  ".join(
            cell.ljust(width) if j in (0, last) else cell.rjust(width)
            for j, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]
    return [lines[0], "-" * max(map(len, lines)), *lines[1:]]


def html_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The same table as HTML."""
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
