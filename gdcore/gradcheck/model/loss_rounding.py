"""The roundoff that the slopes of a loss may have, and where they jump."""

from __future__ import annotations

import numpy as np

from ...losses import Loss
from ...objective.objective import Objective
from ..slopes.evaluator import Vector
from .kinds.kind import ELEMENTARY

TRIALS = 8
"""The loss is tried with this many ways of adding up the outputs' errors."""


def loss_kinks(objective: Objective, outputs: Vector, order: int) -> Vector | None:
    """Return what is 0 where the loss's slope jumps, of outputs (n, k); for order 2, also where its curvature does.

    None if no jumps are known.
    """
    loss, target = objective.loss, objective.data.target
    return loss.kinks(outputs, target, order) if isinstance(loss, Loss) and target is not None else None


def loss_errors(objective: Objective, z: Vector, z_error: Vector, eps: float) -> tuple[Vector, Vector, Vector]:
    """Return |d loss / d outputs| (n, k), its possible error if the outputs are off by z_error, and
    the jumps in that.
    """
    delta = objective.loss_of(z)[1]
    rng, error = np.random.default_rng(0), np.zeros_like(z)
    for trial in range(TRIALS):
        signs = (-1.0) ** trial if trial < 2 else 2.0 * rng.integers(0, 2, z.shape) - 1
        error = np.maximum(error, np.abs(objective.loss_of(z + signs * z_error)[1] - delta))
    jumps = loss_kinks(objective, z, 1)
    jump = np.zeros_like(z) if jumps is None else np.where(np.abs(jumps) <= z_error, 2 * error, 0.0)
    return np.abs(delta), 2 * error + ELEMENTARY * eps * (np.abs(delta) + term_sizes(objective, z, delta)), jump


def term_sizes(objective: Objective, z: Vector, delta: Vector) -> Vector:
    """Return the size (n, k) of the terms whose differences these slopes are."""
    data, loss = objective.data, objective.loss
    if not isinstance(loss, Loss):
        return np.full(delta.shape, np.abs(delta).max(initial=0.0))
    share = np.ones(len(z)) if data.weight is None else data.weight
    share = share / share.sum() / (1 if loss.whole_rows else z.shape[1])
    target = 1.0 if data.target is None else 1 + np.abs(data.target)
    sizes: Vector = share[:, None] * (1 + np.abs(z)) * target
    return sizes
