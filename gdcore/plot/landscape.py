"""The loss around a network's parameters, along one direction or over two.

Design
------
- A random direction is scaled unit by unit: its part for a unit's weights gets their norm, and so does that for the
  bias, separately. Otherwise a network of large weights would look flat, and the same function with a factor shifted
  from one relu layer to the next would look sharp; scaling weight and bias together would not prevent this.
- A given direction is not rescaled: one step along `other.params - model.params` ends at the other model.
- A path is shown best in the plane of its own two principal directions from the model; random ones are nearly
  orthogonal to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..base import checks
from ..base.calls import explains_calls
from ..base.optional import axes_or_new, legend_below
from ..losses import Loss
from ..minimize.result import MinimizeResult, Trace
from ..objective.build import wide_objective
from ..objective.objective import Objective
from . import checks as plot_checks
from .path import ParamsTrace, places_of
from .surface import draw_contours, draw_path, over_grid, window_around

if TYPE_CHECKING:
    from ..losses import CustomLoss
    from ..models.sequential import Sequential

Vector = NDArray[np.float64]

WINDOW = (-1.0, 1.0)
RANDOM = "random direction (scaled per unit)"


@explains_calls
def loss_slice(
    model: Sequential,
    X: ArrayLike,
    y: ArrayLike,
    loss: str | Loss | CustomLoss,
    ax: Any = None,
    *,
    direction: ArrayLike | None = None,
    window: tuple[float, float] = WINDOW,
    resolution: int = 101,
    sample_weight: ArrayLike | None = None,
    l1: float = 0.0,
    l2: float = 0.0,
    seed: int = 0,
) -> Any:
    """Draw the loss along a line through a model's parameters.

    Parameters
    ----------
    model : Sequential
        It is not changed.
    X, y, loss, sample_weight, l1, l2
        As in `Sequential.loss`.
    ax : matplotlib Axes, optional
        By default those of a new figure.
    direction : array_like, shape (n_params,), optional
        What one step adds to the parameters; it is not rescaled. By default a random direction in which the weights of
        each unit, and its bias, have the same norm as in the model.
    window : (low, high), default (-1, 1)
        First and last step; the model is at 0.
    resolution : int, default 101
        Points on the line.
    seed : int, default 0
        Seed of the random direction.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError, ValueError
        For invalid arguments, such as a direction of zeros.

    References
    ----------
    Li, H., Xu, Z., Taylor, G., Studer, C. and Goldstein, T. (2018). Visualizing the loss landscape of neural nets.
    NeurIPS.

    Examples
    --------
    >>> import gdcore as gd
    >>> ax = gd.plot.loss_slice(gd.LinearModel(1, seed=0), [[1.0], [2.0]], [1.0, 2.0], "mse", direction=[1.0, 0.0])
    >>> ax.get_ylabel()
    'mean_squared_error'
    """
    objective = wide_objective(model, X, y, loss, sample_weight, l1, l2)
    given = None if direction is None else np.asarray(direction)[None]
    [along] = _directions(objective, given, 1, seed)
    resolution = checks.integer("resolution", resolution, 2)
    grid = over_grid(lambda t: objective.value(objective.x + t * along), plot_checks.window((window,), 1), resolution)
    ax = axes_or_new(ax)
    ax.plot(*grid.axes, grid.values, "-", color="black")
    ax.plot([0], [objective.value()], "*", color="black", markersize=12, label="the model")
    ax.set(xlabel=RANDOM if given is None else "steps along the direction", ylabel=_loss_name(objective))
    legend_below(ax)
    return ax


@explains_calls
def loss_plane(
    model: Sequential,
    X: ArrayLike,
    y: ArrayLike,
    loss: str | Loss | CustomLoss,
    ax: Any = None,
    *,
    directions: ArrayLike | None = None,
    path: MinimizeResult | Trace | ParamsTrace | ArrayLike | None = None,
    window: Iterable[tuple[float, float]] | None = None,
    resolution: int = 51,
    levels: int = 12,
    sample_weight: ArrayLike | None = None,
    l1: float = 0.0,
    l2: float = 0.0,
    seed: int = 0,
) -> Any:
    """Draw contours of the loss over a plane through a model's parameters, and a path projected onto it.

    Parameters
    ----------
    model : Sequential
        It is not changed.
    X, y, loss, sample_weight, l1, l2
        As in `Sequential.loss`.
    ax : matplotlib Axes, optional
        By default those of a new figure.
    directions : array_like, shape (2, n_params), optional
        What one step along either axis adds to the parameters. By default the path's two principal directions from the
        model; without a path random ones, as in `loss_slice`.
    path : ParamsTrace or array_like, shape (k, n_params), optional
        The path of a fit.
    window : pairs (low, high), optional
        Steps along either axis; the model is at (0, 0). By default from -1 to 1, with a path around it.
    resolution : int, default 51
        Points along each axis; the number of evaluations is its square.
    levels : int, default 12
        Number of contours.
    seed : int, default 0
        Seed of the random directions.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError, ValueError
        For invalid arguments, such as parallel directions.

    References
    ----------
    Li, H., Xu, Z., Taylor, G., Studer, C. and Goldstein, T. (2018). Visualizing the loss landscape of neural nets.
    NeurIPS.

    Examples
    --------
    >>> import gdcore as gd
    >>> ax = gd.plot.loss_plane(gd.LinearModel(2, seed=0), [[1.0, 2.0]], [1.0], "mse", resolution=9)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('random direction (scaled per unit)', 'second random direction')
    """
    objective = wide_objective(model, X, y, loss, sample_weight, l1, l2)
    resolution, levels = checks.integer("resolution", resolution, 2), checks.integer("levels", levels, 2)
    moves = None if path is None else _moves(objective, path)
    labels = ["steps along direction 0", "steps along direction 1"]
    if directions is None and moves is not None:
        directions, shares = _principal(moves)
        labels = [f"principal direction {i} of the path ({share:.0%})" for i, share in enumerate(shares)]
    elif directions is None:
        labels = [RANDOM, "second random direction"]
    plane = _directions(objective, directions, 2, seed)
    if moves is None:
        box = plot_checks.window((WINDOW, WINDOW) if window is None else window, 2)
    else:
        moves = moves @ np.linalg.pinv(plane)
        box = window_around(np.vstack([moves, np.zeros(2)]), window)
    grid = over_grid(lambda steps: objective.value(objective.x + steps @ plane), box, resolution)
    ax = axes_or_new(ax)
    draw_contours(ax, grid, levels, np.zeros((1, 2)) if moves is None else moves, _loss_name(objective))
    if moves is not None:
        draw_path(ax, *moves.T)
    ax.plot([0], [0], "o", color="black", markerfacecolor="none", markersize=14, label="the model")
    ax.set(xlabel=labels[0], ylabel=labels[1])
    legend_below(ax)
    return ax


def _directions(objective: Objective, given: ArrayLike | None, n: int, seed: int) -> Vector:
    """Return the given directions, or random ones: shape (n, n_params)."""
    seed = checks.integer("seed", seed, 0)
    if given is not None:
        return plot_checks.directions(given, n, len(objective.x))
    rng = np.random.default_rng(seed)
    drawn = rng.normal(size=(n, len(objective.x)))
    for direction in drawn:
        parts = zip(objective.stack.parameters(direction), objective.stack.parameters(), strict=True)
        for (_, step), (_, there) in parts:
            step *= _unit_norms(there) / _unit_norms(step)
    return plot_checks.directions(drawn, n, len(objective.x))


def _moves(objective: Objective, path: MinimizeResult | Trace | ParamsTrace | ArrayLike) -> Vector:
    """Return a path's points minus the model's parameters, shape (k, n_params)."""
    places = places_of(path)
    flat = places.reshape(len(places), -1)
    plot_checks.path_of_model(flat.shape[1], len(objective.x))
    return np.asarray(flat - objective.x)


def _unit_norms(part: Vector) -> Vector:
    """Return the norm of each unit's weights in a layer's (in_features, out_features), or of its bias in
    (out_features,).
    """
    norms: Vector = np.linalg.norm(np.atleast_2d(part), axis=0)
    return norms


def _principal(moves: Vector) -> tuple[Vector, list[float]]:
    """Return the two principal directions of points (k, n_params) around 0, and their shares of the squares."""
    _, sizes, directions = np.linalg.svd(np.vstack([moves, np.zeros((2, moves.shape[1]))]), full_matrices=False)
    signs = np.where(directions[:2] @ moves[0] < 0, -1.0, 1.0)
    return signs[:, None] * directions[:2], list(sizes[:2] ** 2 / max(float(sizes @ sizes), np.finfo(float).tiny))


def _loss_name(objective: Objective) -> str:
    return objective.loss.name if isinstance(objective.loss, Loss) else "loss"
