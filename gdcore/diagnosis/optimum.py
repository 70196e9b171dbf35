"""Where did training arrive? At a minimum, at another stationary point, or still on its way."""

from __future__ import annotations

import numpy as np

from .case import Case
from .finding import Finding
from .overfit import RESTORED, overfitting
from .pace import fall_per_epoch
from .rates import diverging, too_slow
from .signal import vanishes

NO_BETTER = "has not improved"
"""A stop reason that contains this says that a criterion has waited in vain."""
SHOWN = 5
"""At most this many losses are shown."""


def converged(case: Case) -> Finding | None:
    """Report a gradient that is zero relative to its scale where no direction curves downwards.

    A network through which no gradient passes stands still as well: that is not convergence.
    """
    if not case.local.is_stationary or case.local.curves_down or vanishes(case) or case.dead_end:
        return None
    evidence = _evidence(case)
    summary = "the gradient is zero relative to its scale and the curvature is positive: a minimum"
    return Finding("converged", summary, evidence, problem=False)


def saddle(case: Case) -> Finding | None:
    """Report a gradient that is zero although some direction leads down."""
    shut = case.shut
    if not (shut or case.local.is_stationary) or not case.local.curves_down:
        return None
    return Finding(
        "stationary but not a minimum",
        f"the gradient {'of all but the last biases ' if shut else ''}is zero, but the loss curves downwards along "
        "some direction: a saddle or a maximum",
        _evidence(case),
        "start from other weights (weights that are all zero or all equal stay so), or add noise: smaller batches",
    )


def still_falling(case: Case) -> Finding | None:
    """Note that training ended while the loss was falling, unless the rate or overfitting is a problem.

    Where the validation loss has ended the training, more epochs would not help.
    """
    if case.history is None or not case.finite or case.local.is_stationary:
        return None
    losses, why = case.history.loss, case.history.stop_reason
    if case.history.val_loss and (RESTORED in why or NO_BETTER in why):
        return None
    pace = fall_per_epoch(losses)
    if not pace or any(rule(case) for rule in (diverging, too_slow, overfitting)):
        return None
    return Finding(
        "still falling",
        f"the training loss was falling by {pace:.2%} an epoch when training ended: it has not converged",
        {"fall_per_epoch": pace, "last_losses": losses[-SHOWN:]} | ({"stop_reason": why} if why else {}),
        f"more epochs, or {case.words.higher} ({case.words.search})",
        problem=False,
    )


def _evidence(case: Case) -> dict[str, float]:
    return {
        "gradient_norm": float(np.linalg.norm(case.local.descent)),
        "loss": case.local.loss,
        "possible_gain": case.local.gain,
        "smallest_curvature_found": float(case.local.spectrum.ritz[0]),
        "largest_curvature": float(case.local.spectrum.ritz[-1]),
    }
