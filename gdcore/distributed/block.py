"""A `with` block in which every fit is spread, for code that calls `fit` itself, such as estimators."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..training.fit_options import BLOCKS, Spread, spread_by_default
from .communicator import communicator
from .leaving import ends_with_uncaught


@contextmanager
def spread(
    comm: Any, *, shards: int | None = None, reduce: str = "tree", timeout: float | None = None
) -> Iterator[None]:
    """Spread every fit inside a `with` block over the ranks of a communicator, unless the fit says otherwise.

    For code that calls `fit` itself: estimators of `gdcore.sklearn`, `tables.train`. `Trainer.epoch`, `Trainer.step`
    and `partial_fit` are spread too. What one rank alone trains has no place in the block.

    Parameters
    ----------
    comm, shards, reduce, timeout
        As in `Trainer.fit`; see `gdcore.distributed`.

    Examples
    --------
    Under ``mpiexec -n 4 python -m mpi4py program.py``::

        with gd.distributed.spread(MPI.COMM_WORLD):
            model = MLPClassifier((100,), random_state=0).fit(X, y)
    """
    if comm is not None:
        ends_with_uncaught(comm)
        communicator(comm)
    block = Spread(comm, shards, reduce, timeout, None, 1, False)
    mark = spread_by_default.set(block)
    BLOCKS.append(mark)
    try:
        yield
    finally:
        BLOCKS.remove(mark)
        spread_by_default.reset(mark)
