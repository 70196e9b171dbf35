"""A report in words, as text and as HTML: verdict, worst entry, a table of blocks, parts and causes."""

from __future__ import annotations

from html import escape

import numpy as np

from ...base.text_table import html, ruled
from ..slopes.entries import excess
from .contents import Contents

MAX_BLOCKS = 24
HEADER = ("block", "entries", "fail", "inconclusive")
DIRECTIONS_HEADER = ("directions", "fail", "inconclusive")
WORST_HEADER = ("largest error", "its bound", "")
PART_HEADER = ("part", "entries", "verdict", "largest error", "its bound", "at")
BUG = 0.01
"""The report prints the probability of missing a bug of this size."""


def as_text(report: Contents) -> str:
    """Return the report as several lines, the verdict first."""
    lines = [headline(report), worst_line(report), *worst_direction(report)]
    lines += [f"cause: {cause}" for cause in report.causes]
    lines += ["", *ruled(header(report), block_rows(report))]
    if report.parts:
        lines += ["", *ruled(PART_HEADER, part_rows(report))]
    if report.mode == "directions":
        lines += ["", direction_line(report)]
    lines += [f"note: {note}" for note in report.notes]
    return "\n".join(lines)


def as_html(report: Contents) -> str:
    """Return the same as HTML, for notebooks."""
    worst = [worst_line(report), *worst_direction(report)]
    parts = [f"<p><b>{escape(headline(report))}</b>{''.join(f'<br>{escape(line)}' for line in worst)}</p>"]
    parts += [f"<p>cause: {escape(cause)}</p>" for cause in report.causes]
    parts.append(html(header(report), block_rows(report)))
    if report.parts:
        parts.append(html(PART_HEADER, part_rows(report)))
    if report.mode == "directions":
        parts.append(f"<p>{escape(direction_line(report))}</p>")
    parts += [f"<p>note: {escape(note)}</p>" for note in report.notes]
    return "".join(parts)


def headline(report: Contents) -> str:
    """Return the verdict, and what it rests on."""
    total = sum(block.size for block in report.blocks)
    checked = len(report.entries)
    counted = f"{total}" if checked == total else f"{checked} of {total}"
    counted += " entry" if total == 1 else " entries"
    words = report.entries["verdict"]
    failed, unclear, kinks = int((words == "fail").sum()), int((words == "inconclusive").sum()), report.entries["kink"]
    clear = "none wrong" if unclear else "all within their bounds"
    facts = [counted, f"{failed} beyond their bounds" if failed else clear]
    facts += [f"{unclear} inconclusive"] * bool(unclear) + [f"{int(kinks.sum())} at a kink"] * bool(kinks.any())
    found = [", ".join(facts), *other_findings(report)]
    if report.mode != "full":
        found.append(f"mode {report.mode}, {report.why}")
    return f"gradient check: {report.verdict} ({'; '.join(found)})"


def other_findings(report: Contents) -> list[str]:
    """Return lines about directions and parts that are not right."""
    found, words = [], report.directions["verdict"]
    for verdict, said in (("fail", "beyond their bounds"), ("inconclusive", "inconclusive")):
        count = int((words == verdict).sum())
        if count:
            found.append(f"{count} of {len(words)} directions {said}")
    return found + [f"{part.name}: {part.verdict}" for part in report.parts if part.verdict != "pass"]


def worst_direction(report: Contents) -> list[str]:
    """Return a line about the direction with the largest error, if directions fail and no entry does."""
    rows = report.directions[report.directions["verdict"] == "fail"]
    if not len(rows) or (report.entries["verdict"] == "fail").any():
        return []
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.abs(rows["analytic"] - rows["numeric"])
        row = int(np.argmax(np.nan_to_num(error / rows["bound"], nan=np.inf)))
    return [
        f"worst direction: in {report.blocks[rows['block'][row]].name}: analytic {rows['analytic'][row]:.10g}, "
        f"numeric {rows['numeric'][row]:.10g}, error {error[row]:.2g}, bound {rows['bound'][row]:.2g}"
    ]


def worst_line(report: Contents) -> str:
    """Return a line about the entry with the largest error: both values and the bound."""
    i = report.worst
    entry = report.entries[i]
    error = abs(float(entry["analytic"]) - float(entry["numeric"]))
    return (
        f"worst entry: {report.name(i)}: analytic {entry['analytic'] + 0:.10g}, numeric {entry['numeric'] + 0:.10g}, "
        f"error {error:.2g}, bound {entry['bound']:.2g}"
    )


def direction_line(report: Contents) -> str:
    """Return a line with the number of directions, how many fail, and what they may have missed."""
    rows = report.directions
    failed, unclear = int((rows["verdict"] == "fail").sum()), int((rows["verdict"] == "inconclusive").sum())
    vague = f", {unclear} inconclusive" if unclear else ""
    return (
        f"{len(rows)} random directions, {failed} beyond their bounds{vague}; a bug of {BUG:.0%} of a block's gradient "
        f"is missed with probability <= {report.missed(BUG):.1g}"
    )


def header(report: Contents) -> tuple[str, ...]:
    """Return the header of the table of blocks; directions have columns of their own."""
    return (*HEADER, *(DIRECTIONS_HEADER if len(report.directions) else ()), *WORST_HEADER)


def block_rows(report: Contents) -> list[tuple[str, ...]]:
    """Return a row of text for each block that has entries; if there are many, for the worst ones."""
    entries, beyond, rows = report.entries, excess(report.entries), []
    for b in np.unique(entries["block"]):
        mine = np.flatnonzero(entries["block"] == b)
        top = mine[np.argmax(beyond[mine])]
        words = entries["verdict"][mine]
        failed, unclear = int((words == "fail").sum()), int((words == "inconclusive").sum())
        along = report.directions["verdict"][report.directions["block"] == b]
        astray, vague = int((along == "fail").sum()), int((along == "inconclusive").sum())
        error = abs(float(entries["analytic"][top]) - float(entries["numeric"][top]))
        word = "FAIL" if failed or astray else "inconclusive" if unclear or vague else "pass"
        told = (f"{len(along)}", f"{astray}", f"{vague}") if len(report.directions) else ()
        cells = (
            report.blocks[b].name,
            f"{len(mine)}",
            f"{failed}",
            f"{unclear}",
            *told,
            f"{error:.2g}",
            f"{entries['bound'][top]:.2g}",
            word,
        )
        rows.append((np.inf if astray else float(beyond[top]), cells))
    if len(rows) > MAX_BLOCKS:
        least = sorted((row[0] for row in rows), reverse=True)[MAX_BLOCKS - 1]
        rows = [row for row in rows if row[0] >= least][:MAX_BLOCKS]
    return [cells for _, cells in rows]


def part_rows(report: Contents) -> list[tuple[str, ...]]:
    """Return a row of text for each part."""
    return [
        (part.name, f"{part.checked}", part.verdict, f"{part.error:.2g}", f"{part.bound:.2g}", part.worst)
        for part in report.parts
    ]
