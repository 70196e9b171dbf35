"""Several runs side by side: which is better, from when on, and by how much against the noise between seeds.

Design
------
- Runs of one name are the same settings with other seeds. They tell the noise in which a difference between names is
  measured: Welch's t, which needs no equal variances. With one run each the noise is unknown, and so is the verdict.
- A run counts by its best value, as a fit with `EarlyStopping` leaves it, and by when it got there. Of a metric that is
  better if it is greater that is the highest value.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from ..base.calls import explains_calls
from ..base.optional import axes_or_new, legend_below, log_where_wide, whole_numbers
from ..base.text_table import ruled
from ..training import History
from . import checks as diagnosis_checks

CLEAR = 3.0
"""A difference of the means counts as real from so many of its standard errors on."""
STYLES = ("-", "--", ":", "-.")


class Side(NamedTuple):
    """One name's runs."""

    name: str
    histories: tuple[History, ...]
    best: NDArray[np.float64]
    """Each run's best value, shape (n_runs,)."""
    epochs: NDArray[np.int64]
    """The epoch of each run's best value, shape (n_runs,)."""
    seconds: NDArray[np.float64]
    """Time of each run up to the end of that epoch, shape (n_runs,)."""

    @property
    def mean(self) -> float:
        """Mean of the runs' best values."""
        return float(self.best.mean())

    @property
    def deviation(self) -> float:
        """Standard deviation of these over the seeds; NaN for one run."""
        return float(self.best.std(ddof=1)) if len(self.best) > 1 else math.nan


@final
@dataclass(frozen=True, repr=False)
class Comparison:
    """What `compare` found: `print` shows a table and a verdict, `plot` the curves.

    Attributes
    ----------
    sides : tuple of Side
        The best first.
    monitor : str
        What was compared.
    noise : float
        Difference of the first two sides' means, in its standard errors; NaN if one of them has a single run.
    ahead_from : int or None
        The epoch from which on the first side's mean curve stays better than the second's; None if it does not.
    note : str
        What the histories do not have in common, as a sentence that `print` shows first; "" for nothing.

    Examples
    --------
    >>> import gdcore as gd
    >>> X, y = gd.datasets.friedman(200)
    >>> slow = gd.MLP([10, 8, 1], seed=0).fit(X, y, "mse", optimizer=gd.Adam(1e-4), epochs=3)
    >>> fast = gd.MLP([10, 8, 1], seed=0).fit(X, y, "mse", optimizer=gd.Adam(1e-2), epochs=3)
    >>> found = gd.compare({"slow": slow, "fast": fast})
    >>> len(found.sides), found.monitor
    (2, 'loss')
    """

    sides: tuple[Side, ...]
    monitor: str
    noise: float
    ahead_from: int | None
    note: str = ""

    @property
    def clear(self) -> bool:
        """Whether the first side is better by more than the noise between seeds."""
        return self.noise >= CLEAR

    @property
    def verdict(self) -> str:
        """The outcome, as a sentence."""
        first, second = self.sides[:2]
        if first.mean == second.mean:
            return f"no difference: {first.name} and {second.name} have the same best {self.monitor}, {first.mean:.4g}"
        gap = abs(second.mean - first.mean)
        when = "" if self.ahead_from is None else f", ahead from epoch {self.ahead_from} on"
        than = "higher" if first.mean > second.mean else "lower"
        said = f"{first.name} is {than} than {second.name} by {gap:.4g}{when}"
        if math.isnan(self.noise):
            return f"{said}; one run each tells no noise: fit each with several seeds"
        if self.clear:
            return f"{said}: {self.noise:.1f} standard errors, more than the noise between seeds"
        return f"{said}: {self.noise:.1f} standard errors, which the noise between seeds explains; fit more seeds"

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers by name, ready for JSON."""
        rows = {
            one.name: {"best": one.best.tolist(), "epoch": one.epochs.tolist(), "seconds": one.seconds.tolist()}
            for one in self.sides
        }
        found = {"noise": self.noise, "ahead_from": self.ahead_from, "clear": self.clear, "verdict": self.verdict}
        return {"monitor": self.monitor, "note": self.note, "runs": rows, **found}

    @explains_calls
    def plot(self, ax: Any = None) -> Any:
        """Draw the mean curve of each name, with the range over its seeds in grey.

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
        greater = diagnosis_checks.greater_is_better(self.monitor) is True
        drawn = [_curves(one, self.monitor, greater) for one in self.sides]
        for i, (one, curves) in enumerate(zip(self.sides, drawn, strict=True)):
            epochs = np.arange(curves.shape[1])
            ax.plot(epochs, curves.mean(axis=0), STYLES[i % len(STYLES)], color="black", label=one.name)
            if len(curves) > 1:
                ax.fill_between(epochs, curves.min(axis=0), curves.max(axis=0), color="0.5", alpha=0.3, linewidth=0)
        ax.set(xlabel="epoch", ylabel=self.monitor)
        log_where_wide(ax, np.concatenate([curves.ravel() for curves in drawn]))
        whole_numbers(ax)
        legend_below(ax)
        return ax

    def __repr__(self) -> str:
        rows = [
            (
                one.name,
                str(len(one.histories)),
                f"{one.mean:.4g}",
                "-" if math.isnan(one.deviation) else f"{one.deviation:.2g}",
                f"{one.epochs.mean():.0f}",
                f"{one.seconds.mean():.3g}",
                "",
            )
            for one in self.sides
        ]
        lines = ruled(("", "runs", f"best {self.monitor}", "deviation", "epoch", "seconds", ""), rows)
        return "\n".join([*([self.note, ""] if self.note else []), *lines, "", self.verdict])


