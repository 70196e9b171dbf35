"""The range test: one short run through all learning rates.

Design
------
- The run trains a copy, so nothing of the model or of the optimizer given moves.
- Batches differ by more than a step moves them. What counts is how a batch's loss differs from what it was at the
  model's own parameters; a window smooths that evenly to both sides, since a mean over the past alone would lag behind
  and suggest too high a rate.
- The suggestion is where a step takes off the largest share of the smooth curve, before its lowest point: on a
  parabola that is half the largest stable rate, or less where nothing was left before. Where the loss itself falls
  fastest depends on the number of steps: many small ones have done the work before a good rate is reached.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import checks, checks_fit
from .._calls import explains_calls
from .._optional import axes_or_new, log_where_wide
from ..errors import DivergedError
from ..losses import CustomLoss, Loss
from ..models.evaluate import mean_loss
from ..models.samples import model_samples
from ..models.sequential import Sequential, without_target_scale
from ..optimizers import Optimizer, get_optimizer
from ..training import Trainer
from .point import targets_of

WINDOW = 0.05
"""Half the smoothing window, as a share of the steps."""
TOO_HIGH = 3.0
"""The test ends where a batch's loss has risen by so many times the first loss of all data."""
NOTHING = 1e-4
"""Share of the first loss below which nothing is left to take a share of."""
FEWEST = 5
"""Points on the curve below which there is no slope to speak of."""
SHARE = 0.25
"""Of a picture's height, what the losses up to the curve's lowest point take up at least."""


@final
@dataclass(frozen=True, repr=False)
class RangeTest:
    """Losses over rising learning rates.

    Attributes
    ----------
    rates, losses, smoothed : ndarray, shape (steps,)
        The rate of each step, its batch's loss before it, and a smooth curve of what all data's would be.
    suggestion : float or None
        The rate whose step took off the largest share of the loss; None where the loss never fell.
    stop_reason : str

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

    def plot(self, ax: Any = None) -> Any:
        """Draw the losses over the rates, with the suggestion.

        Where the rise at the highest rates would flatten the fall before it, the picture is cut off above, and says so.

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
            Where matplotlib is not installed.
        """
        ax = axes_or_new(ax)
        ax.plot(self.rates, self.losses, ".", color="gray", label="batch")
        ax.plot(self.rates, self.smoothed, "-", color="black", label="smoothed")
        if self.suggestion is not None:
            ax.axvline(self.suggestion, color="black", linestyle=":", label=f"suggestion {self.suggestion:.3g}")
        ax.set(xlabel="learning rate", ylabel="loss", xscale="log")
        if self.suggestion is None:
            log_where_wide(ax, self.losses)
        else:
            _cut_off(ax, self.losses, int(np.argmin(self.smoothed)) + 1)
        ax.legend()
        return ax

    def __repr__(self) -> str:
        found = "none: the loss never fell" if self.suggestion is None else f"{self.suggestion:.4g}"
        return f"suggested learning rate: {found} ({len(self.rates)} steps; {self.stop_reason})"


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
    batch_size: int = 32,
    l1: float = 0.0,
    l2: float = 0.0,
    seed: int = 0,
) -> RangeTest:
    """Train a copy of the model at rates that grow from step to step, and suggest one.

    Parameters
    ----------
    model : Sequential
        Left untouched.
    X, y, loss, l1, l2
        As in `Sequential.loss`.
    optimizer : str or Optimizer, default "sgd"
        Its own rate is not used.
    low, high : float, default 1e-6 and 10
        The first and the last rate; the others lie between them in a geometric row.
    steps : int, default 100
        At least 10.
    batch_size : int, default 32
    seed : int, default 0
        Of the order of the samples, and of dropout.

    Returns
    -------
    RangeTest

    Raises
    ------
    TypeError, ValueError
        For arguments that do not fit, and an optimizer whose rate is a schedule.

    References
    ----------
    Smith, L. N. (2017). Cyclical learning rates for training neural networks. WACV.

    Examples
    --------
    >>> import gdcore as gd
    >>> from gdcore.data import load_digits
    >>> digits = load_digits()
    >>> net = gd.MLP([64, 32, 10], seed=0)
    >>> 1e-4 < gd.find_learning_rate(net, digits.X, digits.y, "cross_entropy", "adam").suggestion < 1
    True
    """
    checks_fit.rate_range(low, high)
    checks.integer("steps", steps, 10)
    checks.instance("model", model, Sequential, "gdcore.MLP([2, 8, 1])")
    copy = without_target_scale(model).copy()
    rule = get_optimizer(optimizer)
    checks_fit.fixed_rate(rule.learning_rate)
    trainer = Trainer(copy, loss, rule, batch_size=batch_size, l1=l1, l2=l2, seed=seed)
    data = model_samples(model, X, y, None, trainer.loss)
    targets = targets_of(data)
    first = mean_loss(model, data, trainer.loss)
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
        changes.append(value - mean_loss(model, trainer._take(xb, yb, None), trainer.loss))
        if changes[-1] > TOO_HIGH * abs(first):
            reason = f"the loss had risen far above the first at the rate {rate:.3g}"
            break
    rates = rates[: len(losses)]
    curve = first + _smooth(np.array(changes), max(1, round(WINDOW * steps)))
    return RangeTest(rates, np.array(losses), curve, _steepest(rates, curve), reason)


def _cut_off(ax: Any, losses: NDArray[np.float64], fall: int) -> None:
    """End the y axis where the first losses, those of the fall, fill their share of it."""
    low, high = losses.min(), losses[:fall].max()
    top = low + (high - low) / SHARE
    if losses.max() > top > low:
        ax.set_ylim(low - 0.05 * (top - low), top)
        ax.set_ylabel(f"{ax.get_ylabel()} (cut off above {top:.3g})")


def _smooth(values: NDArray[np.float64], half: int) -> NDArray[np.float64]:
    """Means under a window that falls off to both sides, the ends repeated beyond the ends."""
    if not len(values):
        return values
    window = np.hanning(2 * half + 3)[1:-1]
    return np.convolve(np.pad(values, half, "edge"), window / window.sum(), "valid")


def _row_batches(n: int, batch: int, steps: int, seed: int) -> list[NDArray[np.int64]]:
    """Row numbers of each step: shuffled passes, one behind the other."""
    rng = np.random.default_rng(seed)
    passes = [rng.permutation(n) for _ in range(-(-steps * batch // n))]
    order = np.concatenate(passes)
    return [order[step * batch : (step + 1) * batch] for step in range(steps)]


def _steepest(rates: NDArray[np.float64], curve: NDArray[np.float64]) -> float | None:
    lowest = int(np.argmin(curve)) + 1 if len(curve) else 0
    if lowest < FEWEST:
        return None
    falling = curve[:lowest]
    if curve[0] > 0:
        falling = np.log(np.maximum(falling, NOTHING * curve[0]))
    slope = np.gradient(falling)
    return float(rates[np.argmin(slope)]) if slope.min() < 0 else None
