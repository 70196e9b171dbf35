"""What is measured here and not in `gdcore bench`: products by themselves, and losses."""

import numpy as np

from gdcore.bench.library import Library
from gdcore.bench.problems import make_workload
from gdcore.bench.tasks import Case, Prepared

from .libraries.products import Multiplier


def evaluate(library: Library, case: Case) -> Prepared:
    """The mean loss of all samples: the forward half of training; the unit is one call."""
    library.setup(make_workload(case.problem))
    library.epoch()
    return Prepared(library.loss, 1, library.loss())


def product(multiplier: Multiplier, case: Case) -> Prepared:
    """One product of a layer, `case.what` being its form; the unit is a floating-point operation."""
    made = multiplier.product(case.problem, case.what)
    made.call()
    check = None if made.result is None else float(np.sqrt(np.mean(made.result.astype(np.float64) ** 2)))
    return Prepared(made.call, made.flops, check)
