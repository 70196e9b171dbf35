"""Ranks that are threads of this process, so that a claim about several processes is measured without MPI."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar, final

import numpy as np

T = TypeVar("T")


class Sent:
    """A message on its way: it was copied, so nobody has to wait."""

    def Wait(self) -> None:
        """Return at once."""


@final
class ThreadRank:
    """A rank's end of a communicator, as far as `gdcore.distributed.Pipeline` asks for it."""

    def __init__(self, rank: int, shared: Shared) -> None:
        self.rank, self.shared = rank, shared

    def Get_rank(self) -> int:
        """Return this rank's number."""
        return self.rank

    def Get_size(self) -> int:
        """Return the number of ranks."""
        return self.shared.size

    def allgather(self, value: Any) -> list[Any]:
        """Return the values of all ranks."""
        shared = self.shared
        shared.values[self.rank] = value
        shared.barrier.wait()
        found = list(shared.values)
        shared.barrier.wait()
        return found

    def bcast(self, value: Any, root: int = 0) -> Any:
        """Return the root's value."""
        return self.allgather(value)[root]

    def Dup(self) -> ThreadRank:
        """Return this rank's end of another communicator of the same ranks."""
        return self.Split(0, self.rank)

    def Split(self, color: int = 0, key: int = 0) -> ThreadRank:
        """Return this rank's end of a communicator of the ranks with this color, in the order of their keys."""
        told = self.allgather((color, key, self.rank))
        members = sorted(each for each in told if each[0] == color)
        own = members.index((color, key, self.rank))
        made = self.allgather(Shared(len(members)) if own == 0 else None)
        return ThreadRank(own, made[members[0][2]])

    def Isend(self, buffer: Any, to: int, tag: int = 0) -> Sent:
        """Send a copy of an array."""
        self.shared.queue(self.rank, to, tag).put(np.array(buffer))
        return Sent()

    def Send(self, buffer: Any, to: int, tag: int = 0) -> None:
        """Send a copy of an array."""
        self.Isend(buffer, to, tag)

    def Recv(self, buffer: Any, source: int, tag: int = 0) -> None:
        """Write the next array of a rank into the buffer."""
        buffer[...] = self.shared.queue(source, self.rank, tag).get(timeout=60)

    def Bcast(self, buffer: Any, root: int = 0) -> None:
        """Write the root's array into all."""
        buffer[...] = self.bcast(np.array(buffer), root)

    def Free(self) -> None:
        """Do nothing."""

    def Abort(self, errorcode: int = 0) -> None:
        """Let every rank that waits for others raise."""
        self.shared.barrier.abort()

    def Allgather(self, sendbuf: Any, recvbuf: Any) -> None:
        """Write the arrays of all ranks, in their order, into the buffer."""
        recvbuf[...] = self.allgather(np.array(sendbuf))

    def Allgatherv(self, sendbuf: Any, recvbuf: Any) -> None:
        """Raise a RuntimeError: there is one copy of the pipeline, so there is nothing to sum over copies."""
        raise RuntimeError("the ranks of this claim hold one copy of the pipeline, whose gradients no other rank has")

    Alltoallv = Allreduce = Allgatherv


class Shared:
    """What the ranks of a communicator have together."""

    def __init__(self, size: int) -> None:
        self.size, self.barrier = size, threading.Barrier(size)
        self.values: list[Any] = [None] * size
        self.queues: dict[tuple[int, int, int], SimpleQueue[Any]] = {}
        self.lock = threading.Lock()

    def queue(self, *of: int) -> SimpleQueue[Any]:
        """Return the messages from a rank to another one with a tag."""
        with self.lock:
            return self.queues.setdefault((of[0], of[1], of[2]), SimpleQueue())


def on_ranks(size: int, call: Callable[[ThreadRank], T]) -> list[T]:
    """Return what a function returns on each of so many ranks.

    Examples
    --------
    >>> on_ranks(3, lambda comm: comm.allgather(10 * comm.Get_rank()))
    [[0, 10, 20], [0, 10, 20], [0, 10, 20]]
    """
    shared, found, errors = Shared(size), {}, []

    def run(rank: int) -> None:
        try:
            found[rank] = call(ThreadRank(rank, shared))
        except Exception as error:
            errors.append(error)
            shared.barrier.abort()

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return [found[rank] for rank in range(size)]
