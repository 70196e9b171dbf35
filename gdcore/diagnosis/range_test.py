"""The range test: one short run through all learning rates, then short fits that choose one.

Design
------
- Only copies are trained, so neither the model nor the optimizer changes.
- Batches differ by more than a step moves them. What counts is how a batch's loss differs from what it was at the
  model's own parameters; a window smooths that evenly to both sides, since a mean over the past alone would lag behind.
- The curve shows which rates move the loss. It does not choose one: each rate is used for only one step, so the blow-up
  comes late. Short fits choose the suggestion (trials.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..base import checks
from ..base.calls import explains_calls
from ..base.defaults import DEFAULTS
from ..base.optional import axes_or_new, legend_below, log_where_wide
from ..data.samples import take_samples
from ..losses import CustomLoss, Loss
from ..models.sequential import Sequential, without_target_scale
from ..objective.build import objective_of
from ..optimizers import Optimizer
from ..optimizers.full_batch import get_method
from ..training import Trainer
from ..training.errors import DivergedError
from . import checks as diagnosis_checks
from .runs import Problem
from .trials import try_rates

WINDOW = 0.05
"""Half the width of the smoothing window, as a share of the steps."""
TOO_HIGH = 3.0
"""The test ends if a batch's loss has risen by more than this many times the first loss on all data."""
TRIAL = 2
"""A short fit makes at most this many times the steps of the range test."""
SHARE = 0.25
"""The losses up to the curve's lowest point take up at least this share of a picture's height."""


