"""What is timed: whole fits of all models, and the first of them."""

import time

from gdcore.bench.tasks import Case, Counted, Prepared

from .cases import FIRST, mean_loss, models_of, work_of
from .library import ManyLibrary


def train(library: ManyLibrary, case: Case) -> Prepared | Counted:
    """Whole fits of all models from their initial parameters; the unit is one step of one model.

    In rows of the first fit, it is the seconds of that fit: what a library compiles is compiled in it. Where a library
    trains some of the models alone, the seconds are those of all at the same rate.
    """
    models = models_of(case)
    work = work_of(models, library.most_models)
    library.setup(work)
    began = time.perf_counter()
    library.fit()
    library.wait()
    seconds, n = time.perf_counter() - began, len(work.rates)
    check = mean_loss(work, *library.parameters())
    if case.what.endswith(FIRST):
        return Counted(seconds * models.n_models / n, check)
    return Prepared(library.fit, models.steps * n, check)
