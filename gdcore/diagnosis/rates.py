"""Is the learning rate right? Finds diverging, oscillating and slow runs.

Design
------
- The losses decide first: a network can train a little above its bound, because the curvature adapts, and a rate that
  has lowered the loss is no problem. The bound decides only if there is no history; its numbers are always reported.
- Without a history a linear model is judged by its bound, a network by twice that.
- If the loss ends far above both references (zero outputs, initial weights), or is not finite, the bound at initial
  weights is reported: curvature where the run ended means nothing, since saturated units may leave hardly any. No rate
  is then called too low. But if the loss has been falling at every epoch it may have begun there, and the run is called
  too slow: a new start would be lower at once.
- The last batch's noise may leave a loss well above that of the last epoch. That a step could undo this says nothing
  about the rate.
- A run that has lowered the loss can be too slow as well: if it ended while the loss was falling, and the rate is far
  below the bound both there and at initial weights. (A loss near zero has hardly any curvature, so there any rate is
  far below the bound.)
- If the optimizer normalizes its steps, as Adam does, and the targets are badly scaled, the scale is the cause and no
  rate is called too low.
- A run that has learned what simple models can learn was not too slow, whatever the curvature promises: for losses that
  grow linearly with the error it promises too much.
- If a schedule has let the rate fall to nothing, only the schedule is reported.
- A schedule ends at low rates, so its highest rate decides whether the rate was too low.
- Oscillation differs from noise: the losses alternate up and down, by a lot, and get nowhere.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from ..training.growth import has_grown
from .case import Case
from .fading import rate_fell
from .finding import Finding
from .pace import fall_per_epoch
from .targets import badly_scaled_targets

Numbers = dict[str, float | list[float]]

ANEW = "from new initial weights, clip_norm=1, or inputs on one scale"
"""What follows a smaller rate in the remedy for one that was too large."""

MIN_EPOCHS = 5
FELL = 0.99
"""A rate has worked if the last loss is below this share of the first."""
NEAR = 0.95
"""Above this share of the bound, plain descent swings about the minimum."""
SWING = 0.2
"""Mean changes between epochs of at least this share of the mean loss are more than noise."""
TURNS = 0.6
"""The losses alternate if at least this share of the changes reverse the one before."""
NOT_LOW = 0.1
"""Above this share of the bound, slow descent is not the rate's fault."""
SLOW = 0.01
"""Below this share of the bound, a rate is far too low."""
NOTICED = 1e-3
"""A possible gain of at most this share of the loss is not worth reporting."""

MISSED = 0.1
"""If simple models explain less than this share more than was learned, no rate has held the run back."""


def diverging(case: Case) -> Finding | None:
    """Report a loss that grew, blew up or is not finite, or a rate beyond its bound."""
    losses = _losses(case)
    if not case.finite or not all(map(math.isfinite, losses)):
        finite = [loss for loss in losses if math.isfinite(loss)]
        evidence: Numbers = {"loss": case.local.loss}
        if finite:
            evidence["last_finite_losses"] = finite[-MIN_EPOCHS:]
        excess, numbers, remedy = _from_start(case)
        summary = "parameters, loss or the gradient's norm are not finite"
        if case.overflows:
            summary += " in float32"
            remedy += "" if excess else "; float64 holds larger numbers"
        return Finding("diverging", f"{summary}: {excess}" if excess else summary, evidence | numbers, remedy)
    first, last, lowest, highest = (losses[0], losses[-1], min(losses), max(losses)) if losses else (0.0,) * 4
    over = _over(case) > (1.0 if case.is_linear else 2.0)
    risen = len(losses) > 1 and has_grown(-math.inf if over else first, last, lowest)  # beyond its bound from any first
    blown = case.references.blown_up and not _steadily_falling(losses)
    beyond = over and (case.references.ends_high or not _worked(case))
    if not (risen or blown or beyond):
        return None
    thrown, evidence, remedy = _from_start(case) if blown else ("", _rates(case), _remedy(case))
    if losses:
        evidence |= {"first_loss": first, "lowest_loss": lowest, "last_loss": last}
    excess = f"the learning rate is {_over(case):.3g} times the largest stable one: "
    high = "far above that of zero outputs and of initial weights"
    if blown:
        evidence |= {
            "loss_of_zero_outputs": case.references.loss_of_nothing,
            "loss_of_initial_weights": case.references.loss_of_starts,
        }
        summary = f"the loss is {last:.3g}, {high}: steps were too long"
        if not case.references.ends_high:
            summary = f"the loss was {highest:.3g} on its way, {high}, and ends at {last:.3g}: steps were too long"
            evidence["highest_loss"] = highest
        summary += f"; {thrown}" if thrown else ""
    elif risen:
        summary = (excess if over else "") + f"the loss has grown from {lowest:.3g} to {last:.3g}"
    elif case.references.ends_high:
        summary = excess + f"the loss falls and is {last:.3g}, {high}"
    else:
        summary = excess + "each step makes the error along the steepest direction larger"
    return Finding("diverging", summary, evidence, remedy)


