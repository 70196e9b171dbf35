"""What this room asks of a communicator, and the checks of one.

Design
------
mpi4py is not imported here. A communicator is whatever has these methods, as mpi4py's have them, so a test or another
library can bring its own.
"""

from __future__ import annotations

import os
import sys
from typing import Any, Protocol, runtime_checkable

from . import checks as distributed_checks

LAUNCHERS = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "SLURM_NTASKS")
"""Environment variables in which launchers tell each process how many there are; the first that is set counts, for
mpiexec within an allocation of Slurm starts fewer processes than it has tasks.
"""


@runtime_checkable
class Communicator(Protocol):
    """A group of processes, as mpi4py's intracommunicators are."""

    def Get_rank(self) -> int: ...
    def Get_size(self) -> int: ...
    def Dup(self) -> Any: ...
    def Free(self) -> None: ...
    def Abort(self, errorcode: int = 0) -> Any: ...
    def allgather(self, sendobj: Any) -> list[Any]: ...
    def Allgather(self, sendbuf: Any, recvbuf: Any) -> None: ...
    def Allgatherv(self, sendbuf: Any, recvbuf: Any) -> None: ...
    def Alltoallv(self, sendbuf: Any, recvbuf: Any) -> None: ...
    def Allreduce(self, sendbuf: Any, recvbuf: Any) -> None: ...


@runtime_checkable
class MayJoin(Protocol):
    """What can tell whether it is an intercommunicator, which joins two groups of processes."""

    def Is_inter(self) -> bool: ...


def communicator(comm: object) -> Communicator:
    """Check and return a communicator.

    Raises
    ------
    TypeError
        For anything that lacks a method, and for an intercommunicator.
    ValueError
        If it is null: freed, or that of a rank that `comm.Split` leaves out.
    RuntimeError
        If it has one process where the launcher has started several.
    """
    if isinstance(comm, type) or not isinstance(comm, Communicator):
        raise distributed_checks.no_communicator(comm)
    try:
        comm.Get_size()
    except Exception:
        raise distributed_checks.null(comm) from None
    if isinstance(comm, MayJoin) and comm.Is_inter():
        raise distributed_checks.no_communicator(comm)
    launched = promised()
    if launched is not None and _world_size(comm) == 1:
        raise distributed_checks.alone(*launched)
    return comm


def promised() -> tuple[str, str] | None:
    """Return in which variable, and how many processes, a launcher says that it has started; None: one, or none has."""
    found = [(name, os.environ[name]) for name in LAUNCHERS if name in os.environ][:1]
    return found[0] if found and found[0][1] != "1" else None


def _world_size(comm: Communicator) -> int:
    """Return the number of processes of the job: those of mpi4py's world, of which `comm` may be a part."""
    world = sys.modules.get("mpi4py.MPI")
    size: int = comm.Get_size() if world is None else max(comm.Get_size(), world.COMM_WORLD.Get_size())
    return size
