"""Sparse matrices, taken as dense blocks of a few rows at a time.

Design
------
- The kernels take dense rows. So a sparse matrix is never dense as a whole: a block of about `BLOCK` numbers, or of one
  batch if that is larger, is made dense, used and dropped. A pass costs as much as over dense rows, and a Python call
  for each step.
- The rows of an epoch are drawn here, from the trainer's seed and the number of steps made: another order than that of
  the kernels for dense rows. Without shuffling, and where a batch holds all rows, results are those of dense rows.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

from ..models import Sequential
from ..schedules import Schedule
from ..training import History, Trainer
from . import checks as sklearn_checks
from .converted_losses import ConvertedLoss
from .network import weights_of
from .rows import Rows
from .watch import Watch

BLOCK = 2**21
"""Numbers in a dense block: 16 MiB in float64."""


def is_sparse(X: Any) -> bool:
    """Return whether X is a sparse matrix or array of SciPy."""
    return bool(issparse(X))


def outputs_of(net: Sequential, X: Any) -> NDArray[Any]:
    """Return the outputs of a network, (n, k), for dense or sparse X."""
    if not is_sparse(X):
        return net.predict(X)
    if len(net.layers) == 1:
        found: NDArray[Any] = np.asarray(X @ weights_of(net)[0], dtype=net.dtype)
        views = net.parameters()
        return found + views[1][1] if len(views) > 1 else found
    parts = [net.predict(block) for _, block in dense_blocks(X, np.arange(X.shape[0]), 1)]
    return np.concatenate(parts)


def dense_blocks(X: Any, order: NDArray[np.int64], batch: int) -> Iterator[tuple[NDArray[np.int64], NDArray[Any]]]:
    """Yield row numbers and the dense rows, in this order; each block but the last holds whole batches."""
    size = max(1, BLOCK // max(1, X.shape[1]) // batch) * batch
    for first in range(0, len(order), size):
        rows = order[first : first + size]
        yield rows, X[rows].toarray()


def epoch(trainer: Trainer, rows: Rows) -> float:
    """Make one pass over sparse rows, and return the mean of the losses before each step."""
    n, batch = rows.X.shape[0], min(trainer.batch_size, rows.X.shape[0])
    rate = getattr(trainer.optimizer, "learning_rate", None)
    if isinstance(rate, Schedule) and rate.per != "step":
        raise sklearn_checks.counts_epochs(rate)
    order = np.arange(n)
    if trainer.shuffle and batch < n:
        np.random.default_rng((trainer.seed, trainer.steps_done)).shuffle(order)
    mean = 1.0 if rows.weight is None else float(rows.weight.mean())
    total, mass = 0.0, 0.0
    for numbers, X in dense_blocks(rows.X, order, batch):
        y = rows.y[numbers]
        weight = None if rows.weight is None else rows.weight[numbers] / mean
        for first in range(0, len(numbers), batch):
            part = slice(first, first + batch)
            own = None if weight is None else weight[part]
            share = float(len(X[part]) if own is None else own.sum())
            total += share * trainer.step(X[part], y[part], own)
            mass += share
    return total / mass


def fit(watch: Watch, rows: Rows, validation: Rows | None, converted: ConvertedLoss, max_iter: int) -> History:
    """Run epochs until the watch stops them; return the losses and the times."""
    trainer, history = watch.trainer, History()
    for _ in range(max_iter):
        began = time.perf_counter()
        history.loss.append(epoch(trainer, rows))
        if validation is not None:
            history.val_loss.append(evaluated(trainer.model, validation, converted, 0.0, 0.0)[0])
        history.learning_rate.append(trainer.learning_rate)
        history.seconds.append(time.perf_counter() - began)
        if watch.see(history.loss[-1]):
            history.stop_reason = watch.reason
            return history
    history.stop_reason = f"all {max_iter} epochs were run"
    return history


def evaluated(
    net: Sequential, rows: Rows, converted: ConvertedLoss, l1: float, l2: float
) -> tuple[float, NDArray[Any]]:
    """Return the penalized loss of dense or sparse rows, and its gradient (n_params,)."""
    if not is_sparse(rows.X):
        return net.loss_and_grad(rows.X, rows.y, converted.loss, sample_weight=rows.weight, l1=l1, l2=l2)
    value, grad, mass = 0.0, np.zeros(net.n_params), 0.0
    for numbers, X in dense_blocks(rows.X, np.arange(rows.X.shape[0]), 1):
        weight = None if rows.weight is None else rows.weight[numbers]
        share = float(len(numbers) if weight is None else weight.sum())
        part, slope = net.loss_and_grad(X, rows.y[numbers], converted.loss, sample_weight=weight)
        value, grad, mass = value + share * part, grad + share * slope, mass + share
    value, grad = value / mass, (grad / mass).astype(net.dtype)
    for (name, view), (_, slope) in zip(net.parameters(), net.parameters(grad), strict=True):
        if name.endswith("weight"):
            value += l1 * float(np.abs(view).sum()) + 0.5 * l2 * float(np.vdot(view, view))
            slope += l1 * np.sign(view) + l2 * view
    return value, grad
