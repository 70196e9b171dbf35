"""Was enough learned? Compares the loss with that of the best constant outputs and with two simple models."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..losses import Loss
from . import fading, optimum, rates, samples, signal, targets, units
from .case import Case
from .finding import Finding
from .learning import Learning
from .pace import fall_per_epoch

MIN_EPOCHS = 3
HARDLY = 0.05
"""A model that has learned less than this share of what can be learned is hardly better than a constant."""
TOLD = 0.1
"""The inputs tell more if simple models explain at least this much more of the variance."""
FAR_MORE = 0.3
"""A model that has learned something underfits only if simple models explain this much more; shares of a loss differ
from shares of variance."""
SOLVED = 0.75
"""A share at least this large counts as learned, so the model does not underfit."""

PLATEAU = (
    "it is a plateau: try more epochs, a larger learning_rate or Adam, and another seed; then wider layers or relu, "
    "and where y goes up and down many times over a column, the sine and cosine of its multiples as further columns"
)

CAUSES: tuple[Callable[[Case], Finding | None], ...] = (
    targets.outputs_out_of_reach, targets.badly_scaled_targets, fading.rate_fell, rates.diverging, rates.oscillating,
    samples.badly_scaled, signal.vanishing, signal.exploding, optimum.saddle, units.saturated, units.dead,
    rates.too_slow, samples.outliers,
)  # fmt: skip
"""Rules whose finding explains why nothing was learned, the most certain first."""


def hardly_better(case: Case) -> Finding | None:
    """Report outputs that, after training, explain hardly more than a constant, or less.

    Where the inputs tell nothing of the targets that two simple models could find, it is noted and no problem.
    """
    learning, history = case.learning, case.history
    if learning is None or history is None or len(history.loss) < MIN_EPOCHS or not learning.share < HARDLY:
        return None
    few_rows = case.teachable is None and case.objective.stack.n_params >= len(case.objective.data.X)
    learnable = learning.share < -HARDLY or case.missed > TOLD or few_rows
    above = "above " if learning.share < -HARDLY else ""
    summary = (
        f"after {len(history.loss)} epochs the loss is {case.data_loss:.4g}, {above}that of {_constant(case)} alone "
        f"{learning.constant_loss:.4g}"
    )
    if not learnable:
        summary += ": nothing was found in the inputs that tells of the targets"
    remedy = _remedy(case, learning) if learnable else ""
    return Finding("hardly better than a constant", summary, _evidence(case, learning), remedy, learnable)


def underfitting(case: Case) -> Finding | None:
    """Report outputs that, after training, explain far less than least squares or the nearest rows.

    A loss that was falling when training ended is no trouble: it has only not converged.
    """
    learning, history, told = case.learning, case.history, case.teachable
    if learning is None or history is None or len(history.loss) < MIN_EPOCHS or not learning.share >= HARDLY:
        return None
    if learning.share >= SOLVED or fall_per_epoch(history.loss):
        return None
    summary = f"the outputs explain {learning.share:.0%} of what there is to learn, "
    if told is not None:
        if case.missed < FAR_MORE:
            return None
        better = "a linear model" if told.line.mean() > told.neighbours.mean() else "the mean of the nearest rows"
        summary += f"where {better} explains {told.share:.0%} of what varies in the targets"
    elif _by_heart(case):
        rows = len(case.objective.data.X)
        summary += f"though {case.objective.stack.n_params} parameters could learn {rows} rows by heart"
    else:
        return None
    return Finding("underfitting", summary, _evidence(case, learning), _remedy(case, learning))


def _evidence(case: Case, learning: Learning) -> dict[str, float]:
    found = {
        "loss": case.data_loss,
        "loss_of_best_constant": learning.constant_loss,
        "share_learned": learning.share,
    }
    told = case.teachable
    if told is not None:
        found["share_a_line_explains"] = max(float(told.line.mean()), 0.0)
        found["share_near_rows_explain"] = max(float(told.neighbours.mean()), 0.0)
    return found


def _by_heart(case: Case) -> bool:
    """Return whether the data are a few rows of at most two values against as many parameters."""
    targets = case.objective.data.targets
    return case.objective.stack.n_params >= len(targets) and len(np.unique(targets)) <= 2


def _constant(case: Case) -> str:
    kind = case.objective.loss
    return kind.constant if isinstance(kind, Loss) else "the best constant"


def _remedy(case: Case, learning: Learning) -> str:
    for rule in CAUSES:
        found = rule(case)
        if found is not None and found.problem:
            return found.remedy
    told = case.teachable
    arrived = case.local.is_stationary or (told is not None and told.line.mean() < learning.share + TOLD)
    if case.is_linear and arrived and learning.share >= 0:
        return "hidden layers, as in gdcore.MLP: no linear model of these inputs explains more"
    if case.history is not None and fall_per_epoch(case.history.loss):
        return f"more epochs, or {case.words.higher} ({case.words.search}): the loss was falling when training ended"
    return PLATEAU
