"""Outcomes as tables: (head, rows), for the terminal and for the documentation."""

import math
from collections.abc import Sequence

import numpy as np

from .measure import Outcome

Table = tuple[Sequence[str], Sequence[Sequence[str]]]
ENOUGH = 0.9
"""Share of the best fall that a suggestion should reach."""
NEAR = 3.0
"""Factor within which the suggestions of all seeds should lie."""


def percent(part: float, whole: float) -> str:
    """With one decimal."""
    return f"{100 * part / whole:.1f} %"


def summary(outcomes: Sequence[Outcome]) -> Table:
    """What the suite is about, in one row per question."""
    runs = [run for outcome in outcomes for run in outcome.runs]
    spreads = [outcome.spread for outcome in outcomes]
    diverged = sum(run.diverged for run in runs)
    silent = sum(run.suggestion is None for run in runs)
    good_cases = sum(outcome.share >= ENOUGH for outcome in outcomes)
    good_runs = sum(run.share >= ENOUGH for run in runs)
    near = sum(spread <= NEAR for spread in spreads)
    slower = np.median([run.seconds / run.fit_seconds for run in runs])
    return ("question", "answer"), [
        ("fits that raised DivergedError or ended above their start", f"{diverged} of {len(runs)}"),
        ("runs without a suggestion", f"{silent} of {len(runs)}"),
        (f"cases whose median run reaches {ENOUGH:g} of the best fall", percent(good_cases, len(outcomes))),
        (f"runs that reach {ENOUGH:g} of the best fall", percent(good_runs, len(runs))),
        (f"cases whose suggestions lie within a factor of {NEAR:g}", percent(near, len(outcomes))),
        ("that factor: median, largest", f"{np.median(spreads):.2g}, {max(spreads):.2g}"),
        ("time of a search, in fits of 30 epochs: median", f"{slower:.1f}"),
    ]


def by_optimizer(outcomes: Sequence[Outcome]) -> Table:
    """The same for each optimizer."""
    rows = []
    for name in sorted({outcome.optimizer for outcome in outcomes}):
        some = [outcome for outcome in outcomes if outcome.optimizer == name]
        runs = [run for outcome in some for run in outcome.runs]
        rows.append(
            (
                name,
                str(len(some)),
                str(sum(run.diverged for run in runs)),
                percent(sum(run.share >= ENOUGH for run in runs), len(runs)),
                f"{np.median([outcome.spread for outcome in some]):.2g}",
                f"{max(outcome.spread for outcome in some):.2g}",
            )
        )
    head = ("optimizer", "cases", "diverged", f"runs with {ENOUGH:g} of the best fall", "median factor", "largest")
    return head, rows


def every_case(outcomes: Sequence[Outcome]) -> Table:
    """A row for each case."""
    rows = []
    for number, outcome in enumerate(outcomes):
        given = [run.suggestion for run in outcome.runs if run.suggestion is not None]
        best = [run.best_rate for run in outcome.runs]
        shares = [run.share for run in outcome.runs]
        rows.append(
            (
                str(number),
                outcome.label,
                span(given),
                span(best),
                str(outcome.diverged),
                f"{np.median(shares):.2f}",
                f"{min(shares):.2f}",
                "-" if math.isinf(outcome.spread) else f"{outcome.spread:.2g}",
            )
        )
    head = ("", "data; network; loss; optimizer; batch size", "suggestions", "best of the grid", "diverged")
    return (*head, "median share", "lowest share", "factor"), rows


def span(rates: Sequence[float]) -> str:
    """The lowest and the highest."""
    return f"{min(rates):.2g} .. {max(rates):.2g}" if rates else "-"
