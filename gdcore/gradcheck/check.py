"""Analytic gradients against central differences.

Design
------
- Everything is computed in float64; a float32 model is checked through a float64 copy, so the differences are
  limited by the formula and not by the precision that the model happens to have.
- The bound of an entry is made of what limits the difference itself, never of a fixed tolerance: roundoff
  (a few eps |f| / h, f the size of the loss) and truncation (how far the differences at h and h/2 disagree).
  So a verdict does not depend on the loss's scale.
- The differences at h and h/2 give one Richardson step. The step h shrinks while they disagree, as they do where a
  kink (relu at 0) lies between x - h and x + h.
- At a kink itself the one-sided slopes keep their distance as h shrinks; any value between them is a subgradient.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import checks
from ..batches import take_samples
from ..losses import CustomLoss, Loss, get_loss
from ..models.sequential import dropout_key
from .report import GradientReport

if TYPE_CHECKING:
    from ..models import Sequential

Vector = NDArray[np.float64]

EPS = float(np.finfo(np.float64).eps)
FIRST_STEP = 1e-3
SHRINK = 8.0
MOST_SHRINKS = 5
ROUNDOFF = 16.0
GOOD_ENOUGH = 1e-6
KINK_RATIO = 0.75
DROPOUT_SEED = 0


def difference(fun: Callable[[], float], x: Vector, i: int, middle: float) -> tuple[float, float, float]:
    """df/dx[i] by differences, the error they may have, and the step; x comes back bit for bit.

    `middle` is f at x. The step that leaves the smallest error is kept among a few that shrink.
    """
    kept = x[i]
    best = (np.nan, np.inf, 0.0)
    step = FIRST_STEP * max(1.0, abs(kept))
    try:
        for _ in range(MOST_SHRINKS):
            slopes, gaps, size = [], [], abs(middle)
            for h in (step, step / 2):
                x[i] = kept + h
                high, above = fun(), x[i] - kept
                x[i] = kept - h
                low, below = fun(), kept - x[i]
                slopes.append((high - low) / (above + below))
                gaps.append(abs((high - middle) / above - (middle - low) / below))
                size = max(size, abs(high), abs(low))
            truncation = abs(slopes[1] - slopes[0])
            error = truncation + ROUNDOFF * EPS * size / step
            if gaps[1] > KINK_RATIO * gaps[0]:
                error += gaps[1] / 2
            if error < best[1]:
                best = (slopes[1] + (slopes[1] - slopes[0]) / 3, error, step)
            if error <= GOOD_ENOUGH * abs(slopes[1]):
                break
            step /= SHRINK
    finally:
        x[i] = kept
    return best


def entry_names(model: Sequential) -> tuple[str, ...]:
    """A name for every parameter, such as "dense0.weight[3, 4]"."""
    return tuple(
        f"{name}{list(index)}" for name, view in model.parameters() for index in np.ndindex(view.shape)
    )


def check_gradients(
    model: Sequential,
    X: ArrayLike,
    y: ArrayLike,
    loss: str | Loss | CustomLoss,
    *,
    sample_weight: ArrayLike | None = None,
    l1: float = 0.0,
    l2: float = 0.0,
) -> GradientReport:
    """Check the gradient of a model's loss over every parameter.

    Parameters
    ----------
    model : Sequential
        A float32 model is checked through a float64 copy. Its parameters are not touched.
    X, y, loss, sample_weight, l1, l2
        As in `Sequential.loss`. Dropout is at work under one fixed mask.

    Returns
    -------
    GradientReport
        `report.ok`, `print(report)`, `report.raise_if_failed()`.

    Examples
    --------
    >>> import numpy as np, gdcore as gd
    >>> net = gd.MLP([3, 4, 2], activation="tanh", seed=0)
    >>> gd.check_gradients(net, np.eye(3), [0, 1, 1], "cross_entropy").ok
    True
    """
    twin = model.astype("float64")
    kind = get_loss(loss)
    data = take_samples(
        X, y, sample_weight, n_in=twin.in_features, n_out=twin.out_features, dtype="float64", loss=kind
    )
    l1, l2 = checks.nonnegative("l1", l1), checks.nonnegative("l2", l2)
    key = dropout_key(DROPOUT_SEED)

    def value() -> float:
        return twin.evaluate(data, kind, l1, l2, key)

    analytic = np.zeros(twin.n_params)
    middle = twin.evaluate(data, kind, l1, l2, key, analytic)
    found = np.array([difference(value, twin.params, i, middle) for i in range(twin.n_params)])
    return GradientReport(entry_names(twin), analytic, found[:, 0].copy(), found[:, 1].copy(), found[:, 2].copy())
