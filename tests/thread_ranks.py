"""A communicator whose ranks are threads of this process, for tests of many ranks without MPI."""

import threading

import numpy as np


class World:
    """What the threads share."""

    def __init__(self, size):
        self.size, self.barrier, self.given = size, threading.Barrier(size, timeout=60), [None] * size


class ThreadRank:
    """One rank's communicator, with the methods of mpi4py's that gdcore calls."""

    def __init__(self, world, rank):
        self.world, self.rank, self.aborted = world, rank, False

    def Get_rank(self):
        return self.rank

    def Get_size(self):
        return self.world.size

    def Dup(self):
        return ThreadRank(self.world, self.rank)

    def Free(self):
        pass

    def Abort(self, errorcode=0):
        self.aborted = True
        self.world.barrier.abort()

    def allgather(self, sendobj):
        self.world.given[self.rank] = sendobj
        self.world.barrier.wait()
        found = list(self.world.given)
        self.world.barrier.wait()
        return found

    def Allgather(self, sendbuf, recvbuf):
        recvbuf[:] = np.array(self.allgather(sendbuf.copy()))

    def Allgatherv(self, sendbuf, recvbuf):
        to, (counts, places) = recvbuf
        for part, count, place in zip(self.allgather(sendbuf.copy()), counts, places, strict=True):
            assert part.size == count
            to[place : place + count] = part

    def Alltoallv(self, sendbuf, recvbuf):
        (array, (counts, places)), (to, (expected, at)) = sendbuf, recvbuf
        cut = [array.reshape(-1)[place : place + n].copy() for n, place in zip(counts, places, strict=True)]
        for parts, count, place in zip(self.allgather(cut), expected, at, strict=True):
            assert parts[self.rank].size == count
            to.reshape(-1)[place : place + count] = parts[self.rank]

    def Allreduce(self, sendbuf, recvbuf):
        recvbuf[:] = sum(self.allgather(sendbuf.copy()))


def on_ranks(size, call):
    """Return what call(comm) returns on each rank, or the exception that it raises."""
    world, found = World(size), [None] * size

    def one(rank):
        try:
            found[rank] = call(ThreadRank(world, rank))
        except Exception as error:
            found[rank] = error

    threads = [threading.Thread(target=one, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found
