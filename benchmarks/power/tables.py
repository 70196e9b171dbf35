"""A run's counts as tables: (head, rows), for the terminal and for the documentation."""

from collections.abc import Sequence
from math import floor

from .checkers import CHECKERS
from .mutations import MUTATIONS
from .tally import (
    ALARMS,
    AT_KINKS,
    CHECKS,
    ENTRIES,
    FOUND,
    FOUND_VISIBLE,
    INCONCLUSIVE,
    MADE,
    REJECTED_AT_KINKS,
    RIGHT,
    SECONDS,
    VISIBLE,
    Tally,
)

Table = tuple[Sequence[str], Sequence[Sequence[str]]]
PRECISIONS = ("float64", "float32")
BASE = CHECKERS[0].name


def share(part: float, whole: float) -> str:
    """A percentage that is 100 only where nothing is missing, and 0 only where nothing is there.

    Examples
    --------
    >>> share(3, 3), share(1999, 2000), share(1, 30_000), share(0, 5), share(0, 0)
    ('100 %', '99.9 %', '0.1 %', '0 %', '-')
    """
    if whole == 0:
        return "-"
    if part in (0, whole):
        return "100 %" if part else "0 %"
    return f"{max(0.1, floor(1000 * part / whole) / 10):.1f} %"


def took_part(tally: Tally) -> list[str]:
    """The checkers that were asked, in the registry's order."""
    return [row.name for row in CHECKERS if tally.of(row.name, CHECKS)]


def checkers(tally: Tally) -> Table:
    """A row for each checker: false alarms, and what was found of the visible, in each precision; the rest together."""
    head = ["checker"]
    for dtype in PRECISIONS:
        head += [f"right gradients rejected, {dtype}", f"wrong ones found, {dtype}"]
    head += ["of all that were made", "inconclusive entries", "right, at several kinks: rejected", "a check"]
    rows = []
    for name in took_part(tally):
        cells = [name]
        for dtype in PRECISIONS:
            alarms, right = tally.of(name, ALARMS, dtype), tally.of(name, RIGHT, dtype)
            cells.append(f"{alarms:.0f} of {right:.0f}" if right else "-")
            cells.append(share(tally.on(name, "", FOUND_VISIBLE, dtype), tally.on(name, "", VISIBLE, dtype)))
        cells.append(share(tally.on(name, "", FOUND), tally.on(name, "", MADE)))
        cells.append(share(tally.of(name, INCONCLUSIVE), tally.of(name, ENTRIES)))
        cells.append(f"{tally.of(name, REJECTED_AT_KINKS):.0f} of {tally.of(name, AT_KINKS):.0f}")
        cells.append(f"{1e3 * tally.of(name, SECONDS) / tally.of(name, CHECKS):.2g} ms")
        rows.append(cells)
    return head, rows


def scales(tally: Tally) -> Table:
    """A row for each scale of the loss, in float64: what was found, and the right gradients that were rejected."""
    names = took_part(tally)
    known = sorted({scale for name, dtype, scale, _ in tally.of_scales if dtype == "float64"}, key=float)
    rows = []
    for scale in known:
        cells = [f"x {scale}"]
        for name in names:
            found, visible = (tally.at(name, scale, what, "float64") for what in (FOUND_VISIBLE, VISIBLE))
            alarms, right = (tally.at(name, scale, what, "float64") for what in (ALARMS, RIGHT))
            cells.append(f"{share(found, visible)}, {share(alarms, right)}")
        rows.append(cells)
    return ["loss", *names], rows


def mutations(tally: Tally) -> Table:
    """A row for each mistake: how often it was made and was below the bound in both precisions; found in float64."""
    names = took_part(tally)
    rows = []
    for row in MUTATIONS:
        made, visible = (tally.on(BASE, row.name, what) for what in (MADE, VISIBLE))
        found = [
            share(*(tally.on(name, row.name, what, "float64") for what in (FOUND_VISIBLE, VISIBLE))) for name in names
        ]
        rows.append([row.name, row.what, str(made), str(made - visible), *found])
    return ["mistake", "what is done", "made", "below the bound", *names], rows


def wrong(tally: Tally, name: str) -> list[dict[str, str]]:
    """What a checker said that is not right: false alarms, and misses of what is visible."""
    return [row for row in tally.named if row["checker"] == name and row["what"] in ("false alarm", "missed")]
