"""`sweep`: a grid of hyper-parameters, each point with several seeds."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from itertools import product
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..base.calls import explains_calls
from ..base.defaults import DEFAULTS
from ..base.optional import axes_or_new, data_frame
from ..data.class_weight import ClassWeight
from ..layers.stack import Model
from ..losses import CustomLoss, Loss
from ..metrics import Metrics
from ..optimizers import Optimizer, get_optimizer
from ..training.stopping.base import StopSpec
from . import checks as many_checks
from .errors import SweepBorderWarning
from .fit_many import fit_many
from .many import Many

WIDE = 10
"""A picture has a logarithmic scale of greys if the highest mean exceeds the lowest by more than this factor."""
OWN = ("batch_size", "l1", "l2", "dropout", "clip_norm", "clip_value")
"""Axes that are arguments of `fit_many`; the others are fields of the optimizer."""


@final
@dataclass(frozen=True, eq=False, repr=False)
class Sweep:
    """What `gdcore.sweep` returns: the models, point by point, and what their values say.

    Attributes
    ----------
    many : Many
        Models of the first point with each seed, of the second, and so on.
    grid : dict of str to tuple
        The axes.
    by : str
        The column that is compared, such as "val_loss".
    mean, std : ndarray
        Mean and standard deviation over the seeds at each point, with an axis for each of the grid's; NaN where all
        models have diverged. Diverged models do not count.
    diverged : ndarray of int
        Number of models that diverged at each point.
    best : dict
        The point of the best mean.

    Examples
    --------
    >>> import numpy as np, gdcore as gd
    >>> X = np.linspace(-1, 1, 32)[:, None]
    >>> axes = {"learning_rate": [0.001, 0.5, 0.999], "l2": [0.0, 0.1]}
    >>> found = gd.sweep(gd.LinearModel(1), X, 2 * X + 1, "mse", grid=axes, seeds=2, optimizer="sgd", epochs=10)
    >>> found.best, list(found.table())
    ({'learning_rate': 0.5, 'l2': 0.0}, ['learning_rate', 'l2', 'mean', 'std', 'diverged'])
    """

    many: Many
    grid: dict[str, tuple[Any, ...]]
    by: str
    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    diverged: NDArray[np.int64]
    best: dict[str, Any]

    def table(self) -> dict[str, NDArray[Any]]:
        """Return a row per point as columns: the axes, "mean" and "std" over the seeds, and "diverged"."""
        points = list(product(*self.grid.values()))
        axes = {name: np.array([point[i] for point in points]) for i, name in enumerate(self.grid)}
        return {**axes, "mean": self.mean.ravel(), "std": self.std.ravel(), "diverged": self.diverged.ravel()}

    def to_frame(self) -> Any:
        """Return `table` as a pandas DataFrame.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        return data_frame(self.table(), "to_frame")

    @explains_calls
    def plot(self, ax: Any = None) -> Any:
        """Draw the means: of one axis as a line with the spread over the seeds, of two as a picture.

        Of more axes, the others are at the best point.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            By default those of a new figure.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        ax = axes_or_new(ax)
        names = list(self.grid)
        at = tuple(slice(None) if i < 2 else self.grid[name].index(self.best[name]) for i, name in enumerate(names))
        mean, std = self.mean[at], self.std[at]
        rest = ", ".join(f"{name}={self.best[name]!r}" for name in names[2:])
        ax.set(title=f"{self.by}, mean over seeds" + (f"; {rest}" if rest else ""))
        if len(names) == 1:
            places = np.arange(len(mean))
            ax.errorbar(places, mean, std, color="black", marker="o", capsize=3)
            ax.set(xlabel=names[0], ylabel=self.by, xticks=places)
            ax.set_xticklabels([f"{value}" for value in self.grid[names[0]]])
            return ax
        wide = bool(np.nanmin(mean) > 0 and np.nanmax(mean) > WIDE * np.nanmin(mean))
        image = ax.imshow(
            mean, cmap="Greys", aspect="auto", origin="lower", norm="log" if wide else "linear", alpha=0.7
        )
        ax.figure.colorbar(image, ax=ax)
        for (row, column), value in np.ndenumerate(mean):
            ax.annotate(f"{value:.3g}", (column, row), (0, -14), textcoords="offset points", ha="center")
        ax.set(ylabel=names[0], xlabel=names[1], yticks=range(mean.shape[0]), xticks=range(mean.shape[1]))
        ax.set_yticklabels([f"{value}" for value in self.grid[names[0]]])
        ax.set_xticklabels([f"{value}" for value in self.grid[names[1]]])
        place = [self.grid[name].index(self.best[name]) for name in names[:2]]
        ax.plot(place[1], place[0], "*", color="black", markersize=12)
        return ax

    def __repr__(self) -> str:
        best = ", ".join(f"{name}={value!r}" for name, value in self.best.items())
        value = float(self.mean[tuple(self.grid[name].index(value) for name, value in self.best.items())])
        return f"Sweep({self.mean.size} points, {len(self.many)} models; best {self.by}={value:.4g} at {best})"


@explains_calls
def sweep(
    net: Model,
    X: ArrayLike,
    y: ArrayLike,
    loss: str | Loss | CustomLoss | None = None,
    *,
    grid: Mapping[str, Iterable[Any]],
    seeds: int | Iterable[int] = 5,
    by: str = "auto",
    sample_weight: ArrayLike | None = None,
    class_weight: ClassWeight | None = None,
    validation_data: Any = None,
    validation_split: float | None = None,
    optimizer: str | Optimizer = DEFAULTS.optimizer,
    epochs: int | None = None,
    batch_size: int = DEFAULTS.batch_size,
    metrics: Metrics = (),
    stop: StopSpec | Iterable[StopSpec] = (),
    executor: Any = None,
    threads: int | None = None,
    progress: bool = False,
) -> Sweep:
    """Train models at each point of a grid of hyper-parameters, with several seeds, and compare the points.

    Parameters
    ----------
    net, X, y, loss, sample_weight, class_weight, validation_data, validation_split
        As in `gdcore.fit_many`. Without validation data, the losses of training are compared.
    grid : mapping of str to sequence
        Values of each axis: fields of the optimizer ("learning_rate", "momentum", "weight_decay", …), "batch_size",
        "l1", "l2", "dropout", "clip_norm" or "clip_value".
    seeds : int or sequence of int, default 5
        Number of models at each point, with the seeds 0, 1, …; or the seeds.
    by : str, default "auto"
        What is compared at the end of the fits, as in `Many.best`.
    optimizer, epochs, batch_size, metrics, stop, executor, threads, progress
        As in `gdcore.fit_many`.

    Returns
    -------
    Sweep

    Warns
    -----
    SweepBorderWarning
        If the best value of an axis is its first or last one: a better one may lie beyond.

    Examples
    --------
    >>> import numpy as np, gdcore as gd
    >>> X = np.linspace(-1, 1, 32)[:, None]
    >>> rates = {"learning_rate": [0.001, 0.5, 0.999]}
    >>> found = gd.sweep(gd.LinearModel(1), X, 2 * X + 1, "mse", grid=rates, seeds=3, optimizer="sgd", epochs=10)
    >>> found.best, found.mean.shape
    ({'learning_rate': 0.5}, (3,))
    """
    rule = get_optimizer(optimizer)
    known = (*(entry.name for entry in fields(rule)), *OWN)
    axes = many_checks.axes_of_grid(grid, known)
    own = list(range(many_checks.some_seeds(seeds))) if isinstance(seeds, int) else many_checks.seeds_once(seeds)
    points = [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]
    of_rule = [name for name in axes if name not in OWN]
    per_model = [point for point in points for _ in own]
    optimizers = [replace(rule, **{name: point[name] for name in of_rule}) for point in points]

    def each(name: str, otherwise: Any) -> Any:
        return [point[name] for point in per_model] if name in axes else otherwise

    many = fit_many(
        net,
        X,
        y,
        loss,
        seeds=own * len(points),
        sample_weight=sample_weight,
        class_weight=class_weight,
        validation_data=validation_data,
        validation_split=validation_split,
        optimizer=[each for each in optimizers for _ in own],
        epochs=epochs,
        batch_size=each("batch_size", batch_size),
        l1=each("l1", 0.0),
        l2=each("l2", 0.0),
        dropout=each("dropout", None),
        clip_norm=each("clip_norm", None),
        clip_value=each("clip_value", None),
        metrics=metrics,
        stop=stop,
        executor=executor,
        threads=threads,
        progress=progress,
    )
    return _compared(many, axes, by, len(own))


def _compared(many: Many, axes: dict[str, tuple[Any, ...]], by: str, n_seeds: int) -> Sweep:
    """Return the sweep of trained models, and warn of a best value at a border."""
    sizes = tuple(map(len, axes.values()))
    greater = many_checks.greater_is_better(by)
    values = np.where(many.diverged, np.nan, many.values(by)).reshape(-1, n_seeds)
    there = np.isfinite(values).sum(axis=1)
    safe = np.where(np.isfinite(values), values, 0.0)
    mean = np.where(there > 0, safe.sum(axis=1) / np.maximum(there, 1), np.nan)
    squares = np.where(np.isfinite(values), (values - mean[:, None]) ** 2, 0.0).sum(axis=1)
    std = np.where(there > 1, np.sqrt(squares / np.maximum(there - 1, 1)), np.where(there > 0, 0.0, np.nan))
    if not there.any():
        raise ValueError("all models of the sweep have diverged: take smaller rates")
    place = np.unravel_index(int(np.nanargmax(mean) if greater else np.nanargmin(mean)), sizes)
    best = {name: values[i] for (name, values), i in zip(axes.items(), place, strict=True)}
    at_border = [name for (name, values), i in zip(axes.items(), place, strict=True) if i in (0, len(values) - 1)]
    at_border = [name for name in at_border if len(axes[name]) > 1 and not many_checks.cannot_go_on(name, best[name])]
    if at_border:
        told = " and ".join(f"{name}={best[name]!r}" for name in at_border)
        warnings.warn(
            f"the best point lies at the border of the grid, {told}: add values beyond",
            SweepBorderWarning,
            stacklevel=4,
        )
    diverged = many.diverged.reshape(-1, n_seeds).sum(axis=1)
    name = ("val_loss" if "val_loss" in many.columns else "loss") if by == "auto" else by
    shaped = mean.reshape(sizes), std.reshape(sizes), diverged.reshape(sizes)
    return Sweep(many, axes, name, *shaped, best)
