"""Pictures of what a model does: its decisions over two features, and its layers' outputs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..base import checks
from ..base.calls import explains_calls
from ..base.optional import axes_or_new, legend_below, optional
from ..data import checks as data_checks
from ..data.samples import inputs_of
from ..data.sparse_checks import dense_only
from ..layers.dense import Dense
from ..layers.layer import acting
from ..layers.stack import stack_of
from ..models.sequential import Sequential
from . import checks as plot_checks

MAX_GREYS = 3
"""With at most this many classes, areas differ by their grey alone; with more they are hatched too."""
HATCHES = ("", "///", "...", "\\\\\\", "xxx", "---", "ooo", "|||")
FILLS = ("black", "white", "0.6")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")


@explains_calls
def decision_boundary(model: Sequential, X: ArrayLike, y: ArrayLike, ax: Any = None, *, resolution: int = 200) -> Any:
    """Draw the classes that a classifier of two features predicts, and the samples over them.

    Parameters
    ----------
    model : Sequential
        A model of two inputs. One output decides by its sign, several by the largest.
    X : array_like, shape (n, 2)
    y : array_like, shape (n,)
        Class labels, integers.
    ax : matplotlib Axes, optional
        By default those of a new figure.
    resolution : int, default 200
        Points along either axis at which the model is evaluated.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError, ValueError
        If the model does not have two inputs, or the labels are not its classes.

    Examples
    --------
    >>> import gdcore as gd
    >>> X, y = [[0.0, 0.0], [1.0, 1.0], [0.0, 1.0]], [0, 1, 1]
    >>> ax = gd.plot.decision_boundary(gd.LinearModel(2, seed=0), X, y, resolution=20)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('feature 0', 'feature 1')
    """
    stack = stack_of(model)
    plot_checks.two_features(stack.in_features)
    resolution = checks.integer("resolution", resolution, 2)
    data = data_checks.inputs(X, 2, stack.dtype, stack.lowest)
    labels = data_checks.labels(y, len(data), max(2, stack.out_features))
    low, high = data.min(axis=0), data.max(axis=0)
    margin = np.where(high > low, (high - low) / 20, 1.0)
    first = low - margin
    if stack.lowest is not None:  # a logarithm's: go as low as the data
        first = np.where(first > stack.lowest, first, low)
    across, up = (np.linspace(first[i], high[i] + margin[i], resolution) for i in (0, 1))
    grid = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)
    outputs = model.predict(grid)
    decided = outputs.argmax(axis=1) if model.out_features > 1 else (outputs[:, 0] > 0).astype(np.int64)
    decided = decided.reshape(resolution, resolution)
    ax = axes_or_new(ax)
    n_classes = max(2, stack.out_features)
    edges = np.arange(n_classes + 1) - 0.5
    greys = [str(grey) for grey in np.linspace(0.97, 0.75 if n_classes <= MAX_GREYS else 0.55, n_classes)]
    hatches = [HATCHES[c % len(HATCHES)] if n_classes > MAX_GREYS else "" for c in range(n_classes)]
    areas = ax.contourf(across, up, decided, levels=edges, colors=greys, hatches=hatches)
    areas.set(edgecolor="0.45", linewidth=0)  # colour of the hatches
    ax.contour(across, up, decided, levels=edges[1:-1], colors="black", linewidths=0.8)
    patch = optional("matplotlib.patches", "plot", "gdcore[plot]").Patch
    handles = []
    for c in np.unique(labels):
        chosen = data[labels == c]
        points = ax.scatter(
            chosen[:, 0],
            chosen[:, 1],
            marker=MARKERS[c % len(MARKERS)],
            s=24,
            label=f"class {c}",
            facecolor=FILLS[c % len(FILLS)],
            edgecolor="black",
            linewidth=0.8,
        )
        handles.append((patch(facecolor=greys[c], edgecolor="0.45", hatch=hatches[c], linewidth=0), points))
    legend_below(ax, handles, [f"class {c}" for c in np.unique(labels)])
    ax.set(xlabel="feature 0", ylabel="feature 1")
    return ax


@explains_calls
def activations(model: Sequential, X: ArrayLike, ax: Any = None, *, bins: int = 40) -> Any:
    """Draw the distribution of each dense layer's outputs, without dropout, one outline per layer.

    Many outputs at the ends of tanh or sigmoid indicate saturated units; many zeros of relu, dead ones.

    Parameters
    ----------
    model : Sequential
    X : array_like, shape (n, in_features)
    ax : matplotlib Axes, optional
        By default those of a new figure.
    bins : int, default 40
        Bins of each outline, evenly spaced between the layer's smallest and largest output.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError, ValueError
        For invalid arguments.

    Examples
    --------
    >>> import gdcore as gd
    >>> ax = gd.plot.activations(gd.MLP([1, 4, 1], activation="tanh", seed=0), [[1.0], [2.0]], bins=5)
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['dense0, tanh', 'dense1, identity']
    """
    stack = stack_of(model)
    bins = checks.integer("bins", bins, 1)
    dense_only(X)
    data = inputs_of(stack, X)
    shown = acting(stack.plain.layers)
    outputs = stack.bind(trains=False, blocks=False).outputs(data)
    ax = axes_or_new(ax)
    dense = [(layer, out) for layer, out in zip(shown, outputs, strict=True) if isinstance(layer, Dense)]
    for i, (layer, out) in enumerate(dense):
        ax.hist(
            out.ravel(),
            bins=bins,
            histtype="step",
            density=True,
            color=str(0.5 * i / max(1, len(dense) - 1)),
            linestyle=("-", "--", ":", "-.")[i % 4],
            linewidth=1.5,
            label=f"{stack.dense_names[i]}, {layer.activation}",
        )
    legend_below(ax)
    ax.set(xlabel="output of a unit", ylabel="density")
    return ax