@final
@dataclass(frozen=True, repr=False)
class RangeTest:
    """Losses at rising learning rates, and a rate suggested by short fits.

    Attributes
    ----------
    rates, losses, smoothed : ndarray, shape (steps,)
        Each step's rate, its batch's loss before it, and a smooth estimate of the loss on all data.
    suggestion : float or None
        Near the middle of the rates at which short fits do about as well as at the best one, and well below the lowest
        rate at which one diverged; None if no rate lowered the loss.
    stop_reason : str
        Why the run through all rates ended.
    trial_rates, trial_losses : ndarray, shape (n_trials,)
        Rates at which all short fits were run without diverging, and the loss, with penalties, after the one that
        starts from the model's own parameters.
    diverged_at : float or None
        The lowest rate at which a short fit diverged.

    Examples
    --------
    >>> import numpy as np, gdcore as gd
    >>> X = np.linspace(-1, 1, 64)[:, None]
    >>> found = gd.find_learning_rate(gd.LinearModel(1, seed=0), X, 3 * X, "mse", gd.SGD())
    >>> 0.01 < found.suggestion < 1
    True
    """

    rates: NDArray[np.float64]
    losses: NDArray[np.float64]
    smoothed: NDArray[np.float64]
    suggestion: float | None
    stop_reason: str
    trial_rates: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    trial_losses: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    diverged_at: float | None = None

    @explains_calls
    def plot(self, ax: Any = None) -> Any:
        """Draw the losses over the rates, with the suggestion and the losses after the short fits.

        If the rise at the highest rates would flatten the fall before it, the picture is cut off at the top and says
        so.

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
        ax.plot(self.rates, self.losses, ".", color="gray", label="batch")
        ax.plot(self.rates, self.smoothed, "-", color="black", label="smoothed")
        if len(self.trial_rates):
            ax.plot(self.trial_rates, self.trial_losses, "ok", fillstyle="none", label="after a short fit")
        if self.suggestion is not None:
            ax.axvline(self.suggestion, color="black", linestyle=":", label=f"suggestion {self.suggestion:.3g}")
        ax.set(xlabel="learning rate", ylabel="loss", xscale="log")
        if self.suggestion is None:
            log_where_wide(ax, self.losses)
        else:
            fall = self.losses[: int(np.argmin(self.smoothed)) + 1]
            _cut_off(ax, self.losses, np.append(fall, self.trial_losses))
        legend_below(ax)
        return ax

    def __repr__(self) -> str:
        found = "none: the loss never fell" if self.suggestion is None else f"{self.suggestion:.4g}"
        parts = [f"{len(self.rates)} steps; {self.stop_reason}"]
        if self.diverged_at is not None:
            parts.append(f"a short fit diverged at {self.diverged_at:.3g}")
        return f"suggested learning rate: {found} ({'; '.join(parts)})"


@explains_calls
def find_learning_rate(
    model: Sequential,
    X: ArrayLike,
    y: ArrayLike,
    loss: str | Loss | CustomLoss,
    optimizer: str | Optimizer = "sgd",
    *,
    low: float = 1e-6,
    high: float = 10.0,
    steps: int = 100,
    batch_size: int = DEFAULTS.batch_size,
    l1: float = 0.0,
    l2: float = 0.0,
    seed: int = 0,
) -> RangeTest:
    """Suggest a learning rate by training copies of the model briefly at many rates.

    One copy runs through all rates in `steps` steps, which shows where the loss moves and where it blows up. Then other
    copies are fitted briefly at about fifteen rates, four times at those that do well. The suggested rate does about as
    well as the best one and keeps away from those at which a fit diverged.

    Parameters
    ----------
    model : Sequential
        It is not changed.
    X, y, loss, l1, l2
        As in `Sequential.loss`.
    optimizer : str or Optimizer, default "sgd"
        Its own rate is not used; not "lbfgs" and "cg", which have none.
    low, high : float, default 1e-6 and 10
        The first and the last rate; the others are spaced geometrically between them.
    steps : int, default 100
        Steps of the run through all rates, at least 10. A short fit takes 8 epochs, but at most ``2 * steps`` steps, on
        a part of the rows if necessary. There are about thirty short fits: by default some 3000 steps in all, and
        hardly ever 10,000, however many rows there are.
    batch_size : int, default 32
        The best rate depends on it, so pass that of the fit.
    seed : int, default 0
        Seed of the order of the samples, and of dropout.

    Returns
    -------
    RangeTest

    Raises
    ------
    TypeError, ValueError
        For invalid arguments, and for an optimizer without a rate or with a schedule.

    Notes
    -----
    If the model still has the initial weights of its seed, three of four short fits start from other initial weights,
    the same ones for every seed, so that the suggestion depends little on it. If the model was trained, or has no seed,
    all fits start from its own parameters.

    ``docs/learning_rates.md`` shows how fits went at the suggested rates in 200 cases.

    References
    ----------
    Smith, L. N. (2017). Cyclical learning rates for training neural networks. WACV.

    Examples
    --------
    >>> import gdcore as gd
    >>> from gdcore.datasets import load_digits
    >>> digits = load_digits()
    >>> net = gd.MLP([64, 32, 10], seed=0)
    >>> 1e-4 < gd.find_learning_rate(net, digits.X, digits.y, "cross_entropy", "adam").suggestion < 1
    True
    """
    diagnosis_checks.rate_range(low, high)
    checks.integer("steps", steps, 10)
    plain = without_target_scale(checks.instance("model", model, Sequential, "gdcore.MLP([2, 8, 1])"))
    copy = plain.copy()
    rule = get_method(optimizer)
    if not isinstance(rule, Optimizer):
        raise diagnosis_checks.no_rate_to_find(rule)
    diagnosis_checks.fixed_rate(rule.learning_rate)
    trainer = Trainer(copy, loss, rule, batch_size=batch_size, l1=l1, l2=l2, seed=seed)
    objective = objective_of(model.stack, X, y, trainer.loss, None, l1, l2)
    data, targets, first = objective.data, objective.data.targets, objective.mean_loss()
    rates, losses, changes = np.geomspace(low, high, steps), [], []
    reason = "the highest rate was reached"
    for rate, rows in zip(rates, _row_batches(len(data.X), min(batch_size, len(data.X)), steps, seed), strict=True):
        xb, yb = data.X[rows], targets[rows]
        trainer.learning_rate = float(rate)
        try:
            value = trainer.step(xb, yb)
        except DivergedError:
            reason = f"the loss was no longer finite at the rate {rate:.3g}"
            break
        losses.append(value)
        batch = take_samples(copy.stack, xb, yb, None, trainer.loss)
        changes.append(value - replace(objective, data=batch).mean_loss())
        if changes[-1] > TOO_HIGH * abs(first):
            reason = f"the loss had risen far above the first at the rate {rate:.3g}"
            break
    rates = rates[: len(losses)]
    curve = first + _smooth(np.array(changes), max(1, round(WINDOW * steps)))
    problem = Problem(plain, replace(objective, stack=plain.stack), trainer.loss, rule, batch_size, seed, TRIAL * steps)
    found = try_rates(problem, low, high)
    return RangeTest(
        rates, np.array(losses), curve, found.suggestion, reason, found.rates, found.losses, found.diverged
    )


def _cut_off(ax: Any, losses: NDArray[np.float64], fall: NDArray[np.float64]) -> None:
    """End the y axis where the fall of the losses fills its share of the height."""
    low, high = min(losses.min(), fall.min()), fall.max()
    top = low + (high - low) / SHARE
    if losses.max() > top > low:
        ax.set_ylim(low - 0.05 * (top - low), top)
        ax.set_ylabel(f"{ax.get_ylabel()} (cut off above {top:.3g})")


def _smooth(values: NDArray[np.float64], half: int) -> NDArray[np.float64]:
    """Return means under a window that falls off to both sides; beyond the ends, the end values are repeated."""
    if not len(values):
        return values
    window = np.hanning(2 * half + 3)[1:-1]
    return np.convolve(np.pad(values, half, "edge"), window / window.sum(), "valid")


def _row_batches(n: int, batch: int, steps: int, seed: int) -> list[NDArray[np.int64]]:
    """Return each step's row numbers, from shuffled passes one after the other."""
    rng = np.random.default_rng(seed)
    passes = [rng.permutation(n) for _ in range(-(-steps * batch // n))]
    order = np.concatenate(passes)
    return [order[step * batch : (step + 1) * batch] for step in range(steps)]