def oscillating(case: Case) -> Finding | None:
    """Report a loss that swings from epoch to epoch, or a rate at its bound."""
    losses = np.array(_losses(case)[-20:])
    if len(losses) >= MIN_EPOCHS and np.isfinite(losses).all():
        shares = losses / max(float(np.abs(losses).max()), 1e-300)  # products of losses may overflow
        change = np.diff(shares)
        swing = float(np.mean(np.abs(change)) / max(float(np.mean(np.abs(shares))), 1e-300))
        turns = float(np.mean(change[1:] * change[:-1] < 0))
        half = len(shares) // 2
        stuck = float(np.mean(shares[half:])) >= 0.9 * float(np.mean(shares[:half]))
        evidence: Numbers = {"swing": swing, "share_of_turns": turns, "losses": losses.tolist()}
        if swing >= SWING and turns >= TURNS and stuck:
            summary = "the loss goes up and down in turn and gets nowhere"
        elif stuck and case.is_linear and _over(case) > 1 and not case.local.is_stationary and diverging(case) is None:
            summary = (
                f"the learning rate is {_over(case):.3g} times the largest stable one: the loss neither grows nor "
                "falls any more, and a smaller rate would lower it"
            )
            evidence["gain_of_one_good_step"] = case.local.gain
        else:
            return None
        return Finding("oscillating", summary, evidence | _rates(case), _remedy(case))
    if not case.finite or not case.is_linear or case.local.is_stationary or not NEAR < _over(case) <= 1:
        return None
    summary = "the learning rate is at the largest stable one: each step overshoots the minimum almost as far again"
    return Finding("oscillating", summary, _rates(case), _remedy(case))


def too_slow(case: Case) -> Finding | None:
    """Report a rate far below its bound, or epochs that gained less together than one good step or
    a new start would.
    """
    if (
        not case.finite
        or case.local.is_stationary
        or rate_fell(case)
        or (case.given.sgd is None and badly_scaled_targets(case))
    ):
        return None
    losses = _losses(case)
    if case.references.stays_high and len(losses) >= MIN_EPOCHS and diverging(case) is None:
        return _still_high(case, losses)
    possible = case.possible_gain
    if losses and case.missed < MISSED:
        return None
    if (
        case.references.blown_up
        or case.local.bound.largest_curvature <= 0
        or possible <= NOTICED * abs(case.local.loss)
    ):
        return None
    fell = losses[0] - losses[-1] if len(losses) >= MIN_EPOCHS else math.inf
    thrown_off = max(case.data_loss - losses[-1], 0.0) if losses else 0.0
    crept = 0 <= fell < (possible - thrown_off) / 2 and not _over(case, case.given.highest_rate) > NOT_LOW
    low = _over(case, case.given.highest_rate) < SLOW
    pace = fall_per_epoch(losses) if low else 0.0
    if low and fell > 0.5 * abs(losses[0] if losses else math.inf):
        low = pace > 0 and _times(case.given.highest_rate, case.given.start_rate_bound) < SLOW
    if not (crept or low):
        return None
    evidence = _rates(case) | {"gain_of_one_good_step": possible}
    if low and case.given.highest_rate:
        high = case.local.bound.largest_curvature
        evidence["steps_per_digit_along_the_steepest_direction"] = math.log(10) / (case.given.highest_rate * high)
        summary = f"the learning rate is {_over(case, case.given.highest_rate):.2g} of the largest stable one"
        if pace:
            evidence["fall_per_epoch"] = pace
            summary += f", and the loss was still falling by {pace:.2%} an epoch when training ended"
    else:
        evidence["fell_in_all_epochs"] = fell
        summary = "all epochs together lowered the loss by less than one step at a good rate would"
    words, bound = case.words, case.given.rate_bound
    good = words.search if math.isinf(bound) else f"about {bound / 2 * words.unit:.3g}"
    return Finding("too slow", summary, evidence, f"{words.higher}: {good}")


