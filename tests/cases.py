"""Cases that tests of several rooms share: every loss as a record, and targets that it can take."""

import numpy as np

import gdcore as gd

RECORDS = (
    *(loss() for loss in gd.LOSSES),
    gd.Huber(0.3),
    gd.Quantile(0.9),
    gd.CrossEntropy(label_smoothing=0.2),
    gd.EpsilonInsensitive(0.5),
    gd.SquaredEpsilonInsensitive(0.5),
)
"""Every loss with its defaults, and those with an option once more with another value of it."""


def draw_targets(loss, rng, n, k, probabilities=False):
    """Targets that the loss can take, float64 (n, k) or labels (n,)."""
    if loss.target == "class":
        return rng.dirichlet(np.ones(k), n) if probabilities else rng.integers(0, k, n)
    draw = {
        "real": lambda: rng.normal(size=(n, k)),
        "nonnegative": lambda: rng.poisson(2.0, (n, k)).astype(float),
        "unit": lambda: rng.random((n, k)),
        "sign": lambda: rng.choice([-1.0, 1.0], (n, k)),
    }
    return draw[loss.target]()
