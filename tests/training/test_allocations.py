"""A step allocates nothing, and thousands of them do not let the process grow."""

import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import gdcore as gd


def resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_step_allocates_nothing(optimizer):
    net = gd.MLP([8, 33, 2], dropout=0.1, seed=0)
    rows, targets = np.ones((300, 8), "float32"), np.zeros((300, 2), "float32")
    trainer = gd.Trainer(net, "mse", optimizer, l2=1e-4, clip_norm=1.0)

    def steps(n):
        for _ in range(n):
            trainer.step(rows, targets)

    steps(10)
    tracemalloc.start()
    try:
        steps(10)
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        steps(1000)
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 500
    assert peak - before < 5000


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads Linux's /proc")
def test_the_process_does_not_grow():
    """Steps, epochs, new trainers and predictions, thousands of them."""
    rows, targets = np.ones((300, 8), "float32"), np.zeros((300, 2), "float32")
    net = gd.MLP([8, 200, 2], seed=0)
    trainer = gd.Trainer(net, "mse")

    def work(n):
        for _ in range(n):
            trainer.step(rows, targets)
            trainer.epoch(rows, targets)
            net.predict(rows)
            net.loss_and_grad(rows, targets, "mse")
            gd.Trainer(gd.MLP([8, 200, 2], seed=0), "mse", "adam").step(rows, targets)

    work(50)
    before = resident_bytes()
    work(300)
    assert resident_bytes() - before < 3e6
