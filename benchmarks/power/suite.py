"""Every checker on the right gradient of every case, and on every wrong one.

Design
------
- Cases, mistakes and random directions follow from the seed: a run can be repeated, and its seeds split over processes.
- Every checker gets the same cases and the same arrays.
- Inconclusive entries are counted on right gradients: how much a user must take on trust.
"""

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import final

import numpy as np

import gdcore as gd

from .cases import Case, draw_case
from .checkers import CHECKERS, Answer, Check, Checker
from .mutations import MUTATIONS
from .ordinary import draw_ordinary
from .tally import CHECKS, ERRORS, SECONDS, Tally

CASES = 4
"""Of each seed."""
DATA: Mapping[str, Callable[[int, int, int], Case]] = {"random": draw_case, "ordinary": draw_ordinary}
"""Where cases come from: (seed, number, cases of a seed) -> Case."""


def run_seed(seed: int, names: Sequence[str], data: str = "random") -> Tally:
    """All cases of a seed, with the checkers of these names; `data` is a key of `DATA`."""
    tally = Tally()
    trials = [Trial(row, tally) for row in CHECKERS if row.name in names]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number in range(CASES):
            run_case(DATA[data](seed, number, CASES), trials, tally, seed)
    return tally


@final
class Trial:
    """A checker at work."""

    def __init__(self, checker: Checker, tally: Tally) -> None:
        self.checker = checker
        self._check: Check = checker.find()
        self._tally = tally

    def ask(self, case: Case, grad: np.ndarray | None) -> Answer:
        """Its answer; what it raises counts as a rejection."""
        name, counts = self.checker.name, self._tally.of_checkers
        np.random.seed(0)  # noqa: NPY002  # autograd draws its direction from there
        began = time.perf_counter()
        try:
            found = self._check(case, grad)
        except Exception as error:
            self._tally.name(name, "error", case.label, why=f"{type(error).__name__}: {error}"[:200])
            counts[name, case.dtype, ERRORS] += 1
            found = Answer(True)
        counts[name, case.dtype, SECONDS] += time.perf_counter() - began
        counts[name, case.dtype, CHECKS] += 1
        return found


def run_case(case: Case, trials: Sequence[Trial], tally: Tally, seed: int) -> None:
    """The right gradient of a case, and every wrong one that can be made of it."""
    tally.cases += 1
    right, several = case.gradient(), case.several_kinks()
    trials = [trial for trial in trials if case.dtype in trial.checker.precisions]
    least = np.full(len(right), np.inf)
    for trial in trials:
        for grad in (None, right) if trial.checker.own else (right,):
            seen = trial.ask(case, grad)
            tally.right(trial.checker.name, case, seen, several)
            if trial.checker.own and seen.report is not None:
                least = stated(seen.report)
    for row in MUTATIONS:
        wrong = row.made(case, right, np.random.default_rng([seed, *map(ord, row.name)]))
        if wrong is None:
            continue
        visible = bool((~(np.abs(wrong.astype(np.float64) - right) <= least)).any())
        for trial in trials:
            tally.wrong(trial.checker.name, case, row.name, trial.ask(case, wrong), visible)


def stated(report: gd.GradientReport) -> np.ndarray:
    """What a report of every entry says could hide: its bounds, and what the gradient is off already."""
    entries = report.entries
    return entries["bound"] + np.abs(entries["analytic"] - entries["numeric"])
