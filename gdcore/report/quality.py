"""Sections on the answers: scores, classes or residuals, calibration, the hardest rows, what the columns bring."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from ..losses import CustomLoss, Loss
from ..models.sequential import Sequential
from ..tables import Target
from ..tables.errors import counted
from ..tables.numbers import figure, score_text
from ..tables.scores import Scores, baseline_name, scores
from .answers import answers_of, probabilities_of, row_losses
from .classes import class_pictures, confusion_table
from .html import Child, Html, element, joined, note, table
from .importance import REPEATS, Importance, importances
from .picture import INK, SERIES, picture, short
from .residuals import number_pictures
from .subject import Judged, Subject, of_all, some

HARDEST, HARD_COLUMNS = 10, 6
NUMERIC = re.compile(r"-?[\d,.]+(e[-+]\d+)?|nan")
MOST_ROWS = 20_000
"""The losses of at most so many rows are computed one by one."""
LOSSES_WORK, PERMUTED_WORK, FEWEST = 2_000_000_000, 50_000_000_000, 200
"""A large network is looked at on so many rows as make these products of a row and a parameter, but not on fewer."""
PERMUTED, MOST_INPUTS, DRAWN = 2000, 100, 15
"""Rows and columns of the permutations, and the columns that are drawn."""


def within(n: int, low: int, high: int) -> int:
    """Return a number, or the nearest one in a range."""
    return min(max(n, low), high)


def answers_section(subject: Subject) -> Html | None:
    """Return how good the answers are, and in what way they are wrong."""
    net, loss, judged, target = subject.net, subject.loss, subject.judged, subject.target
    if net is None or loss is None or judged is None:
        return None
    if target is None:
        value = net.loss(judged.rows.X, judged.rows.y, loss)
        return note(
            f"The loss is {figure(value)} on {len(judged.rows.X):,} {judged.name}. Scores and pictures are made for "
            "numbers and for classes by a loss of gdcore's; this loss is neither."
        )
    found = answers_of(net, loss, target, judged.rows.X)
    told = f"; {judged.told}" if judged.told else ""
    parts: list[Child] = [note(f"On {len(found):,} {judged.name}{told}.")]
    if found.ndim > 1:
        parts += _several(target, judged, found)
        found, y = found[:, 0], judged.answers[:, 0]
    else:
        y = judged.answers
        parts.append(score_table(subject, scores(target, y, found)))
    if target.task == "regression":
        parts.append(element("div", *number_pictures(target.name, y, found), class_="pictures"))
        return joined(parts)
    parts.append(confusion_table(target, y, found))
    shares = probabilities_of(net, loss, judged.rows.X)
    if shares is None:
        parts.append(note("A loss of margins has no probabilities, so there is no calibration."))
    else:
        parts.append(element("div", *class_pictures(target, y, found, shares), class_="pictures"))
    return joined(parts)


def _several(target: Target, judged: Judged, found: Any) -> list[Child]:
    """Return the scores of each of several outputs."""
    each = [scores(target, judged.answers[:, i], found[:, i]) for i in range(found.shape[1])]
    head = ("output", *map(label, each[0]))
    rows = [(str(i), *(score_text(name, value) for name, value in one.items())) for i, one in enumerate(each)]
    return [table("Scores of each output", head, rows, range(1, len(head))), note("The pictures show output 0.")]


def score_table(subject: Subject, own: Scores) -> Html:
    """Return the scores, beside those of the answer that sees no inputs."""
    target, baseline, judged = subject.target, subject.baseline, subject.judged
    assert target is not None
    assert judged is not None
    if baseline is None:
        rows = [(label(name), score_text(name, value)) for name, value in own.items()]
        return table("Scores", ("score", "model"), rows, (1,))
    y = judged.answers
    trivial = scores(target, y, np.full(len(y), baseline))
    head = ("score", "model", baseline_name(target, baseline))
    rows3 = [(label(name), score_text(name, value), score_text(name, trivial[name])) for name, value in own.items()]
    return table("Scores, beside an answer that sees no inputs", head, rows3, (1, 2))


def hardest_section(subject: Subject, ranked: Ranked | None) -> Html | None:
    """Return the rows with the largest losses, with the columns that bring the most."""
    net, loss, judged = subject.net, subject.loss, subject.judged
    if net is None or loss is None or judged is None:
        return None
    n = len(judged.rows.X)
    which = some(n, within(LOSSES_WORK // net.n_params, FEWEST, MOST_ROWS))
    X, y = judged.rows.X[which], judged.rows.y[which]
    values = row_losses(net, loss, X, y)
    order = np.argsort(-np.nan_to_num(values, nan=np.inf), kind="stable")[: min(HARDEST, n)]
    names = [one.name for one in (subject.inputs if ranked is None else ranked.found)]
    shown = names[:HARD_COLUMNS]
    said = _said(net, loss, subject.target, judged, X[order], which[order])
    rows = [
        [judged.place(i), *told, figure(value), *(judged.cells(name, i) or "missing" for name in shown)]
        for i, told, value in zip(which[order].tolist(), said, values[order].tolist(), strict=True)
    ]
    head = ("row", *(("target", "answer") if subject.target is not None else ()), "loss", *shown)
    share = values[order].sum() / values.sum() if values.sum() > 0 else 0.0
    more = len(subject.inputs) - len(shown)
    hidden = f" {counted(more, 'more column')} {'are' if more > 1 else 'is'} not shown." if more else ""
    return joined(
        [
            note(
                f"The largest losses among {of_all(len(which), n, judged.name)}; these {len(order)} make {share:.0%} "
                "of the whole loss. Look at them: a wrong entry, or a kind of row that the columns cannot tell apart?"
                f"{hidden}"
            ),
            table("The hardest rows", head, rows, [i for i in range(1, len(head)) if _numeric(row[i] for row in rows)]),
        ]
    )


def _numeric(texts: Iterable[str]) -> bool:
    return all(text == "missing" or NUMERIC.fullmatch(text) for text in texts)


def _said(
    net: Sequential, loss: Loss | CustomLoss, target: Target | None, judged: Judged, X: Any, which: Any
) -> list[tuple[str, ...]]:
    """Return target and answer of some rows as texts."""
    if target is None:
        return [()] * len(which)
    found, y = answers_of(net, loss, target, X), judged.answers[which]
    if target.task == "classification":
        return [(target.classes[int(a)], target.classes[int(b)]) for a, b in zip(y, found, strict=True)]
    rows = (np.reshape(values, (len(which), -1)) for values in (y, found))
    return [(", ".join(map(figure, a)), ", ".join(map(figure, b))) for a, b in zip(*rows, strict=True)]


class Ranked(NamedTuple):
    """The columns by what they bring."""

    score: str
    """What falls; "loss", which rises."""
    value: float
    found: list[Importance]
    rows: int


def ranked_inputs(subject: Subject) -> Ranked | None:
    """Return how much worse the answers become without each column."""
    net, loss, judged, target = subject.net, subject.loss, subject.judged, subject.target
    if net is None or loss is None or judged is None or len(judged.rows.X) < 2 or not subject.inputs:
        return None
    inputs = subject.inputs[:MOST_INPUTS]
    most = within(PERMUTED_WORK // (REPEATS * len(inputs) * net.n_params), FEWEST, PERMUTED)
    which = some(len(judged.rows.X), most)
    X, y = judged.rows.X[which], judged.rows.y[which]
    name = "loss" if target is None or judged.answers.ndim > 1 else main_score(target)
    if name == "r2" and np.ptp(judged.answers[which]) == 0:  # equal targets have no R²
        name = "loss"

    def score(rows: Any) -> float:
        if target is None or name == "loss":
            return -net.loss(rows, y, loss)
        return scores(target, judged.answers[which], answers_of(net, loss, target, rows))[name]

    whole = score(X)
    return Ranked(name, -whole if name == "loss" else whole, importances(score, X, inputs), len(which))


def importance_section(subject: Subject, ranked: Ranked | None) -> Html | None:
    """Return how much worse the answers become without each column, as a picture and as a table."""
    if ranked is None or subject.judged is None:
        return None
    found, judged = ranked.found, subject.judged
    verb = "how far the loss rises" if ranked.score == "loss" else f"how far {label(ranked.score)} falls"
    most = found[:DRAWN]
    said = (
        f"The {label(ranked.score)} is {score_text(ranked.score, ranked.value)} with all columns. Without "
        f"{found[0].name} it is {_change(found[0].mean)}, the most"
        + (f"; without {found[-1].name} it is {_change(found[-1].mean)}, the least." if len(found) > 1 else ".")
    )

    def draw(ax: Any) -> None:
        places = range(len(most))[::-1]
        ax.barh(places, [one.mean for one in most], xerr=[one.spread for one in most], color=SERIES, ecolor=INK)
        ax.set_yticks(places, [short(one.name) for one in most])
        ax.set_xlabel(verb)
        ax.grid(axis="y", visible=False)

    rows = [(one.name, figure(one.mean), figure(one.spread)) for one in found]
    left = len(subject.inputs) - len(found)
    return joined(
        [
            note(
                f"The values of one column are shuffled among the rows, {REPEATS} times, in "
                f"{of_all(ranked.rows, len(judged.rows.X), judged.name)}: {verb}. Columns that say the same share what "
                "they bring, so each of them may seem to bring little."
                + (f" {counted(left, 'more column')} were not tried." if left else "")
            ),
            picture("importance", "What each column brings", said, draw, (4.3, 1.1 + 0.22 * len(most))),
            element(
                "details",
                element("summary", "The numbers"),
                table("What each column brings", ("column", "mean", "standard deviation"), rows, (1, 2)),
            ),
        ]
    )


def _change(drop: float) -> str:
    """Return how a score changes that falls by so much: a negative number is a rise."""
    return f"better by {figure(-drop)}" if drop < 0 else f"worse by {figure(drop)}"


def main_score(target: Target) -> str:
    """Return the score by which columns are judged."""
    return "r2" if target.task == "regression" else "balanced_accuracy"


def label(name: str) -> str:
    """Return a score's name in words."""
    return {"r2": "R²", "f1_macro": "F1"}.get(name, name.replace("_", " "))
