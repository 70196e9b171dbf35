"""The task: fit one fold, and score what was held out.

Design
------
- The clock counts CPU seconds of the process, which has one thread. On an idle machine they are the wall clock's. On a
  busy one the wall clock would stretch a fit of seconds, which other programs interrupt, and spare one of milliseconds.
"""

import time
from functools import partial
from math import ceil

import numpy as np

from gdcore.bench.measure import timed_run
from gdcore.bench.tasks import Case, Counted

from .contenders import Contender
from .folds import make_fold

WARM_UP = 2
"""Epochs of the fit that goes before the one that is timed."""
RUN_SECONDS = 0.1
"""A shorter fit is repeated until it lasts so long all in all, at most MAX_REPEATS times."""
MAX_REPEATS = 20


def fit(contender: Contender, case: Case) -> Counted:
    """Return the CPU seconds of fitting fold number `case.what` and, as its check, the score of the rows held out."""
    fold = make_fold(case.problem, int(case.what))
    contender.fit(fold, min(WARM_UP, case.problem.epochs))
    timed = partial(timed_run, lambda: contender.fit(fold, case.problem.epochs), clock=time.process_time)
    seconds = timed(1)
    if seconds < RUN_SECONDS:
        seconds = timed(min(MAX_REPEATS, ceil(RUN_SECONDS / max(seconds, RUN_SECONDS / MAX_REPEATS))))
    predictions = np.asarray(contender.predict(fold), np.float64)
    return Counted(seconds, fold.kind.scored(fold.y_test.astype(np.float64), predictions))
