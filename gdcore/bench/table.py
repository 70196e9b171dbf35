"""Results as lines for the terminal and as JSON.

Design
------
- A row is printed as soon as it is measured, so the columns' widths are fixed.
- As many libraries stand beside the first one as the width holds; the others follow in a table of their own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ..base.text_table import line as text_line
from .measure import Timing
from .runner import Row
from .suites import Suite

LABEL, TIME, RATIO, CHECK, APART = 33, 19, 9, 11, 9
UNITS = ((1e-6, 1e9, "ns"), (1e-3, 1e6, "us"), (1.0, 1e3, "ms"), (math.inf, 1.0, "s"))


def three_digits(value: float) -> str:
    """Return a positive number with three significant digits, without an exponent.

    Examples
    --------
    >>> three_digits(1.2345), three_digits(12.345), three_digits(1234.5)
    ('1.23', '12.3', '1234')
    """
    return f"{value:.{max(0, 2 - math.floor(math.log10(value)))}f}" if value > 0 else "0"


def duration(seconds: float) -> str:
    """Return a time in a suitable unit.

    Examples
    --------
    >>> duration(2.5e-7), duration(0.00012345), duration(90)
    ('250 ns', '123 us', '90.0 s')
    """
    _, factor, unit = next(row for row in UNITS if seconds < row[0])
    return f"{three_digits(seconds * factor)} {unit}"


def size(n_bytes: float) -> str:
    """Return a number of bytes as text.

    Examples
    --------
    >>> size(0), size(-2048), size(1234567), size(3.5e9)
    ('0 B', '-2048 B', '1.18 MB', '3.26 GB')
    """
    power = next(power for power in (0, 2, 3) if power == 3 or abs(n_bytes) < 1024 ** max(2, power + 1))
    return f"{n_bytes:.0f} B" if power == 0 else f"{n_bytes / 1024**power:.2f} {'KMG'[power - 1]}B"


def written(timing: Timing, unit: str) -> str:
    """Return a median in its unit, and the distance of the quartiles."""
    if unit == "B":
        return size(timing.median)
    value = duration(timing.median) if unit == "s" else f"{three_digits(1e-9 / timing.median)} GF/s"
    return f"{value} {f'~{timing.spread:.0%}':>5}"


def groups(names: Sequence[str], width: int) -> list[list[str]]:
    """Return the libraries of each table: the first one, and as many others as fit.

    Examples
    --------
    >>> groups(["gdcore", "numpy", "torch", "jax"], 130)
    [['gdcore', 'numpy', 'torch'], ['gdcore', 'jax']]
    """
    first, others = names[0], names[1:]
    fit = max(1, (width - LABEL - TIME - CHECK - APART) // (TIME + RATIO))
    return [[first, *others[at : at + fit]] for at in range(0, max(1, len(others)), fit)]


def header(suite: Suite, names: Sequence[str]) -> str:
    """Return the title and the line of column names."""
    others = (cell for name in names[1:] for cell in (f"{name} ~IQR", "ratio"))
    told = placed(["layers, rows", f"{names[0]} ~IQR", *others, suite.check, "apart"])
    return f"{suite.name}: {suite.title}\n{told}\n{'-' * len(told)}"


def placed(cells: Sequence[str]) -> str:
    """Return a line of times: a label, the first library's time, those of the others with ratios, and the check."""
    others = (len(cells) - 4) // 2
    return text_line(cells, (LABEL, TIME, *(TIME, RATIO) * others, CHECK, APART), range(1, len(cells)), gap="")


def line(row: Row, names: Sequence[str], unit: str = "s") -> str:
    """Return one case: times with spreads, ratios to the first library, what was compared, and how far the libraries
    differ.
    """
    cells = [row.case.label]
    for name in names:
        cells.append(written(row.timings[name], unit) if name in row.timings else _absent(row, name))
        if name != names[0]:
            cells.append(_ratio(row, name, names[0]))
    cells.append(f"{row.checks[names[0]]:.6g}" if names[0] in row.checks else "")
    cells.append(f"{row.apart:.0e}" if row.compared and row.checks else "")
    return placed(cells)


def _ratio(row: Row, name: str, base: str) -> str:
    ratio = row.ratio(name, base) if name in row.timings and base in row.timings else math.nan
    return f"{three_digits(ratio)}x" if math.isfinite(ratio) else ""


def check_table(suite: Suite, rows: Sequence[Row], names: Sequence[str]) -> Iterator[str]:
    """Yield what every library returned for comparison, a line per case."""
    width = max([CHECK, *(len(name) + 2 for name in names)])
    fit = max(1, (sum((LABEL, 2 * TIME, RATIO, CHECK, APART)) - LABEL) // width)
    for at in range(0, len(names), fit):
        part = names[at : at + fit]
        widths, right = (LABEL, *(width for _ in part)), range(1, len(part) + 1)
        yield "\n" + text_line([suite.check, *part], widths, right, gap="")
        for row in rows:
            cells = (f"{row.checks[name]:.6g}" if name in row.checks else "-" for name in part)
            yield text_line([row.case.label, *cells], widths, right, gap="")


def _absent(row: Row, name: str) -> str:
    return "failed" if name in row.failed else "-"


def complaints(row: Row) -> Iterator[str]:
    """Yield what must not be overlooked: unequal work, and libraries that failed."""
    if not row.agrees:
        found = ", ".join(f"{name} {value:.9g}" for name, value in row.checks.items())
        yield f"  UNEQUAL WORK: {found}"
    for name, message in row.failed.items():
        yield f"  {name} failed: {message}"


def row_to_dict(row: Row) -> dict[str, Any]:
    """Return one case, ready for JSON; times are in seconds per unit of work, and of failures the last line is kept."""
    libraries: dict[str, dict[str, Any]] = {}
    for name, timing in row.timings.items():
        times = {"seconds": timing.median, "low": timing.low, "high": timing.high, "runs": list(timing.seconds)}
        cpu = row.cpu[name].median if name in row.cpu else None
        libraries[name] = {**times, "cpu": cpu, "check": _finite(row.checks.get(name, math.nan))}
    base = next(iter(row.timings), "")
    return {
        "label": row.case.label,
        "case": asdict(row.case),
        "libraries": libraries,
        "ratios": {name: _finite(row.ratio(name, base)) for name in row.timings if name != base},
        "flops": row.case.problem.step_flops,
        "n_params": row.case.problem.n_params,
        "apart": _finite(row.apart),
        "agrees": row.agrees,
        "refused": row.refused,
        "failed": {name: message.splitlines()[-1] for name, message in row.failed.items()},
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def suite_to_dict(suite: Suite, rows: Sequence[Row]) -> Mapping[str, Any]:
    """Return a suite's rows, ready for JSON."""
    facts = {"suite": suite.name, "title": suite.title, "check": suite.check, "unit": suite.unit}
    return {**facts, "rows": [row_to_dict(row) for row in rows]}
