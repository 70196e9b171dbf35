"""Models that an executor trains have the bits of those that are trained here, whoever made the executor."""

import os
import shutil
import subprocess
import sys
import warnings
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

import gdcore as gd

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(60, 3)), RNG.normal(size=60)
SEARCHED = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
ROWS = [RNG.permutation(60)[: 20 + i] for i in range(7)]


@contextmanager
def loky():
    made = pytest.importorskip("joblib.externals.loky").get_reusable_executor(max_workers=2)
    try:
        yield made
    finally:
        made.shutdown(wait=True)


@contextmanager
def dask():
    pytest.importorskip("dask", reason="needs Dask: pip install distributed")  # tests/distributed has the other name
    distributed = pytest.importorskip("distributed")
    with (
        warnings.catch_warnings(),
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client.get_executor(pure=False)


EXECUTORS = {
    "threads": lambda: ThreadPoolExecutor(2),
    "processes": lambda: ProcessPoolExecutor(2, mp_context=get_context("spawn")),
    "loky": loky,
    "dask": dask,
}


def fits(**options):
    net = gd.Sequential(gd.Dense(3, 5, "tanh"), gd.Dropout(0.2), gd.Dense(5, 1), seed=0)
    rates = gd.Adam(np.linspace(0.01, 0.2, 7))
    shared = {"epochs": 3, "batch_size": 16, "dropout": [0.1 * i for i in range(7)], "validation_split": 0.2}
    yield gd.fit_many(net, X, Y, "mse", optimizer=rates, stop=gd.EarlyStopping(patience=1), **shared, **options)
    yield gd.fit_many(gd.LinearModel(3, seed=1), X, Y, "huber", rows=ROWS, metrics="r2", epochs=2, **options)


def assert_same_bits(executor):
    for here, there in zip(fits(), fits(executor=executor), strict=True):
        np.testing.assert_array_equal(there.params, here.params)
        assert there.stop_reasons == here.stop_reasons
        for column, values in here.columns.items():
            if column != "seconds":
                np.testing.assert_array_equal(there.columns[column], values, column)


@pytest.mark.parametrize("name", EXECUTORS)
def test_the_bits_are_the_same(name):
    with EXECUTORS[name]() as executor:
        assert_same_bits(executor)


PROGRAM = """
from mpi4py.futures import MPIPoolExecutor
import test_executors
if __name__ == "__main__":
    with MPIPoolExecutor() as pool:
        test_executors.assert_same_bits(pool)
    print("the same bits")
"""


def test_ranks_of_mpi_give_the_same_bits(tmp_path):
    if find_spec("mpi4py") is None or not (mpiexec := shutil.which("mpiexec", path=SEARCHED)):
        pytest.skip("mpi4py or mpiexec is not installed")
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    paths = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[2])])
    command = [mpiexec, "-n", "3", sys.executable, "-m", "mpi4py.futures", str(program)]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True, timeout=120)
    assert "the same bits" in done.stdout, done.stderr


def test_what_fails_elsewhere_is_told_here():
    def broken(end):
        raise ZeroDivisionError("my own")

    with ThreadPoolExecutor(2) as executor, pytest.raises(ZeroDivisionError, match="my own"):
        gd.fit_many(gd.LinearModel(3), X, Y, "mse", n_models=4, epochs=2, stop=broken, executor=executor)
