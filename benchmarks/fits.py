"""Many small fits at once, under joblib's threading backend."""

import numpy as np
from joblib import Parallel, delayed

import gdcore as gd
from gdcore.bench.library import Library
from gdcore.bench.problems import make_workload
from gdcore.bench.tasks import Case, Prepared

N_FITS = 16
EPOCHS = 4


def fits(library: Library, case: Case) -> Prepared:
    """Many small fits of gdcore under joblib's threading backend, as many at a time as threads; the unit is one fit."""
    problem, work = case.problem, make_workload(case.problem)
    parallel = Parallel(n_jobs=case.threads, backend="threading")

    def fit(seed: int) -> float:
        model = gd.MLP(problem.widths, problem.activation, seed=seed)
        options = {"loss": problem.loss, "optimizer": gd.SGD(problem.learning_rate), "batch_size": problem.batch}
        return model.fit(work.X, work.y, epochs=EPOCHS, **options, seed=seed).loss[-1]

    def all_fits() -> list[float]:
        return parallel(delayed(fit)(seed) for seed in range(N_FITS))

    return Prepared(all_fits, N_FITS, float(np.mean(all_fits())))
