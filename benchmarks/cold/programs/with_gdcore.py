"""gdcore: `Trainer.epoch`."""

import time

began = time.perf_counter()
from course import BATCH, RATE, WIDTHS, run  # noqa: E402

import gdcore as gd  # noqa: E402


def make(X, y, seed):
    """Return an epoch and a classifier."""
    net = gd.MLP(WIDTHS, activation="relu", seed=seed)
    trainer = gd.Trainer(net, "cross_entropy", gd.Adam(RATE), batch_size=BATCH, seed=seed)
    return lambda: trainer.epoch(X, y), net.classify


run(began, gd.__version__, make)
