"""The clock: the time of one call, and its spread over runs.

Design
------
- A run repeats the call until it lasts long enough for the clock's own grain not to matter; how often is found once, by
  runs that double, and these are the warm-up.
- The garbage collector is off while the clock runs.
- The median over the runs is reported, with the quartiles: a minimum would hide what a user meets, and a mean shows
  what else the machine did.
"""

from __future__ import annotations

import gc
import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

Clock = Callable[[], float]
Call = Callable[[], object]

RUN_SECONDS = 0.03
REPEATS = 7


@final
@dataclass(frozen=True)
class Timing:
    """Seconds of one call in each run.

    Attributes
    ----------
    seconds : tuple of float
        One per run, in the order they were made.

    Examples
    --------
    >>> timing = Timing((4.0, 1.0, 2.0, 3.0, 2.0))
    >>> timing.median, timing.low, timing.high, timing.spread
    (2.0, 2.0, 3.0, 0.5)
    """

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """Median over the runs."""
        return statistics.median(self.seconds)

    @property
    def low(self) -> float:
        """The first quartile."""
        return self._quartile(0)

    @property
    def high(self) -> float:
        """The third quartile."""
        return self._quartile(2)

    @property
    def spread(self) -> float:
        """Distance of the quartiles as a share of the median."""
        return (self.high - self.low) / self.median

    def _quartile(self, which: int) -> float:
        if len(self.seconds) == 1:
            return self.seconds[0]
        return statistics.quantiles(self.seconds, n=4, method="inclusive")[which]


def timed_run(call: Call, n_calls: int, *, wait: Call | None = None, clock: Clock = time.perf_counter) -> float:
    """Return the seconds of one call, from one run of `n_calls`.

    Parameters
    ----------
    call : callable
    n_calls : int
    wait : callable, optional
        Called before the clock stops, by libraries that return before their work is done.
    clock : callable, default time.perf_counter
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        began = clock()
        for _ in range(n_calls):
            call()
        if wait is not None:
            wait()
        return (clock() - began) / n_calls
    finally:
        if enabled:
            gc.enable()


def calibrate(
    call: Call, *, run_seconds: float = RUN_SECONDS, wait: Call | None = None, clock: Clock = time.perf_counter
) -> int:
    """Return how many calls make a run of at least `run_seconds`; this also warms up."""
    n_calls = 1
    while True:
        took = n_calls * timed_run(call, n_calls, wait=wait, clock=clock)
        if took >= run_seconds:
            return n_calls
        wanted = math.ceil(1.2 * n_calls * run_seconds / took) if took > 0 else 0
        n_calls = min(max(2 * n_calls, wanted), 100 * n_calls)


def measure(
    call: Call, *, run_seconds: float = RUN_SECONDS, repeats: int = REPEATS, clock: Clock = time.perf_counter
) -> Timing:
    """Time one call: warm-up, then `repeats` runs of at least `run_seconds` each.

    Examples
    --------
    >>> len(measure(lambda: sum(range(100)), run_seconds=0.001, repeats=3).seconds)
    3
    """
    n_calls = calibrate(call, run_seconds=run_seconds, clock=clock)
    return Timing(tuple(timed_run(call, n_calls, clock=clock) for _ in range(repeats)))


def relative_difference(values: Sequence[float]) -> float:
    """Return the largest difference of two values as a share of the largest; NaN if one is not finite.

    Examples
    --------
    >>> relative_difference([1.0, 0.75])
    0.25
    """
    if not all(map(math.isfinite, values)):
        return math.nan
    size = max(map(abs, values), default=0.0)
    return (max(values) - min(values)) / size if size else 0.0
