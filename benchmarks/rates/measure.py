"""What becomes of a case at the suggested rate, beside the best of a grid of rates.

Design
------
- A run is a case with a seed: of the initial weights, of `find_learning_rate`, and of the order of the batches in every
  fit. Each run has its own grid, so the best rate is that of the same weights and the same order.
- A fall is the loss of all data before training less that after EPOCHS epochs, as `Sequential.loss` measures both.
"""

import math
import time
import warnings
from dataclasses import asdict, dataclass, fields
from typing import Any, final

import numpy as np

import gdcore as gd

from .cases import Case, optimizer_name

EPOCHS = 30
DIGITS = 5
"""Of what is written to JSON."""


@final
@dataclass(frozen=True)
class Run:
    """One seed of a case.

    Attributes
    ----------
    suggestion : float or None
    first, last, best : float
        The loss at the start, at the end of the fit at the suggested rate, and of the grid's best fit; `last` is
        infinite where the fit raised DivergedError.
    best_rate : float
    seconds, fit_seconds : float
        Of the search, and of the fit that follows it.
    """

    suggestion: float | None
    first: float
    last: float
    best: float
    best_rate: float
    seconds: float
    fit_seconds: float

    @property
    def diverged(self) -> bool:
        """Whether the fit ended by DivergedError, or above its start."""
        return self.suggestion is not None and not self.last <= self.first

    @property
    def share(self) -> float:
        """Of the best fall; 0 where there was no suggestion or it diverged, 1 where nothing on the grid fell."""
        if self.best >= self.first:
            return 1.0
        return 0.0 if self.suggestion is None else max(0.0, (self.first - self.last) / (self.first - self.best))


@final
@dataclass(frozen=True)
class Outcome:
    """All runs of a case."""

    label: str
    optimizer: str
    runs: tuple[Run, ...]

    @property
    def diverged(self) -> int:
        """How many runs did."""
        return sum(run.diverged for run in self.runs)

    @property
    def share(self) -> float:
        """Of the best fall: the runs' median."""
        return float(np.median([run.share for run in self.runs]))

    @property
    def spread(self) -> float:
        """The highest suggestion over the lowest; infinite where a seed has none."""
        found = [run.suggestion for run in self.runs]
        given = [rate for rate in found if rate is not None]
        return max(given) / min(given) if len(given) == len(found) else math.inf

    def to_dict(self) -> dict[str, Any]:
        """For JSON: a list of each of the runs' values, of DIGITS digits."""
        runs = [asdict(run) for run in self.runs]
        columns = {name: [rounded(run[name]) for run in runs] for name in runs[0]}
        return {"label": self.label, "optimizer": self.optimizer, **columns}


def rounded(value: float | None) -> float | None:
    """Of DIGITS digits."""
    return None if value is None else float(f"{value:.{DIGITS}g}")


def from_dict(saved: dict[str, Any]) -> Outcome:
    """What `to_dict` gave."""
    names = [field.name for field in fields(Run)]
    rows = zip(*(saved[name] for name in names), strict=True)
    return Outcome(saved["label"], saved["optimizer"], tuple(Run(*row) for row in rows))


def end_of_fit(case: Case, seed: int, rate: float) -> float:
    """The loss of all data after the fit; infinite where it diverged."""
    net, (X, y) = case.net(seed), case.data()
    try:
        net.fit(X, y, loss=case.loss, optimizer=case.at(rate), epochs=EPOCHS, batch_size=case.batch_size, seed=seed)
    except gd.DivergedError:
        return math.inf
    last = net.loss(X, y, case.loss)
    return last if math.isfinite(last) else math.inf


def run(case: Case, seed: int) -> Run:
    """The search, a fit at what it suggests, and one at every rate of the grid."""
    X, y = case.data()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net = case.net(seed)
        began = time.perf_counter()
        found = gd.find_learning_rate(
            net, X, y, case.loss, case.optimizer, batch_size=case.batch_size, seed=seed
        ).suggestion
        searched = time.perf_counter()
        last = math.nan if found is None else end_of_fit(case, seed, found)
        ended = time.perf_counter()
        ends = [end_of_fit(case, seed, float(rate)) for rate in case.rates]
    best = int(np.argmin(ends))
    return Run(
        found, net.loss(X, y, case.loss), last, ends[best], float(case.rates[best]), searched - began, ended - searched
    )


def measure(case: Case, seeds: int) -> Outcome:
    """A case's runs."""
    return Outcome(case.label, optimizer_name(case.optimizer), tuple(run(case, seed) for seed in range(seeds)))
