"""Short fits at several learning rates, and the rate they suggest.

Design
------
- A range test uses each rate for one step. It cannot notice what momentum builds up, a batch that has not come yet, or
  a network that blows up late. A trial is a real fit from the beginning, so it meets what a longer fit will meet.
- The suggestion is the middle of neighbouring rates that do almost as well as the best one, on a logarithmic scale. The
  best one alone would change from seed to seed, since its neighbours differ from it by noise. Of several such groups it
  is the lowest, which has the most room below the rates that diverge.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from .runs import RUNS, Problem, Runs

Vector = NDArray[np.float64]

FACTOR = 10 ** (1 / 3)
"""Neighbouring rates differ by at most this factor."""
APART = 3
"""The first search tries only every third rate."""
POOR = 2
"""The first search ends after this many rates that are worse."""
ALIKE, GOOD, WORTH, WORSE = 0.97, 0.95, 0.9, 0.8
"""Shares of the best fall. ALIKE: the rate is as good as the best. GOOD: a neighbouring rate counts for the suggestion.
WORTH: the first run was good enough to make all runs. WORSE: the search goes no farther."""
TILT = 1 / 3
"""The suggestion lies this share of the way from the middle of the good rates to the highest: the fit it is for may be
longer, and should be faster."""
MARGIN, OWN_MARGIN = 4.0, 2.5
"""The suggestion stays below the lowest rate at which a run diverged, by the first factor. If only the model's own run
diverged there, the second factor is enough."""
LONG = 4
"""At the suggestion, the first run and the model's own are repeated with this many times the epochs."""
KEPT = 0.9
"""A long run should reach this share of the best short run's fall; otherwise the rate is too high."""
LOWERED = 4
"""The suggestion is lowered at most this many times until it does."""


@final
@dataclass(frozen=True)
class Trials:
    """The result of the short fits.

    Attributes
    ----------
    rates, losses : ndarray, shape (n_rates,)
        Rising rates at which all runs were made and none diverged, and the loss at the end of the run from the model's
        own parameters.
    diverged : float or None
        The lowest rate at which a run diverged.
    suggestion : float or None
        The suggested rate; None if no rate lowered the loss.
    """

    rates: Vector
    losses: Vector
    diverged: float | None
    suggestion: float | None


def try_rates(problem: Problem, low: float, high: float) -> Trials:
    """Run short fits at rates between two ends, and choose one."""
    rates = np.geomspace(low, high, 2 + int(math.log(high / low) / math.log(FACTOR)))
    runs = Runs(problem, rates)
    _search(runs)
    found = _choice(runs, low)
    whole = sorted(number for number, ends in runs.ends.items() if len(ends) == RUNS and math.inf not in ends)
    diverged = [float(rates[number]) for number, ends in runs.ends.items() if math.inf in ends]
    own = np.array([runs.ends[number][-1] for number in whole])
    return Trials(rates[whole], own, min(diverged, default=None), found)


def _search(runs: Runs) -> None:
    """Make the first run at widely spaced rates, then around the best of them, and all runs where
    it did well or below.
    """
    poor = 0
    for number in range(len(runs.rates) - 1, -1, -APART):
        runs.make(number, 1)
        poor = 0 if runs.is_good(number, WORSE) or not runs.falls else poor + 1
        if poor == POOR:
            break
    high = low = min((number for number in runs.ends if runs.is_good(number, ALIKE)), default=min(runs.ends))
    while high + 1 < len(runs.rates) and runs.is_good(high, WORSE):
        high += 1
        runs.make(high, 1)
    while low > 0 and (runs.is_good(low, WORSE) or math.inf in runs.ends[low] or not runs.falls):
        low -= 1
        runs.make(low, 1)
    for number in sorted(runs.ends):
        if runs.is_good(number, WORTH):
            runs.make(number, RUNS)
    low = min((number for number in runs.ends if runs.is_good(number, WORTH)), default=0)
    while low > 0 and not runs.falls_in_all(low):
        low -= 1
        runs.make(low, RUNS)


def _choice(runs: Runs, low: float) -> float | None:
    """Return the middle of the best rates, away from those that diverge, lowered until the model's own run falls."""
    numbers = sorted(number for number, ends in runs.ends.items() if len(ends) == RUNS and math.inf not in ends)
    shares = runs.shares(numbers, RUNS) if numbers else np.zeros(1)
    if not shares.max() > 0:
        return None
    share = dict(zip(numbers, shares / shares.max(), strict=True))
    first = last = next(number for number in numbers if share[number] >= ALIKE)
    while share.get(first - 1, 0) > GOOD:
        first -= 1
    while share.get(last + 1, 0) > GOOD:
        last += 1
    weight = np.array([share[number] for number in range(first, last + 1)]) - GOOD
    middle = float(weight @ np.log(runs.rates[first : last + 1]) / weight.sum())
    top = max(number for number in range(first, last + 1) if share[number] >= ALIKE)
    found = math.exp(middle + TILT * (math.log(runs.rates[top]) - middle))
    for number, ends in runs.ends.items():
        if math.inf in ends:
            found = min(found, float(runs.rates[number]) / (OWN_MARGIN if len(ends) == RUNS else MARGIN))
    best = np.array([runs.ends[number] for number in numbers]).min(axis=0)
    falls = runs.firsts - best
    enough = np.minimum(runs.firsts, best + (1 - KEPT) * np.maximum(falls, np.median(falls)))
    for run in (0, RUNS - 1):
        found = _lowered(runs, found, run, float(enough[run]))
    return float(max(found, low))


def _lowered(runs: Runs, rate: float, run: int, enough: float) -> float:
    """Return the rate, or a lower one if a long run ends above `enough` and does better there."""
    value = runs.end(rate, run, LONG)
    for _ in range(LOWERED):
        if value <= enough:
            break
        below = runs.end(rate / FACTOR, run, LONG)
        if below >= value and value <= runs.firsts[run]:
            break
        rate, value = rate / FACTOR, below
    return rate
