"""Can the outputs reach the targets? Checks the targets' scale and the output activation's range."""

from __future__ import annotations

import numpy as np

from ..losses import Loss
from ..optimizers.full_batch import FullBatch
from ..training.output_range import out_of_reach
from .case import Case
from .finding import Finding

LARGE = 100.0
"""A target column is badly scaled if its size is above this, or below the inverse of this, or if its mean is more than
this many deviations.

Outputs that are wrong by a hundredth of such a mean miss all that varies in the column.
"""
LEARNED = 0.9
"""If at least this share of a column was learned, its scale has done no harm."""
MISSED = 0.1
"""A column is reported only if its inputs tell this share more than the outputs have learned."""
REMEDY = (
    "standardize y: put gdcore.ScaledTarget.from_data(y) last in the model, or fit (y - y.mean()) / y.std() and scale "
    "the predictions back"
)


def badly_scaled_targets(case: Case) -> Finding | None:
    """Report columns of y that were not learned and whose size is far from 1, or that are far from 0 for their spread.

    SGD reaches the optimum of a linear model under mean_squared_error alike whatever the scale of y. Before training,
    nothing is said where it, or a method with a line search, may be meant.
    """
    data, kind, learning = case.objective.data, case.objective.loss, case.learning
    if learning is None or data.target is None or not isinstance(kind, Loss) or kind.target != "real":
        return None
    if case.history is None and (case.is_quadratic or isinstance(case.optimizer, FullBatch)):
        return None
    if case.is_quadratic and case.given.sgd is not None:
        return None
    largest = np.maximum(np.abs(data.target).max(axis=0), np.finfo(np.float64).tiny)
    mean = np.average(data.target / largest, axis=0, weights=data.weight)
    deviation = np.sqrt(np.average((data.target / largest - mean) ** 2, axis=0, weights=data.weight)) * largest
    mean *= largest
    size = np.maximum(np.abs(mean), deviation)
    off = (size >= LARGE) | (size <= 1 / LARGE) | (np.abs(mean) >= LARGE * deviation)
    shares = learning.column_shares
    off &= (deviation > 0) & (shares < LEARNED)
    if off.any() and case.teachable is not None:
        off &= (shares < 0) | (case.teachable.best > shares + MISSED)
    if not off.any():
        return None
    columns = [int(i) for i in np.flatnonzero(off)]
    which = "y" if data.target.shape[1] == 1 else f"{len(columns)} of {data.target.shape[1]} columns of y"
    return Finding(
        "badly scaled targets",
        f"{which} has a mean of {_shown(mean[off])} and a deviation of {_shown(deviation[off])}, where outputs begin "
        f"near 0 and steps move them by about 1 or less: {_learned(shares[off])}",
        {
            "columns": columns,
            "mean": mean[off].tolist(),
            "standard_deviation": deviation[off].tolist(),
            "share_learned": shares[off].tolist(),
            "loss": case.data_loss,
            "loss_of_best_constant": learning.constant_loss,
        },
        REMEDY,
    )


def _shown(values: np.ndarray) -> str:
    return ", ".join(f"{value:.3g}" for value in values[:3]) + (", …" if len(values) > 3 else "")


def _learned(shares: np.ndarray) -> str:
    worst = float(shares.min())
    return "less than their best constant explains" if worst < 0 else f"{worst:.0%} of what varies in it is explained"


def outputs_out_of_reach(case: Case) -> Finding | None:
    """Report an output activation that keeps the outputs away from the targets, or from the logits of the loss."""
    objective = case.objective
    assert objective.loss is not None
    found = out_of_reach(objective.stack, objective.data, objective.loss)
    if found is None:
        return None
    return Finding(
        "outputs out of reach",
        f"{found.summary}: no weights reach a loss below {found.least_loss:.3g}",
        {
            "least_loss_in_reach": found.least_loss,
            "loss_of_best_constant": found.constant_loss,
            "targets_out_of_reach": found.outside,
        },
        found.remedy,
    )