def _still_high(case: Case, losses: list[float]) -> Finding:
    """Return the finding for a loss that has not come down to that of untrained weights."""
    evidence: Numbers = {
        "first_loss": losses[0],
        "last_loss": losses[-1],
        "loss_of_zero_outputs": case.references.loss_of_nothing,
        "loss_of_automatic_weights": case.references.loss_of_auto,
    }
    if case.given.rate is not None:
        evidence[case.words.name] = case.given.rate * case.words.unit
    return Finding(
        "too slow",
        f"after {len(losses)} epochs the loss is {losses[-1]:.3g}, still far above that of zero outputs and of "
        "weight_init='auto' untrained: it began there, or the first steps were so long that they threw it there",
        evidence,
        f"new initial weights, weight_init='auto'; with {case.words.lower} or clip_norm=1 if they began low",
    )


def _losses(case: Case) -> list[float]:
    return case.history.loss if case.history else []


def _worked(case: Case) -> bool:
    losses = _losses(case)
    return len(losses) > 1 and losses[-1] < FELL * losses[0]


def _steadily_falling(losses: list[float]) -> bool:
    return len(losses) > 1 and all(after < before for before, after in pairwise(losses))


def _over(case: Case, rate: float | None = None) -> float:
    """Return the highest rate, or the given one, divided by its bound; NaN if either is unknown."""
    return _times(case.given.rate if rate is None else rate, case.given.rate_bound) if case.finite else math.nan


def _times(rate: float | None, bound: float) -> float:
    if rate is None or math.isinf(bound):
        return math.nan
    return rate / bound if bound > 0 else math.inf


def _rates(case: Case) -> Numbers:
    found: Numbers = {}
    if case.given.rate is not None:
        found[case.words.name] = case.given.rate * case.words.unit
    if case.given.sgd is not None and case.given.rate_bound < math.inf:
        found["largest_stable_rate"] = case.given.rate_bound * case.words.unit
    found["largest_curvature"] = case.local.bound.largest_curvature
    return found


def _from_start(case: Case) -> tuple[str, Numbers, str]:
    """Return what the bound at initial weights says of a run that blew up: a clause, its numbers and the remedy."""
    words = case.words
    found: Numbers = {} if case.given.rate is None else {words.name: case.given.rate * words.unit}
    remedy = f"{words.lower} {ANEW}"
    bound, curvature = case.given.start_rate_bound, case.references.start_bound
    if case.given.rate is None or curvature is None or math.isinf(bound):
        return "", found, remedy
    where = "" if case.is_quadratic else " at initial weights"
    key = where.replace(" ", "_")
    found |= {f"largest_stable_rate{key}": bound * words.unit, f"largest_curvature{key}": curvature.largest_curvature}
    if not case.given.rate > bound:
        return "", found, remedy
    clause = f"the learning rate is {_times(case.given.rate, bound):.3g} times the largest stable one{where}"
    if bound > 0:
        half = f"({bound / 2 * words.unit:.2g} is half the largest stable one)"
        return clause, found, remedy.replace("initial weights,", f"initial weights {half},")
    return clause, found, remedy


def _remedy(case: Case) -> str:
    if case.given.sgd is None or case.given.rate is None or not 0 < case.given.rate_bound / 2 < case.given.rate:
        return f"{case.words.lower} {ANEW}"
    return (
        f"{case.words.set_to(case.given.rate_bound / 2)}, or inputs on one scale (Standardize), which raises the bound"
    )
