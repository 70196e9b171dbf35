"""A guard against a fall in speed, whatever the machine: ratios to NumPy on the same core, with wide margins.

The libraries take turns in processes pinned to one core; the least CPU time of several runs counts, so that what else
the machine does has no part in it. What is usual is in the README's table.
"""

import gc
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import gdcore as gd
from gdcore.bench import runner, suites, tasks
from gdcore.bench.problems import PROBLEMS

BUDGET = runner.Budget(0.005, 15, 4.0, least_rounds=9)
FASTER = (("1-16-1", 4.0), ("8-32-32-1", 2.0), ("64-128-64-10", 0.7), ("784-128-10", 0.6))
"""How many times longer NumPy must take; usual are 20, 6.5, 1.4 and 1.15."""

NOISE = 65_536
"""Bytes that a long test run moves for itself; the least that malloc gives, lost once per step, would be 320,000."""


@pytest.fixture(scope="module")
def running():
    with runner.Runner(suites.LIBRARIES, BUDGET) as made:
        yield made


def best_ratio(row):
    gdcore, numpy = (min(row.cpu[name].seconds) for name in ("gdcore", "numpy"))
    return numpy / gdcore


@pytest.mark.parametrize(("name", "least"), FASTER)
def test_a_training_step_keeps_its_distance_from_numpy(running, name, least):
    problem = suites.problem_named(PROBLEMS, name)
    row = running.run(suites.train_suite([problem]), tasks.Case(problem))
    assert row.ok
    assert best_ratio(row) > least


def test_a_prediction_of_one_row_keeps_its_distance_from_numpy(running):
    problem = suites.problem_named(PROBLEMS, "8-32-32-1")
    row = running.run(suites.predict_suite([(problem, 1)]), tasks.Case(problem, rows=1))
    assert row.ok
    assert best_ratio(row) > 1.5


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", [gd.SGD(0.01, momentum=0.9), gd.Adam()], ids=lambda record: record.name)
def test_no_memory_moves_over_ten_thousand_steps(dtype, optimizer, monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2]))
    from benchmarks.memory import heap_in_use

    try:
        heap_in_use()
    except AttributeError:
        pytest.skip("this C library does not tell how much it has given")
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((1000, 4)).astype(dtype), rng.standard_normal((1000, 2)).astype(dtype)
    net = gd.MLP([4, 8, 2], dropout=0.1, seed=0, dtype=dtype)
    trainer = gd.Trainer(net, "mse", optimizer, batch_size=10, clip_norm=1.0, l2=1e-4)

    def steps(epochs):
        for _ in range(epochs):
            trainer.epoch(X, y)
        for first in range(0, 1000, 10):
            trainer.step(X[first : first + 10], y[first : first + 10])

    steps(2)
    tracemalloc.start()
    try:
        steps(2)
        gc.collect()
        before = tracemalloc.get_traced_memory()[0], heap_in_use()
        steps(100)
        gc.collect()
        after = tracemalloc.get_traced_memory()[0], heap_in_use()
    finally:
        tracemalloc.stop()
    assert trainer.steps_done >= 10_000
    assert after[0] - before[0] < NOISE
    assert after[1] - before[1] < NOISE
