"""Curves of a history, and gradients layer by layer."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ..base import checks
from ..base.calls import explains_calls
from ..base.optional import axes_or_new, legend_below, log_where_wide, whole_numbers
from ..models.sequential import Sequential
from ..training.history import History
from . import checks as plot_checks

if TYPE_CHECKING:
    from ..losses import CustomLoss, Loss

MARKERS = ("s", "^", "D", "v")
GREYS = ("0.55", "0.4", "0.7", "0.3")
"""Grey values of the metrics, used one after the other."""
MARKED = 10
"""A metric's line has at least this many markers, if there are as many epochs."""
TITLE = 50
"""A title longer than this is cut to its first clause."""
MAX_MARKED = 30
"""With at most this many epochs, each one has a marker."""


@explains_calls
def losses(history: History, ax: Any = None, *, metrics: str | Iterable[str] = ()) -> Any:
    """Draw the losses over the epochs with the best epoch marked, and metrics beside them.

    The best epoch has the lowest validation loss, or the lowest loss without validation data. The losses' axis is
    logarithmic, and says so, if the largest is more than 30 times the smallest.

    Parameters
    ----------
    history : History
    ax : matplotlib Axes, optional
        By default those of a new figure.
    metrics : str or several, default ()
        Names of recorded metrics, drawn in grey against an axis of their own on the right; "accuracy" stands for
        "val_accuracy" too.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError, ValueError
        If `history` is not a History, or does not hold these metrics.

    Examples
    --------
    >>> import gdcore as gd
    >>> history = gd.LinearModel(1).fit([[1.0], [2.0]], [1.0, 3.0], loss="mse", epochs=3, metrics="mae")
    >>> gd.plot.losses(history, metrics="mae").get_title()
    '3 epochs'
    """
    checks.instance("history", history, History, "model.fit(X, y, …)")
    shown = plot_checks.recorded(metrics, tuple(history.metrics))
    return draw_losses(history, axes_or_new(ax), shown)


def draw_losses(history: History, ax: Any, shown: Iterable[str] = (), first: int = 0) -> Any:
    """Draw the losses and these metrics into Axes, with epochs counted from `first`; return the Axes."""
    for name, values, style in (("loss", history.loss, "-"), ("val_loss", history.val_loss, "--")):
        if values:
            marker = "o" if len(values) <= MAX_MARKED else ""
            epochs = range(first, first + len(values))
            ax.plot(epochs, values, style, color="black", marker=marker, markersize=3, label=name)
    judged, values = ("val_loss", history.val_loss) if history.val_loss else ("loss", history.loss)
    if np.isfinite(values).any():
        best = int(np.argmin(np.where(np.isfinite(values), values, np.inf)))
        label = f"best {judged}, epoch {best + first}"
        ax.plot([best + first], values[best : best + 1], "*", color="black", markersize=12, label=label)
    ax.set(xlabel="epoch", ylabel="loss", title=_title(history))
    log_where_wide(ax, history.loss + history.val_loss)
    whole_numbers(ax)
    handles, labels = ax.get_legend_handles_labels()
    if shown:
        right = ax.twinx()
        for name in shown:
            i = sorted({other.removeprefix("val_") for other in shown}).index(name.removeprefix("val_"))
            style = "--" if name.startswith("val_") else "-"
            values = history.metrics[name]
            right.plot(
                range(first, first + len(values)),
                values,
                style,
                color=GREYS[i % len(GREYS)],
                marker=MARKERS[i % len(MARKERS)],
                markersize=4,
                markevery=max(1, len(values) // MARKED),
                label=name,
            )
        right.set_ylabel(", ".join(dict.fromkeys(name.removeprefix("val_") for name in shown)))
        more = right.get_legend_handles_labels()
        handles, labels = handles + more[0], labels + more[1]
    if handles:
        legend_below(ax, handles, labels)
    return ax


def _title(history: History) -> str:
    """Return how many epochs were run, or what ended them, in a few words."""
    reason = history.stop_reason
    if history.epochs and (not reason or reason.startswith(("all ", "the epoch was", "the step was"))):
        return f"{history.epochs} epoch{'s' * (history.epochs > 1)}"
    if len(reason) > TITLE:
        reason = re.split(r"[;:] ", reason)[0]
    return reason if len(reason) <= TITLE else f"{reason[: TITLE - 1]}…"


@explains_calls
def gradient_flow(model: Sequential, X: ArrayLike, y: ArrayLike, loss: str | Loss | CustomLoss, ax: Any = None) -> Any:
    """Draw the root mean square of each layer's weight gradient, from the input to the output.

    A straight fall towards the input on this logarithmic axis is a vanishing gradient; a rise, an exploding one.

    Parameters
    ----------
    model : Sequential
    X, y, loss
        As in `Sequential.loss`.
    ax : matplotlib Axes, optional
        By default those of a new figure.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError, ValueError
        For invalid arguments.

    References
    ----------
    Glorot, X. and Bengio, Y. (2010). Understanding the difficulty of training deep feedforward neural networks.
    AISTATS.

    Examples
    --------
    >>> import gdcore as gd
    >>> ax = gd.plot.gradient_flow(gd.MLP([1, 4, 1], seed=0), [[1.0], [2.0]], [1.0, 4.0], "mse")
    >>> ax.get_xlabel(), ax.get_yscale()
    ('layer', 'log')
    """
    checks.instance("model", model, Sequential, "gdcore.MLP([2, 8, 1])")
    _, grad = model.loss_and_grad(X, y, loss)
    shown = [
        (block.layer, float(np.sqrt(np.mean(np.square(view, dtype=np.float64)))))
        for block, view in model.stack.views(grad)
        if block.is_weight
    ]
    ax = axes_or_new(ax)
    ax.plot([name for name, _ in shown], [size for _, size in shown], "o-", color="black")
    if all(size > 0 for _, size in shown):
        ax.set_yscale("log")
    ax.set(xlabel="layer", ylabel="root mean square of the weight's gradient")
    return ax
