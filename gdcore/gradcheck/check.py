"""Analytic gradients against central differences.

Design
------
- Everything is computed in float64; a float32 model is checked through a float64 copy, so the differences are
  limited by the formula and not by the precision that the model happens to have.
- The bound of an entry is made of what limits the difference itself, never of a fixed tolerance: roundoff
  (a few eps |f| / h, f the size of the loss) and truncation (how far the differences at h and h/2 disagree).
  So a verdict does not depend on the loss's scale.
- Differences at h, h/2 and h/4 give two Richardson steps, and how far they disagree. Three, because two may agree by
  chance where a kink (relu at 0) lies between x - h and x + h.
- One-sided slopes differ by h f'' and by what a kink at x adds, which does not shrink with h: twice their distance
  at h/2 less that at h is the kink. Any value between the one-sided slopes is a subgradient, so half of it joins the
  bound.
- The step shrinks while the bound is large.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import checks
from ..batches import take_samples
from ..losses import CustomLoss, Loss, get_loss
from ..models.layers import dropout_key
from ..models.sequential import Sequential
from .report import GradientReport

Vector = NDArray[np.float64]

EPS = float(np.finfo(np.float64).eps)
FIRST_STEP = 1e-3
SHRINK = 8.0
MOST_SHRINKS = 5
ROUNDOFF = 32.0
GOOD_ENOUGH = 1e-5
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
            for h in (step, step / 2, step / 4):
                x[i] = kept + h
                high, above = fun(), x[i] - kept
                x[i] = kept - h
                low, below = fun(), kept - x[i]
                slopes.append((high - low) / (above + below))
                gaps.append((high - middle) / above - (middle - low) / below)
                size = max(size, abs(high), abs(low))
            truncation = abs(slopes[1] - slopes[0]) + abs(slopes[2] - slopes[1])
            kink = max(abs(2 * gaps[1] - gaps[0]), abs(2 * gaps[2] - gaps[1])) / 2
            error = truncation + kink + ROUNDOFF * EPS * size / step
            if error < best[1]:
                once = [fine + (fine - coarse) / 3 for coarse, fine in pairwise(slopes)]
                best = (once[1] + (once[1] - once[0]) / 15, error, step)
            if error <= GOOD_ENOUGH * abs(slopes[2]):
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
    twin = checks.instance("model", model, Sequential, "gdcore.MLP([2, 8, 1])").astype("float64")
    kind = get_loss(loss)
    data = take_samples(
        X, y, sample_weight, n_in=twin.in_features, n_out=twin.out_features, dtype="float64", loss=kind
    )
    l1, l2 = checks.nonnegative("l1", l1), checks.nonnegative("l2", l2)
    key = dropout_key(DROPOUT_SEED)

    def value() -> float:
        return twin._evaluate(data, kind, l1, l2, key)

    middle, analytic = twin.loss_and_grad(
        X, y, loss, sample_weight=sample_weight, l1=l1, l2=l2, dropout_seed=DROPOUT_SEED
    )
    found = np.array([difference(value, twin.params, i, middle) for i in range(twin.n_params)])
    return GradientReport(entry_names(twin), analytic, found[:, 0].copy(), found[:, 1].copy(), found[:, 2].copy())
