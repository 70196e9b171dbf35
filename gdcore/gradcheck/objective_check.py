"""The check of an objective's gradient: its own, or one that is claimed to be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..losses import Loss
from ..objective.objective import Objective
from . import checks as gradcheck_checks
from .examine import GivenGradient, Sampling, assemble, examine
from .model.backward import mistakes
from .model.hypotheses import factors, hypotheses
from .model.kinks import Sides
from .model.model_evaluator import EPS, ModelEvaluator
from .model.parts import check_parts, check_single
from .model.rounding import gradient_roundoff
from .modes import Plan, settle
from .report.causes import explain
from .report.contents import Part
from .report.report import GradientReport
from .slopes.entries import Block, blocks_of
from .slopes.evaluator import Vector
from .slopes.function import REPEATABLE

DROPOUT_SEED = 0
ROUNDED = "every number of grad is one of float32: where it was computed in float32, it should be passed as float32"


def checkable(objective: Objective) -> Objective:
    """Return the float64 objective under a fixed dropout mask that is checked in an objective's place.

    Raises
    ------
    TypeError, ValueError
        If a loss in Python returns what it must not, or something else in each call.
    """
    found = objective.wide().with_dropout(DROPOUT_SEED)
    if not isinstance(found.loss, Loss):
        once, twice = found.gradient(), found.gradient()
        gradcheck_checks.repeatable_gradient("the gradient of loss", once, twice, REPEATABLE * EPS)
    return found


def plan_of(objective: Objective, mode: str, n: int) -> Plan:
    """Return the mode in which n entries of an objective's gradient are checked."""
    return settle(mode, n, 2.0 * len(objective.data.X) * objective.stack.n_params)


def given_gradient(
    objective: Objective, blocks: tuple[Block, ...], gradient: Vector | None = None, dtype: str = "float64"
) -> GivenGradient:
    """Return blocks of a gradient (n_params,), by default its own, to be checked against a float64 objective.

    Parameters
    ----------
    objective : Objective
        From `checkable`.
    blocks : tuple of Block
    gradient : ndarray, shape (n_params,), optional
    dtype : {"float32", "float64"}, default "float64"
        Of the numbers that the gradient was computed with.
    """
    own = objective.gradient() if gradient is None else gradient
    return GivenGradient(own, gradient_roundoff(objective, dtype), blocks, float(np.finfo(dtype).eps))


def check_own(own: Objective, mode: str, sampling: Sampling) -> GradientReport:
    """Check the gradient of an objective's own backward pass, and of its parts.

    Parameters
    ----------
    own : Objective
        In the model's precision.
    mode : str
    sampling : Sampling
    """
    objective = checkable(own)
    blocks = blocks_of(objective.stack.parameters())
    plan = plan_of(objective, mode, objective.stack.n_params)
    return check_given(objective, given_gradient(objective, blocks), plan, sampling, own)


def check_given(
    objective: Objective,
    given: GivenGradient,
    plan: Plan,
    sampling: Sampling,
    own: Objective | None = None,
    subject: str = "every block",
) -> GradientReport:
    """Check a claimed gradient of a float64 objective, and explain what is wrong with it.

    Parameters
    ----------
    objective : Objective
        From `checkable`.
    given : GivenGradient
    plan : Plan
    sampling : Sampling
    own : Objective, optional
        The objective in the model's precision if the gradient is its own; then its parts are checked too.
    subject : str
        What is wrong if everything is, in the words of a cause.
    """
    evaluator = ModelEvaluator(objective)
    found = examine(evaluator, given, plan.mode, sampling, Sides(objective))
    notes = found.notes()
    failed = bool((found.entries["verdict"] == "fail").any())
    tried_causes = (*hypotheses(objective), *mistakes(objective)) if failed else ()
    if failed and given.eps <= EPS and _is_rounded(given.gradient):
        notes += (ROUNDED,)
    causes = explain(found.entries, given.blocks, tried_causes, factors(objective), subject)
    parts: tuple[Part, ...] = ()
    if own is not None:
        parts = check_parts(objective, given, found.entries, sampling.seed)
        if own.stack.dtype == "float32":
            parts += (check_single(objective, replace(own, stack=own.stack.copy(), key=objective.key), given.blocks),)
    return assemble(evaluator, given.blocks, found, plan, causes, parts, notes)


def _is_rounded(gradient: Vector) -> bool:
    """Return whether a finite, nonzero gradient holds only float32 numbers, which cannot be chance."""
    with np.errstate(over="ignore", invalid="ignore"):
        same = np.isfinite(gradient) & (gradient.astype(np.float32) == gradient)
    return bool(gradient.any() and same.all())
