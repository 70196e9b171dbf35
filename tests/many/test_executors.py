"""Models that an executor trains have the bits of those that are trained here, whoever made the executor."""

import warnings
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

import numpy as np
import pytest

import gdcore as gd

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(60, 3)), RNG.normal(size=60)
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
    distributed = pytest.importorskip("distributed")
    with (
        warnings.catch_warnings(),
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client.get_executor(pure=False)


@contextmanager
def mpi():
    with pytest.importorskip("mpi4py.futures").MPIPoolExecutor(2) as made:
        yield made


EXECUTORS = {
    "threads": lambda: ThreadPoolExecutor(2),
    "processes": lambda: ProcessPoolExecutor(2, mp_context=get_context("spawn")),
    "loky": loky,
    "dask": dask,
    "mpi": mpi,
}


def fits(**options):
    net = gd.Sequential(gd.Dense(3, 5, "tanh"), gd.Dropout(0.2), gd.Dense(5, 1), seed=0)
    rates = gd.Adam(np.linspace(0.01, 0.2, 7))
    shared = {"epochs": 3, "batch_size": 16, "dropout": [0.1 * i for i in range(7)], "validation_split": 0.2}
    yield gd.fit_many(net, X, Y, "mse", optimizer=rates, stop=gd.EarlyStopping(patience=1), **shared, **options)
    yield gd.fit_many(gd.LinearModel(3, seed=1), X, Y, "huber", rows=ROWS, metrics="r2", epochs=2, **options)


@pytest.mark.parametrize("name", EXECUTORS)
def test_the_bits_are_the_same(name):
    alone = list(fits())
    with EXECUTORS[name]() as executor:
        for here, there in zip(alone, fits(executor=executor), strict=True):
            np.testing.assert_array_equal(there.params, here.params)
            assert there.stop_reasons == here.stop_reasons
            for column, values in here.columns.items():
                if column != "seconds":
                    np.testing.assert_array_equal(there.columns[column], values, column)


def test_what_fails_elsewhere_is_told_here():
    def broken(end):
        raise ZeroDivisionError("my own")

    with ThreadPoolExecutor(2) as executor, pytest.raises(ZeroDivisionError, match="my own"):
        gd.fit_many(gd.LinearModel(3), X, Y, "mse", n_models=4, epochs=2, stop=broken, executor=executor)
