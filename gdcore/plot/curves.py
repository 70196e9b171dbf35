"""Curves of what a history holds, and gradients layer by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ..base import checks
from ..base.calls import explains_calls
from ..base.optional import axes_or_new, log_where_wide, whole_numbers
from ..models.sequential import Sequential
from ..training.history import History

if TYPE_CHECKING:
    from ..losses import CustomLoss, Loss

FEW = 30
"""Epochs up to which each one has a marker."""


@explains_calls
def losses(history: History, ax: Any = None) -> Any:
    """Draw the losses over the epochs, with the reason of the stop.

    The losses' axis is logarithmic, and says so, where the largest is more than 30 times the smallest.

    Parameters
    ----------
    history : History
    ax : matplotlib Axes, optional
        By default those of a new figure.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ImportError
        Where matplotlib is not installed.
    TypeError
        For what is no history.

    Examples
    --------
    >>> import gdcore as gd
    >>> history = gd.LinearModel(1).fit([[1.0]], [1.0], loss="mse", epochs=3)
    >>> gd.plot.losses(history).get_title()
    'stopped: all 3 epochs were run'
    """
    checks.instance("history", history, History, "model.fit(X, y, …)")
    ax = axes_or_new(ax)
    for name, values, style in (("loss", history.loss, "-"), ("val_loss", history.val_loss, "--")):
        if values:
            marker = "o" if len(values) <= FEW else ""
            ax.plot(range(len(values)), values, style, color="black", marker=marker, markersize=3, label=name)
    if history.loss:
        ax.axvline(history.epochs - 1, color="gray", linestyle=":", label="stopped")
        ax.legend()
    ax.set(xlabel="epoch", ylabel="loss")
    log_where_wide(ax, history.loss + history.val_loss)
    whole_numbers(ax)
    ax.set_title(f"stopped: {history.stop_reason}", wrap=True)
    return ax


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
        Where matplotlib is not installed.
    TypeError, ValueError
        For arguments that do not fit.

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
    shown = [(name.partition(".")[0], float(np.sqrt(np.mean(np.square(view, dtype=np.float64)))))
             for name, view in model.parameters(grad) if name.endswith(".weight")]  # fmt: skip
    ax = axes_or_new(ax)
    ax.plot([name for name, _ in shown], [size for _, size in shown], "o-", color="black")
    if all(size > 0 for _, size in shown):
        ax.set_yscale("log")
    ax.set(xlabel="layer", ylabel="root mean square of the weight's gradient")
    return ax
