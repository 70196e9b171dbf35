"""Where do the fits of a sweep run? In this process, or on the workers of any engine, with the same bits.

    python examples/sweep_engines.py                                            here
    python examples/sweep_engines.py threads                                    or processes
    mpiexec -n 3 python -m mpi4py.futures examples/sweep_engines.py mpi         on all ranks but the first
    python examples/sweep_engines.py dask                                       on Dask's workers, here two of its own

A cluster of Dask is `Client("address:8786")`. The last line is a checksum of all models, the same for every engine and
any number of workers.
"""

import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from zlib import crc32

import numpy as np

import gdcore as gd


@contextmanager
def mpi():
    """The workers that `python -m mpi4py.futures` has made of the other ranks."""
    from mpi4py.futures import MPIPoolExecutor

    with MPIPoolExecutor() as executor:
        yield executor


@contextmanager
def dask():
    """A cluster on this machine: two processes of one thread each."""
    from distributed import Client

    with Client(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as client:
        yield client.get_executor()


ENGINES = {
    "here": lambda: nullcontext(None),
    "threads": lambda: ThreadPoolExecutor(2),
    "processes": lambda: ProcessPoolExecutor(2),
    "mpi": mpi,
    "dask": dask,
}


def main(engine="here"):
    """Find a rate and a penalty, and train a model for each of forty sensors, by an engine."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (400, 3))
    y = X[:, 0] * X[:, 1] + rng.normal(0, 0.1, 400)
    sensors = np.arange(400) % 40
    net = gd.MLP([3, 16, 1], activation="tanh", seed=0)
    grid = {"learning_rate": [0.001, 0.003, 0.01, 0.03, 0.1], "l2": [0.0, 0.001, 0.01]}
    with ENGINES[engine]() as executor:
        found = gd.sweep(net, X, y, "mse", grid=grid, seeds=3, epochs=30, validation_split=0.25, executor=executor)
        each = gd.fit_many(net, X, y, "mse", groups=sensors, epochs=20, executor=executor)
    print(f"{engine}: {found}")
    print(f"{len(each)} sensors, mean loss {each.columns['loss'][:, -1].mean():.4f}")
    print(f"models {crc32(found.many.params.tobytes() + each.params.tobytes()):08x}")


if __name__ == "__main__":
    main(*sys.argv[1:])
