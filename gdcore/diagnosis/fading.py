"""Did the schedule end the training early, with a rate that fell to almost nothing?"""

from __future__ import annotations

import numpy as np

from ..losses import Loss
from .case import Case
from .finding import Finding

MIN_EPOCHS = 4
FALLEN = 1e-2
"""A rate has fallen to nothing if it is at most this share of the highest rate."""
SOON = 0.5
"""The finding needs the rate to have fallen within this share of the epochs."""
STILL = 1e-2
"""The loss stood still if the remaining epochs lowered it by at most this share."""
GAIN = 0.1
"""Something was left to learn if one good step would lower the loss by this share, or the inputs tell more than this
share beyond what was learned."""


def rate_fell(case: Case) -> Finding | None:
    """Report a rate that fell so low, so early, that the remaining epochs achieved nothing although there was something
    to learn.
    """
    if case.history is None or case.learned or case.local.is_stationary:
        return None
    rates, losses = np.array(case.history.learning_rate), case.history.loss
    n = len(rates)
    if n < MIN_EPOCHS or len(losses) != n or not np.isfinite(rates).all() or not np.isfinite(losses).all():
        return None
    highest = max(float(rates.max()), case.given.schedule(0) if case.given.schedule is not None else 0.0)
    fast = np.flatnonzero(rates > FALLEN * highest)
    fell = (int(fast[-1]) if len(fast) else -1) + 2  # rates are of an epoch's last step
    if fell > SOON * n:
        return None
    stood = losses[fell] - losses[-1] <= STILL * abs(losses[-1])
    if not stood or not (case.missed > GAIN or _could_gain(case)):
        return None
    unit = case.words.unit
    evidence = {
        "first_epoch_at_rest": fell,
        "highest_rate": highest * unit,
        "last_rate": float(rates[-1]) * unit,
        "loss_then": losses[fell],
        "last_loss": losses[-1],
        "gain_of_one_good_step": case.local.gain,
    }
    return Finding(
        "rate fell to nothing",
        f"the learning rate fell from {highest * unit:.3g} to {rates[-1] * unit:.3g}, and the loss has stood still "
        f"since epoch {fell}; {n} were run",
        evidence,
        _remedy(case),
    )


def _could_gain(case: Case) -> bool:
    """Return whether one good step would lower the loss much; the curvature cannot say so if the loss is piecewise
    linear.
    """
    kind = case.objective.loss
    straight = isinstance(kind, Loss) and kind.kink in ("residual", "bent")
    return not straight and case.local.gain >= GAIN * abs(case.local.loss)


def _remedy(case: Case) -> str:
    schedule = case.given.schedule
    if case.words.slower:
        return case.words.slower
    if schedule is None:
        return "a slower schedule; one that counts updates may be meant to count epochs: per='epoch'"
    name = type(schedule).__name__
    if schedule.per == "step":
        return f"{name} counts updates here: let it count epochs, per='epoch', or let it fall more slowly"
    if schedule.per == "plateau":
        return f"{name} with more patience, or a factor nearer to 1"
    return f"a slower {name}"
