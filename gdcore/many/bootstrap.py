"""`bootstrap`: a model for each sample of the rows with replacement, for intervals."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..base import checks
from ..base.calls import explains_calls
from ..base.defaults import DEFAULTS
from ..base.not_arrays import refuse_source
from ..layers.stack import Model
from ..losses import CustomLoss, Loss
from ..metrics import Metrics
from ..optimizers import Optimizer
from ..training.stopping.base import StopSpec
from . import checks as many_checks
from .data import n_rows
from .fit_many import fit_many
from .many import Many

STREAM = 0xB007
"""Seeds the samples together with the seed, so that they are independent of weights, shuffling and dropout."""


@explains_calls
def bootstrap(
    net: Model,
    X: ArrayLike,
    y: ArrayLike,
    loss: str | Loss | CustomLoss | None = None,
    *,
    n_models: int = 100,
    seed: int = 0,
    sample_weight: ArrayLike | None = None,
    optimizer: str | Optimizer = DEFAULTS.optimizer,
    epochs: int | None = None,
    batch_size: int = DEFAULTS.batch_size,
    l1: float = DEFAULTS.l1,
    l2: float = DEFAULTS.l2,
    metrics: Metrics = (),
    stop: StopSpec | Iterable[StopSpec] = (),
    executor: Any = None,
    threads: int | None = None,
    progress: bool = False,
) -> Many:
    """Train models on samples of the rows, drawn with replacement; their spread shows how sure the answers are.

    Model i is trained on n rows drawn with (seed, i), from initial weights of ``seed + i``, and validated on the rows
    that were not drawn: `Many.columns` has their "val_loss". It is the same whatever the number of models.

    Parameters
    ----------
    net, X, y, loss, sample_weight
        As in `gdcore.fit_many`, shared by all models.
    n_models : int, default 100
    seed : int, default 0
    optimizer, epochs, batch_size, l1, l2, metrics, stop, executor, threads, progress
        As in `gdcore.fit_many`.

    Returns
    -------
    Many
        ``many.quantile(X, [0.05, 0.95])`` is an interval of 90 % for the fitted curve, without the noise of y.

    References
    ----------
    Efron, B. (1979). Bootstrap methods: another look at the jackknife. Annals of Statistics 7.

    Examples
    --------
    >>> import numpy as np, gdcore as gd
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform(-1, 1, (64, 1))
    >>> y = 2 * X + rng.normal(0, 0.3, X.shape)
    >>> many = gd.bootstrap(gd.LinearModel(1), X, y, "mse", n_models=50, optimizer=gd.SGD(0.1), epochs=20)
    >>> low, high = many.quantile([[0.5]], [0.05, 0.95])
    >>> bool(low < 1 < high)
    True
    """
    refuse_source("X", X)
    n = n_rows(X)
    count = many_checks.some_models(n_models)
    checks.integer("seed", seed, 0, 2**63)
    rows = [np.sort(np.random.default_rng((seed, STREAM, i)).integers(0, n, n)) for i in range(count)]
    held = [np.setdiff1d(np.arange(n), drawn, assume_unique=False) for drawn in rows]
    many_checks.rows_left_out(held, n)
    return fit_many(
        net,
        X,
        y,
        loss,
        seeds=range(seed, seed + count),
        rows=rows,
        validation_rows=held,
        sample_weight=sample_weight,
        optimizer=optimizer,
        epochs=epochs,
        batch_size=batch_size,
        l1=l1,
        l2=l2,
        metrics=metrics,
        stop=stop,
        executor=executor,
        threads=threads,
        progress=progress,
    )