@explains_calls
def compare(histories: Mapping[str, History | Iterable[History]], monitor: str = "auto") -> Comparison:
    """Compare several runs by their best values.

    Parameters
    ----------
    histories : mapping of str to History, or to several
        Two names or more. Several histories of one name are fits with other seeds.
    monitor : str, default "auto"
        "val_loss", "loss", or a metric of all the fits, such as "r2" or "val_r2": "auto" is "val_loss", or "loss" where
        some run has no validation data, which the comparison's `note` then says. Losses are better if they are lower,
        metrics as `Metric.greater_is_better` says. The values of different losses (`History.loss_name`) say nothing
        beside each other: compare such fits by a metric.

    Returns
    -------
    Comparison
        `print(comparison)`, `comparison.verdict`, `comparison.plot()`.

    Raises
    ------
    TypeError, ValueError
        For fewer than two names, for what is no history, where one does not have the monitored value, for losses of
        fits with different ones, and for a metric of which it is unknown which way is better.

    References
    ----------
    Welch, B. L. (1947). The generalization of Student's problem when several different population variances are
    involved. Biometrika 34.

    Examples
    --------
    >>> import gdcore as gd
    >>> X, y = gd.datasets.friedman(200)
    >>> def fits(rate):
    ...     nets = [gd.MLP([10, 16, 1], seed=seed) for seed in range(4)]
    ...     return [net.fit(X, y, "mse", optimizer=gd.Adam(rate), epochs=20) for net in nets]
    >>> found = gd.compare({"slow": fits(1e-4), "fast": fits(1e-2)})
    >>> found.sides[0].name, found.clear
    ('fast', True)
    """
    named = diagnosis_checks.named_histories(histories)
    note = ""
    if monitor == "auto":
        without = [name for name, several in named.items() if not all(one.val_loss for one in several)]
        monitor = "loss" if without else "val_loss"
        if without and any(one.val_loss for several in named.values() for one in several):
            note = diagnosis_checks.not_all_validated(without)
    greater = diagnosis_checks.way_of_monitor(monitor, named)
    diagnosis_checks.same_loss(monitor, named)
    found = [_side(name, several, monitor, greater) for name, several in named.items()]
    sides = sorted(found, key=lambda one: -one.mean if greater else one.mean)
    first, second = sides[:2]
    gap = abs(second.mean - first.mean)
    error = math.sqrt(sum(one.deviation**2 / len(one.best) for one in (first, second)))
    noise = math.nan if math.isnan(error) else gap / error if error else (math.inf if gap else 0.0)
    return Comparison(tuple(sides), monitor, noise, _ahead_from(first, second, monitor, greater), note)


def _side(name: str, several: tuple[History, ...], monitor: str, greater: bool) -> Side:
    best, epochs, seconds = [], [], []
    for history in several:
        values = np.array(history.columns().get(monitor, ()), np.float64)
        if not np.isfinite(values).any():
            raise diagnosis_checks.nothing_monitored(name, monitor)
        ranked = np.where(np.isfinite(values), -values if greater else values, np.inf)
        at = int(np.argmin(ranked))
        best.append(values[at])
        epochs.append(at)
        seconds.append(sum(history.seconds[: at + 1]))
    return Side(name, several, np.array(best), np.array(epochs, np.int64), np.array(seconds, np.float64))


def _curves(side: Side, monitor: str, greater: bool) -> NDArray[np.float64]:
    """Return the best values so far of each run, shape (n_runs, epochs): a run that ended keeps its last."""
    better = np.fmax if greater else np.fmin
    running = [better.accumulate(np.array(one.columns()[monitor], np.float64)) for one in side.histories]
    longest = max(map(len, running))
    return np.array([np.pad(one, (0, longest - len(one)), mode="edge") for one in running])


def _ahead_from(first: Side, second: Side, monitor: str, greater: bool) -> int | None:
    """Return the epoch from which on one mean curve stays better than another."""
    sign = -1.0 if greater else 1.0
    curves = [sign * _curves(one, monitor, greater).mean(axis=0) for one in (first, second)]
    longest = max(map(len, curves))
    below = np.less(*(np.pad(one, (0, longest - len(one)), mode="edge") for one in curves))
    if not below[-1]:
        return None
    above = np.flatnonzero(~below)
    return int(above[-1]) + 1 if len(above) else 0
