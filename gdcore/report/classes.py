"""Answers that are classes: which are mixed up, and what their probabilities are worth."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..tables import Target
from ..tables.numbers import figure
from ..tables.scores import confusion
from .answers import Vector, calibration
from .html import Child, Html, element, joined, note, table
from .picture import INK, MUTED, SERIES, picture
from .subject import of_all

MOST_CLASSES, MOST_PAIRS = 12, 15


def confusion_table(target: Target, y: Any, found: Any) -> Html:
    """Return the confusion matrix; of many classes the pairs that are mixed up most."""
    counts = confusion(y, found, len(target.classes))
    if len(target.classes) > MOST_CLASSES:
        return _pairs(target, counts)
    total = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(total, 1)
    rows: list[list[Child]] = [
        [
            name,
            *(
                element("span", f"{n:,}", style=f"--share: {share:.3f}")
                for n, share in zip(counts[i].tolist(), shares[i].tolist(), strict=True)
            ),
            f"{shares[i, i]:.0%}" if total[i, 0] else "no rows",
        ]
        for i, name in enumerate(target.classes)
    ]
    head = ("class", *(f"as {name}" for name in target.classes), "right")
    return joined(
        [
            table("Confusion matrix", head, rows, range(1, len(head)), "matrix"),
            note("A row for each class, a column for each answer; colour tells the share of the row."),
        ]
    )


def _pairs(target: Target, counts: Any) -> Html:
    wrong = counts * ~np.eye(len(counts), dtype=bool)
    order = np.argsort(-wrong, axis=None, kind="stable")[:MOST_PAIRS]
    pairs = [divmod(int(place), len(counts)) for place in order if wrong.flat[place]]
    rows = [(target.classes[a], target.classes[b], f"{counts[a, b]:,}", f"{counts[a].sum():,}") for a, b in pairs]
    if not rows:
        return note("No class was taken for another one.")
    return joined(
        [
            table("The classes that are mixed up most", ("class", "taken for", "rows", "of"), rows, (2, 3)),
            note(f"Of {len(counts):,} classes; a whole confusion matrix is shown for at most {MOST_CLASSES}."),
        ]
    )


def class_pictures(target: Target, y: Any, found: Any, shares: Vector) -> list[Html]:
    """Return the calibration of the probabilities of the answers, and how sure the answers are."""
    two = shares.shape[1] == 2
    said = shares[:, 1] if two else shares[np.arange(len(y)), found]
    hit = (y == 1 if two else y == found).astype(np.float64)
    bins = calibration(said, hit)
    what = f"the probability of {target.classes[1]}" if two else "the probability of the answer"
    share = f"share of {target.classes[1]}" if two else "share that is right"
    text = (
        f"{of_all(len(y), len(y), 'rows')[0].upper()}{of_all(len(y), len(y), 'rows')[1:]} in {len(bins.rows)} bins by "
        f"{what}; probability and share differ by {figure(bins.error)} on average. On the dashed line they agree."
    )

    def draw(ax: Any) -> None:
        ax.plot([0, 1], [0, 1], "--", color=MUTED, linewidth=1)
        ax.plot(bins.said, bins.found, "o-", color=SERIES, markersize=4)
        ax.set(xlabel=what, ylabel=share, xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))

    sure = f"{np.mean(said >= 0.9):.0%} are at least 0.9, and {np.mean(said <= 0.1):.0%} at most 0.1."

    def spread(ax: Any) -> None:
        groups = [said[hit == 1], said[hit == 0]]
        names = ([target.classes[1], target.classes[0]] if two else ["right", "wrong"])[:2]
        ax.hist(
            groups,
            bins=np.linspace(0, 1, 21).tolist(),
            stacked=True,
            color=[SERIES, "none"],
            edgecolor=INK,
            linewidth=0.6,
            label=names,
        )
        ax.set(xlabel=what, ylabel="rows")
        ax.yaxis.get_major_locator().set_params(integer=True)
        ax.legend(frameon=False, loc="upper center")

    return [
        picture("calibration", "Calibration", text, draw),
        picture("sure", "How sure the answers are", sure, spread),
    ]
