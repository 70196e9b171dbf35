"""Results do not depend on the engine, the order or the number of the workers that fit."""

import os
import subprocess
import sys
import threading
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from importlib.util import find_spec

import numpy as np
import pytest
from mpi_jobs import ENVIRONMENT, ROOT, launcher, needs_mpi

import gdcore as gd

EXAMPLE = ROOT / "examples" / "sweep_engines.py"


class Shuffled(Executor):
    """Runs what it was given in an order of its own, when nothing has been given for a while."""

    def __init__(self, seed):
        self.rng, self.given, self.timer = np.random.default_rng(seed), [], None

    def submit(self, function, /, *args, **kwargs):
        future = Future()
        self.given.append((future, function, args, kwargs))
        if self.timer is not None:
            self.timer.cancel()
        self.timer = threading.Timer(0.05, self.run)
        self.timer.start()
        return future

    def run(self):
        given, self.given = self.given, []
        for i in self.rng.permutation(len(given)):
            future, function, args, kwargs = given[i]
            if future.set_running_or_notify_cancel():
                future.set_result(function(*args, **kwargs))


def found_by(executor):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 3)), rng.normal(size=60)
    grid = {"learning_rate": [0.001, 0.01, 0.1], "l2": [0.0, 0.01]}
    net = gd.MLP([3, 5, 1], seed=0)
    found = gd.sweep(net, X, y, "mse", grid=grid, seeds=3, epochs=4, validation_split=0.25, executor=executor)
    many = gd.fit_many(net, X, y, "mse", groups=np.arange(60) % 7, epochs=3, executor=executor)
    return found.mean, found.std, found.many.params, many.params, many.columns["loss"]


@pytest.mark.filterwarnings("ignore::gdcore.SweepBorderWarning")
@pytest.mark.parametrize("make", [*(lambda n=n: ThreadPoolExecutor(n) for n in (1, 2, 5)), *map(Shuffled, range(3))])
def test_neither_order_nor_number_of_workers_changes_a_bit(make):
    executor = make if isinstance(make, Shuffled) else make()
    for here, there in zip(found_by(None), found_by(executor), strict=True):
        np.testing.assert_array_equal(there, here)
    executor.shutdown()


def printed(*command, cwd, environment=None):
    """Run the example and return what it prints behind the engine's name."""
    done = subprocess.run(
        [*command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        cwd=cwd,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.partition(":")[2]


@pytest.fixture(scope="module")
def environment():
    return {**os.environ, "PYTHONPATH": str(ROOT), **ENVIRONMENT}


@pytest.fixture(scope="module")
def here(environment, tmp_path_factory):
    return printed(sys.executable, str(EXAMPLE), cwd=tmp_path_factory.mktemp("here"), environment=environment)


@pytest.mark.parametrize("n", [2, 3])
def test_the_example_on_workers_of_mpi(n, here, environment, tmp_path):
    needs_mpi()
    command = [launcher(), "-n", str(n), sys.executable, "-m", "mpi4py.futures", str(EXAMPLE), "mpi"]
    assert printed(*command, cwd=tmp_path, environment=environment) == here


def test_the_example_on_workers_of_dask(here, environment, tmp_path):
    if find_spec("dask") is None:  # tests/distributed would be found as its package `distributed`
        pytest.skip("needs Dask: pip install distributed")
    assert printed(sys.executable, str(EXAMPLE), "dask", cwd=tmp_path, environment=environment) == here


@pytest.mark.parametrize("engine", ["threads", "processes"])
def test_the_example_on_workers_of_python(engine, here, environment, tmp_path):
    assert printed(sys.executable, str(EXAMPLE), engine, cwd=tmp_path, environment=environment) == here
