"""Answers that are numbers: beside their targets, their residuals, their calibration."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..tables.numbers import figure
from .answers import Vector, calibration
from .html import Html
from .picture import MUTED, SECOND, SERIES, bars, picture
from .subject import some

DOTS = 500


def number_pictures(name: str, y: Vector, found: Vector) -> list[Html]:
    """Return the answers over the targets with the means of bins, and the residuals."""
    wrong = y - found
    bins = calibration(found, y)
    which = some(len(y), DOTS)
    ends = [float(min(y.min(), found.min())), float(max(y.max(), found.max()))]
    drawn = f"{len(which):,} of {len(y):,} rows are drawn" if len(which) < len(y) else "Each row is a dot"
    text = (
        f"{drawn}. The diamonds are means of {len(bins.rows)} bins by the answer; answer and target differ by "
        f"{figure(bins.error)} there on average. On the dashed line they agree."
    )

    def beside(ax: Any) -> None:
        ax.plot(ends, ends, "--", color=MUTED, linewidth=1)
        ax.plot(found[which], y[which], "o", color=SERIES, alpha=0.4, markersize=3.5, markeredgewidth=0)
        ax.plot(bins.said, bins.found, "D-", color=SECOND, markersize=4, linewidth=1.2)
        ax.set(xlabel="answer", ylabel=f"target: {name}")

    middle = np.quantile(wrong, (0.05, 0.5, 0.95))
    said = (
        f"Target minus answer: mean {figure(wrong.mean())}, median {figure(middle[1])}; nine of ten rows lie between "
        f"{figure(middle[0])} and {figure(middle[2])}."
    )

    def spread(ax: Any) -> None:
        ax.hist(wrong, bins=bars(wrong, 40), color=SERIES)
        ax.axvline(0, color=MUTED, linestyle="--", linewidth=1)
        ax.set(xlabel="target minus answer", ylabel="rows")
        ax.yaxis.get_major_locator().set_params(integer=True)

    def over(ax: Any) -> None:
        ax.axhline(0, color=MUTED, linestyle="--", linewidth=1)
        ax.plot(found[which], wrong[which], "o", color=SERIES, alpha=0.4, markersize=3.5, markeredgewidth=0)
        ax.set(xlabel="answer", ylabel="target minus answer")

    r = float(np.corrcoef(found, np.abs(wrong))[0, 1]) if found.std() and np.abs(wrong).std() else 0.0
    grows = (
        f"The size of the residuals and the answers have a correlation of {round(r, 2) + 0.0:.2f}. Of a good model the "
        "picture shows no pattern."
    )
    return [
        picture("answers", "Targets and answers: calibration", text, beside),
        picture("residuals", "Residuals", said, spread),
        picture("residuals-over", "Residuals over the answers", grows, over),
    ]
