"""Rates that rise and fall."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi
from typing import Literal, final

from ..base import checks
from .base import Schedule, Unit, check_unit


def half_cosine(start: float, end: float, share: float) -> float:
    """Return a value that goes from `start` to `end` along half a cosine, as `share` goes from 0 to 1."""
    return end + (start - end) / 2 * (1 + cos(pi * share))


@final
@dataclass(frozen=True, repr=False)
class Cosine(Schedule):
    """Lowers the rate to `end` along half a cosine, after a warm-up, once or repeatedly.

    PyTorch's LinearLR (warm-up), then CosineAnnealingLR (which rises again after its period; here the rate stays at
    `end`) or CosineAnnealingWarmRestarts.

    Parameters
    ----------
    learning_rate : float
        The highest rate.
    period : int
        Steps of the fall, or of the first one with restarts, without the warm-up.
    end : float, default 0.0
        The lowest rate, in [0, learning_rate].
    warmup : int, default 0
        For this many steps before the fall, the rate rises linearly from `learning_rate * start_factor`. `end` is
        reached after `warmup + period` steps.
    start_factor : float, default 0.1
        In (0, 1].
    restarts : bool, default False
        Whether the rate jumps back to `learning_rate` after each fall.
    period_factor : int, default 1
        Each fall is this many times longer than the one before.
    per : {"step", "epoch"}, default "step"
        Whether a step is an update or an epoch.

    References
    ----------
    Loshchilov, Hutter (2017), "SGDR: stochastic gradient descent with warm restarts".
    Goyal et al. (2017), "Accurate, large minibatch SGD: training ImageNet in 1 hour" (warm-up).

    Examples
    --------
    >>> schedule = Cosine(1.0, 100, warmup=10)
    >>> [round(schedule(step), 6) for step in (0, 10, 60, 110, 200)]
    [0.1, 1.0, 0.5, 0.0, 0.0]
    """

    name = "cosine"

    learning_rate: float
    period: int
    end: float = 0.0
    warmup: int = 0
    start_factor: float = 0.1
    restarts: bool = False
    period_factor: int = 1
    per: Unit = "step"

    def __post_init__(self) -> None:
        checks.positive("learning_rate", self.learning_rate)
        checks.integer("period", self.period, 1)
        checks.between("end", self.end, 0, self.learning_rate)
        checks.integer("warmup", self.warmup, 0)
        checks.factor("start_factor", self.start_factor)
        checks.boolean("restarts", self.restarts)
        checks.integer("period_factor", self.period_factor, 1)
        check_unit(self.per)

    def formula(self, step: int) -> float:
        if step < self.warmup:
            share = step / self.warmup
            return float(self.learning_rate * (self.start_factor + (1 - self.start_factor) * share))
        done, length = step - self.warmup, self.period
        if not self.restarts:
            done = min(done, length)
        elif self.period_factor == 1:
            done %= length
        else:
            while done >= length:
                done, length = done - length, length * self.period_factor
        return float(half_cosine(self.learning_rate, self.end, done / length))

    def horizon(self) -> int:
        periods = 1 + self.period_factor + self.period_factor**2 if self.restarts else 1
        return self.warmup + periods * self.period + 1


@final
@dataclass(frozen=True, repr=False)
class OneCycle(Schedule):
    """Raises the rate to `learning_rate`, then lowers it far below the first one; PyTorch's OneCycleLR.

    The momentum is not changed, as with PyTorch's `cycle_momentum=False`.

    Parameters
    ----------
    learning_rate : float
        The highest rate.
    total_steps : int
        Length of the cycle, >= 2; later steps have the last rate.
    pct_start : float, default 0.3
        Share of the steps in which the rate rises, in (0, 1); below 1/2 with three phases.
    anneal : {"cos", "linear"}, default "cos"
        Curve of the rise and of the fall.
    div_factor : float, default 25.0
        The first rate is learning_rate / div_factor; >= 1.
    final_div_factor : float, default 1e4
        The last rate is the first one divided by this; >= 1.
    three_phase : bool, default False
        Whether the rate first falls in the same way as it rose, then on to the last rate.
    per : {"step", "epoch"}, default "step"
        Whether a step is an update or an epoch.

    References
    ----------
    Smith, Topin (2018), "Super-convergence: very fast training of neural networks using large learning rates".

    Examples
    --------
    >>> schedule = OneCycle(1.0, 101)
    >>> [round(schedule(step), 6) for step in (0, 100)]
    [0.04, 4e-06]
    """

    name = "one_cycle"

    learning_rate: float
    total_steps: int
    pct_start: float = 0.3
    anneal: Literal["cos", "linear"] = "cos"
    div_factor: float = 25.0
    final_div_factor: float = 1e4
    three_phase: bool = False
    per: Unit = "step"

    def __post_init__(self) -> None:
        checks.positive("learning_rate", self.learning_rate)
        checks.integer("total_steps", self.total_steps, 2)
        checks.inside("pct_start", self.pct_start, 0, 0.5 if checks.boolean("three_phase", self.three_phase) else 1)
        checks.one_of("anneal", self.anneal, ("cos", "linear"))
        checks.at_least("div_factor", self.div_factor, 1)
        checks.at_least("final_div_factor", self.final_div_factor, 1)
        check_unit(self.per)

    def formula(self, step: int) -> float:
        peak, last = self.learning_rate, self.total_steps - 1
        first = peak / self.div_factor
        top = max(self.pct_start * self.total_steps - 1, 0.0)
        corners = [(0.0, first), (top, peak)]
        if self.three_phase:
            corners.append((2 * top, first))
        corners.append((float(last), first / self.final_div_factor))
        step = min(step, last)
        after = next(i for i in range(1, len(corners)) if step <= corners[i][0])
        (begin, start), (finish, end) = corners[after - 1], corners[after]
        share = (step - begin) / (finish - begin) if finish > begin else 1.0
        if self.anneal == "linear":
            return float(start + (end - start) * share)
        return float(half_cosine(start, end, share))

    def horizon(self) -> int:
        return self.total_steps
