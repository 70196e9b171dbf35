"""The path of a descent over a function of one or two numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..base import checks
from ..base.calls import explains_calls
from ..base.optional import axes_or_new, legend_below
from ..minimize import checks as minimize_checks
from ..minimize.result import MinimizeResult, Trace
from ..models.sequential import Sequential
from ..objective.build import wide_objective
from ..training.callbacks import Callback
from . import checks as plot_checks
from .surface import draw_contours, draw_path, over_grid, window_around

if TYPE_CHECKING:
    from ..losses import CustomLoss, Loss
    from ..training.epoch_end import EpochEnd

Vector = NDArray[np.float64]


@final
class ParamsTrace(Callback):
    """A callback that keeps a model's parameters as they are now and after each epoch of a fit.

    With all rows in one batch an epoch is a step.

    Parameters
    ----------
    model : Sequential

    Attributes
    ----------
    x : ndarray, shape (1 + epochs, n_params)

    Examples
    --------
    >>> import gdcore as gd
    >>> net = gd.LinearModel(1, bias=False, weight_init="zeros", dtype="float64")
    >>> trace = gd.plot.ParamsTrace(net)
    >>> history = net.fit([[1.0]], [1.0], loss="mse", optimizer=gd.SGD(0.25), epochs=3, callbacks=trace)
    >>> trace.x.ravel()
    array([0.   , 0.5  , 0.75 , 0.875])
    """

    def __init__(self, model: Sequential) -> None:
        known = checks.instance("model", model, Sequential, "gdcore.MLP([2, 8, 1])")
        self._places = [known.params.astype(np.float64)]

    @property
    def x(self) -> Vector:
        """The parameters, one row for each record."""
        return np.array(self._places)

    def on_epoch_end(self, state: EpochEnd) -> None:
        self._places.append(state.params.astype(np.float64))


@explains_calls
def loss_function(
    model: Sequential,
    X: ArrayLike,
    y: ArrayLike,
    loss: str | Loss | CustomLoss,
    *,
    sample_weight: ArrayLike | None = None,
    l1: float = 0.0,
    l2: float = 0.0,
) -> Callable[[ArrayLike], float]:
    """Return a model's loss as a function of its parameters, to pass to `descent`.

    Parameters
    ----------
    model : Sequential
        It is copied to float64.
    X, y, loss, sample_weight, l1, l2
        As in `Sequential.loss`.

    Returns
    -------
    callable
        (n_params,) -> float.

    Examples
    --------
    >>> import gdcore as gd
    >>> value = gd.plot.loss_function(gd.LinearModel(1, bias=False), [[1.0]], [3.0], "mse")
    >>> value([0.0]), value([2.0])
    (9.0, 1.0)
    """
    objective = wide_objective(model, X, y, loss, sample_weight, l1, l2)
    n = objective.stack.n_params
    return lambda x: objective.value(checks.vector("x", checks.numbers_array("x", x, "float64"), n, "float64"))


def places_of(path: MinimizeResult | Trace | ParamsTrace | ArrayLike) -> Vector:
    """Return the points of a path, shape (k, …)."""
    found = plot_checks.traced(path.trace) if isinstance(path, MinimizeResult) else path
    return plot_checks.places(found.x if isinstance(found, Trace | ParamsTrace) else found)


@explains_calls
def descent(
    fun: Callable[[Any], Any],
    path: MinimizeResult | Trace | ParamsTrace | ArrayLike,
    ax: Any = None,
    *,
    window: Iterable[tuple[float, float]] | None = None,
    resolution: int = 101,
    levels: int = 12,
) -> Any:
    """Draw the steps of a descent on the function: on a curve if there is one variable, on contours if there are two.

    Parameters
    ----------
    fun : callable
        x -> value, or x -> (value, gradient), as for `minimize`; x has the shape of one point. For a model pass the
        result of `loss_function`.
    path : MinimizeResult, Trace, ParamsTrace or array_like
        The result of `minimize(…, trace=True)`, what a fit recorded, or points of shape (k,), (k, 1) or (k, 2).
    ax : matplotlib Axes, optional
        By default those of a new figure.
    window : pairs (low, high), optional
        One for each number; by default around the whole path.
    resolution : int, default 101
        Points along each axis at which the function is evaluated.
    levels : int, default 12
        Number of contours.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError, ValueError
        For a path in more than two variables, and for other invalid arguments.

    Examples
    --------
    >>> import gdcore as gd
    >>> def fun(a):
    ...     return (3 + 3 * a) ** 2, 18 * (a + 1)
    >>> ax = gd.plot.descent(fun, gd.minimize(fun, 2.0, optimizer=gd.SGD(0.02), trace=True))
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('x', 'fun(x)')
    """
    checks.function("fun", fun)
    places = places_of(path)
    shape, flat = places.shape[1:], places.reshape(len(places), -1)
    plot_checks.drawable(flat.shape[1])
    resolution, levels = checks.integer("resolution", resolution, 2), checks.integer("levels", levels, 2)

    def value(point: Vector) -> float:
        found = fun(point.reshape(shape).copy())
        return minimize_checks.objective_value(found[0] if isinstance(found, tuple) else found, "fun")

    grid = over_grid(value, window_around(flat, window), resolution)
    if flat.shape[1] == 1:
        heights = np.array([value(place) for place in flat])
        ax = axes_or_new(ax)
        ax.plot(*grid.axes, grid.values, "-", color="gray")
        draw_path(ax, flat[:, 0], heights)
        ax.set(xlabel="x", ylabel="fun(x)", xlim=grid.axes[0][[0, -1]])
    else:
        ax = axes_or_new(ax)
        draw_contours(ax, grid, levels, flat, "fun(x)")
        draw_path(ax, *flat.T)
        ax.set(xlabel="x[0]", ylabel="x[1]")
    legend_below(ax)
    return ax
