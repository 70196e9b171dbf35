"""The range test: one short run through all learning rates.

Design
------
- The run trains a copy, so nothing of the model or of the optimizer given moves.
- Batch losses are noisy: they are averaged with a fading memory, each mean corrected for its start. The suggestion is
  the rate at which that curve over log(rate) falls fastest, before it has reached its lowest point.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import checks, checks_fit
from .._optional import optional
from ..errors import DivergedError
from ..losses import CustomLoss, Loss
from ..models.sequential import Sequential
from ..optimizers import Optimizer
from ..training import Trainer

MEMORY = 0.9
"""Share of the running mean that a batch keeps."""
TOO_HIGH = 3.0
"""The test ends where the mean loss has risen from its lowest by so many times the first one."""
FEWEST = 5
"""Points on the curve below which there is no slope to speak of."""


@final
@dataclass(frozen=True, repr=False)
class RangeTest:
    """Losses over rising learning rates.

    Attributes
    ----------
    rates, losses, smoothed : ndarray, shape (steps,)
        The rate of each step, its batch's loss before it, and the running mean of those.
    suggestion : float or None
        The rate at the steepest descent; None where the loss never fell.
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
        if ax is None:
            _, ax = optional("matplotlib.pyplot", "plot", "gdcore[plot]").subplots()
        ax.plot(self.rates, self.losses, ".", color="gray", label="batch")
        ax.plot(self.rates, self.smoothed, "-", color="black", label="running mean")
        if self.suggestion is not None:
            ax.axvline(self.suggestion, color="black", linestyle=":", label=f"suggestion {self.suggestion:.3g}")
        ax.set(xlabel="learning rate", ylabel="loss", xscale="log")
        ax.legend()
        return ax

    def __repr__(self) -> str:
        found = "none: the loss never fell" if self.suggestion is None else f"{self.suggestion:.4g}"
        return f"suggested learning rate: {found} ({len(self.rates)} steps; {self.stop_reason})"


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
    copy = checks.instance("model", model, Sequential, "gdcore.MLP([2, 8, 1])").copy()
    trainer = Trainer(copy, loss, optimizer, batch_size=batch_size, l1=l1, l2=l2, seed=seed)
    data = trainer._take(X, y, None)
    targets = next(found for found in (data.labels, data.target, data.y) if found is not None)
    rows = _row_batches(len(data.X), min(batch_size, len(data.X)), steps, seed)
    rates, losses, smoothed, mean = np.geomspace(low, high, steps), [], [], 0.0
    reason = "the highest rate was reached"
    for step, rate in enumerate(rates):
        trainer.learning_rate = rate
        try:
            losses.append(trainer.step(data.X[rows[step]], targets[rows[step]]))
        except DivergedError:
            reason = f"the loss was no longer finite at the rate {rate:.3g}"
            break
        mean = MEMORY * mean + (1 - MEMORY) * losses[-1]
        smoothed.append(mean / (1 - MEMORY ** (step + 1)))
        if smoothed[-1] - min(smoothed) > TOO_HIGH * abs(smoothed[0]):
            reason = f"the loss had risen far above its lowest at the rate {rate:.3g}"
            break
    curve = np.array(smoothed)
    return RangeTest(rates[: len(curve)], np.array(losses), curve, _steepest(rates[: len(curve)], curve), reason)


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
    slope = np.gradient(curve[:lowest], np.log(rates[:lowest]))
    return float(rates[np.argmin(slope)])
