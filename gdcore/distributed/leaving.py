"""What a rank does that leaves its program, so that the others do not wait for it for ever.

Design
------
- An exception that ends a program ends the job, after it was told. The hook is set where a launcher has started several
  processes and this room is first used, or at the first communicator. It asks for MPI only when it is called.
- A program that ends otherwise, at its last line or by `sys.exit`, says so with every communicator that it has trained
  with, by the exchange in which a fit begins. If all ranks say so, they leave together, as MPI's own end would have it.
  A rank that is there for a fit learns that it waits in vain.
- The exchange does not block: a rank that leaves cannot know which of its communicators the others will come to first.
- Nothing takes back what a rank has said. So a rank that is interrupted while it waits for the others to begin ends the
  job: they would believe that it begins too, and wait for it in the fit.
"""

from __future__ import annotations

import atexit
import os
import sys
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import checks as distributed_checks
from .communicator import Communicator, promised
from .errors import RankError
from .watchdog import end_job

BEGINS, LEAVES = 0.0, 1.0
NOTICE = 30.0
"""Seconds after which a rank that waits for the others to begin says so."""

HOOK = "ends_the_job"


def ends_with_uncaught(comm: object = None) -> None:
    """From now on, let an exception that ends this process end the job, after it was told: the others would hang.

    The job is that of MPI's world, and where the communicator is not of mpi4py, its own.
    """
    before = sys.excepthook
    if getattr(before, "__name__", "") == HOOK:
        return
    own = comm if isinstance(comm, Communicator) and not _is_of_mpi(comm) else None

    def ends_the_job(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> Any:
        before(kind, error, traceback)
        job = _world() if own is None else own
        if job is not None and job.Get_size() > 1:
            end_job(job, f"gdcore: rank {job.Get_rank()} ends the job")

    sys.excepthook = ends_the_job


def ends_where_launched() -> None:
    """Do the same if a launcher says that it has started several processes."""
    if promised() is not None:
        ends_with_uncaught()


def begins(comm: Communicator) -> None:
    """Meet the other ranks of one of mpi4py's communicators where a fit begins.

    Raises
    ------
    RankError
        If one of them has left its program.
    """
    if not _is_of_mpi(comm):
        return
    mpi: Any = sys.modules["mpi4py.MPI"]
    if not _known:
        _at_the_end(mpi)
    # An object may be at the address of one that is no more, so each is kept until it is freed.
    _known[:] = [other for other in _known if other is not comm and other != mpi.COMM_NULL]
    _known.append(comm)
    told, request = _says(comm, BEGINS)
    _wait_for(request, comm)
    if told.any():
        rank = int(np.argmax(told))
        raise RankError(distributed_checks.has_left(rank), rank)


def _wait_for(request: Any, comm: Communicator) -> None:
    """Wait for the other ranks to begin, and say so if it takes long; end the job if the wait is interrupted."""
    rank, silent = comm.Get_rank(), True
    try:
        for waited in _pauses():
            if request.Test():
                return
            if silent and waited > NOTICE:
                silent = False
                print(distributed_checks.waits_long(rank, waited), file=sys.stderr, flush=True)
    except BaseException as error:
        if comm.Get_size() > 1:
            end_job(comm, f"gdcore: rank {rank} failed with {type(error).__name__}: {error}")
        raise


def _at_the_end(mpi: Any) -> None:
    """Let this rank say that it leaves: at the end of its program, and before, if the program itself ends MPI."""
    process = os.getpid()
    atexit.register(_leave, process)
    mpi.COMM_SELF.Set_attr(mpi.Comm.Create_keyval(delete_fn=lambda *_: _leave(process)), process)


_known: list[Any] = []
"""Communicators that were trained with."""


def _says(comm: Any, what: float) -> tuple[NDArray[np.float64], Any]:
    """Return an array for what each rank says, and the request that fills it."""
    told = np.zeros(comm.Get_size())
    return told, comm.Iallgather(np.array([what]), told)


def _leave(process: int) -> None:
    """Say at the end of the program that this rank leaves, until all the others do."""
    if os.getpid() != process or _world() is None:  # a fork, or MPI's end has been before
        return
    mpi: Any = sys.modules["mpi4py.MPI"]
    comms = [comm for comm in _known if comm != mpi.COMM_NULL]
    answers = [_says(comm, LEAVES) for comm in comms]
    pauses = _pauses()
    while answers:
        i, ended = mpi.Request.Testany([request for _, request in answers])
        if not ended:
            next(pauses)
        elif (answers[i][0] == LEAVES).all():
            del comms[i], answers[i]
        else:
            answers[i] = _says(comms[i], LEAVES)


def _pauses() -> Iterator[float]:
    """Yield the seconds since the beginning again and again, with pauses once there is more than a millisecond.

    The other ranks may need the processor, and a signal its handler.
    """
    began = time.monotonic()
    while True:
        waited = time.monotonic() - began
        yield waited
        if waited > 0.001:
            time.sleep(min(0.02, waited / 20))


def _world() -> Any:
    """Return MPI's world, or None where MPI has not begun or has ended."""
    mpi: Any = sys.modules.get("mpi4py.MPI")
    return mpi.COMM_WORLD if mpi is not None and mpi.Is_initialized() and not mpi.Is_finalized() else None


def _is_of_mpi(comm: object) -> bool:
    """Return whether a communicator is mpi4py's, or of a class made from it."""
    return any(kind.__module__ == "mpi4py.MPI" for kind in type(comm).__mro__)
