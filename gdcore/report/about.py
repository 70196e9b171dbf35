"""Sections on what there was before the answers: the data, the model, the training."""

from __future__ import annotations

import math
import re
from functools import partial
from typing import Any

import numpy as np

from ..layers.layer import Trained, first_width, width_behind
from ..plot.curves import draw_losses
from ..tables.numbers import epochs_from_1, figure, ordinal
from ..training import History
from .html import Child, Html, element, facts, joined, note, table
from .picture import INK, LINE, SERIES, bars, picture
from .subject import Subject

LONG = re.compile(r"-?\d+\.\d{5,}(e[-+]\d+)?")
"""Numbers with more digits than a table of layers needs."""
MOST_COLUMNS, MOST_EPOCHS, MOST_CLASSES = 200, 40, 30


def data_section(subject: Subject) -> Html | None:
    """Return what the data are."""
    if not subject.data:
        return None
    parts: list[Child] = [facts(subject.data)]
    if subject.columns:
        shown = subject.columns[:MOST_COLUMNS]
        rows = [(one.name, one.kind, f"{one.missing:,}", one.values) for one in shown]
        parts.append(table("Columns", ("column", "type", "missing", "values"), rows, (2,)))
        if len(subject.columns) > len(shown):
            parts.append(note(f"{len(subject.columns) - len(shown):,} more columns are not listed."))
    if subject.notes:
        parts += [element("h3", "Notes"), element("ul", *(element("li", one) for one in subject.notes))]
    parts.append(_target(subject))
    return joined(parts)


def _target(subject: Subject) -> Html | None:
    """Return how the targets are spread."""
    target, judged = subject.target, subject.judged
    if target is None or judged is None:
        return None
    y = np.asarray(judged.answers)
    if target.task == "classification":
        counts = np.bincount(y, minlength=len(target.classes))
        order = np.argsort(-counts, kind="stable")[:MOST_CLASSES]
        rows = [(target.classes[i], f"{counts[i]:,}", f"{counts[i] / len(y):.1%}") for i in order]
        rest = len(counts) - len(order)
        made = table(f"Classes of {target.name}, {judged.name}", ("class", "rows", "share"), rows, (1, 2))
        return joined([made, note(f"{rest:,} rarer classes are not listed.") if rest else None])
    if y.ndim > 1:
        return None
    said = (
        f"{len(y):,} {judged.name} from {figure(y.min())} to {figure(y.max())}, mean {figure(y.mean())}, standard "
        f"deviation {figure(y.std())}."
    )

    def draw(ax: Any) -> None:
        ax.hist(y, bins=bars(y, 30), color=SERIES, edgecolor=LINE, linewidth=0.5)
        ax.set(xlabel=target.name, ylabel="rows")
        ax.yaxis.get_major_locator().set_params(integer=True)

    return picture("target", f"The target {target.name}", said, draw)


def model_section(subject: Subject) -> Html | None:
    """Return the layers of the network."""
    net = subject.net
    if net is None:
        return None
    rows: list[tuple[str, str, str]] = []
    width = first_width(net.layers)
    for layer in net.layers:
        width = width_behind(layer, width)
        rows.append(
            (
                LONG.sub(lambda found: f"{float(found[0]):.6g}", repr(layer)),
                f"{width:,}",
                f"{layer.n_params if isinstance(layer, Trained) else 0:,}",
            )
        )
    loss = getattr(subject.loss, "name", None) or getattr(subject.loss, "__name__", "")
    said = [("parameters", f"{net.n_params:,}"), ("precision", net.dtype), ("inputs", f"{net.in_features:,}")]
    said += [("loss", str(loss))] if loss else []
    return joined([facts(said), table("Layers", ("layer", "outputs", "parameters"), rows, (1, 2))])


def training_section(subject: Subject) -> Html | None:
    """Return the curves of the training and why it stopped."""
    history = subject.history
    if not history.epochs:
        return None
    best = best_epoch(history)
    judged = history.val_loss or history.loss
    said = [("stopped", epochs_from_1(history.stop_reason) or "unknown"), ("epochs", f"{history.epochs:,}")]
    said += [("time", f"{sum(history.seconds):.3g} s")] if history.seconds else []
    said += [("loss", history.loss_name)] if history.loss_name else []
    said.append(("best epoch", f"the {ordinal(best + 1)}, with a loss of {figure(judged[best])}"))
    said.append(
        ("counting", "epochs are counted from 1 on this page, as in the terminal; History in Python counts from 0")
    )
    said += [("advice", epochs_from_1(history.hint))] if history.hint else []
    return joined(
        [facts(said), element("div", *_curves(history), class_="pictures"), element("details", *_numbers(history))]
    )


def best_epoch(history: History) -> int:
    """Return the epoch of the lowest validation loss, or of the lowest loss without one."""
    values = np.array(history.val_loss or history.loss)
    return int(np.argmin(np.where(np.isfinite(values), values, np.inf)))


def _curves(history: History) -> list[Html]:
    first, last = history.loss[0], history.loss[-1]
    said = f"The training loss went from {figure(first)} to {figure(last)} in {history.epochs:,} epochs"
    if history.val_loss:
        best = best_epoch(history)
        said += (
            f"; the validation loss was lowest in the {ordinal(best + 1)} epoch, with {figure(history.val_loss[best])}"
        )

    def draw(ax: Any) -> None:
        draw_losses(history, ax, first=1)
        ax.set_title("")

    found = [picture("curves", "Loss over the epochs", said + ".", draw)]
    rates = [rate for rate in history.learning_rate if math.isfinite(rate)]
    if len(set(rates)) > 1:
        said = f"The learning rate went from {figure(rates[0])} to {figure(rates[-1])}."
        found.append(picture("rate", "Learning rate over the epochs", said, partial(_line, rates, "learning rate")))
    for i, (name, values) in enumerate(history.metrics.items()):
        if name.startswith("val_") or f"val_{name}" not in history.metrics:
            said = f"{name} went from {figure(values[0])} to {figure(values[-1])}."
            found.append(picture(f"metric{i}", f"{name} over the epochs", said, partial(_line, values, name)))
    return found


def _line(values: list[float], name: str, ax: Any) -> None:
    ax.plot(range(1, len(values) + 1), values, color=INK)
    ax.set(xlabel="epoch", ylabel=name)


def _numbers(history: History) -> list[Child]:
    columns = history.columns()
    n = history.epochs
    which = sorted({*np.linspace(0, n - 1, min(n, MOST_EPOCHS)).astype(int).tolist(), best_epoch(history)})
    names = [name for name, values in columns.items() if len(values) == n]
    rows = [(str(i + 1), *(figure(columns[name][i]) for name in names)) for i in which]
    head = ("epoch", *(name.replace("_", " ") for name in names))
    said = "The numbers, epoch by epoch" if len(which) == n else f"The numbers of {len(which)} of {n:,} epochs"
    return [element("summary", said), table(said, head, rows, range(1, len(head)))]
