"""The ranks of a fit: they meet before each exchange, and learn there if one of them has failed.

Design
------
- Every exchange begins with a `meet`, a small Allgather of one row of doubles for each rank: what the rank does, its
  clock, and the values of its shards. A rank that fails calls `meet` once more, in place of its next one, and says so.
  So an exception on one rank becomes an exception on all of them at their next exchange, and nobody waits for ever.
- Ranks that fail together, as when all parameters diverge, do the same: each has its own exception.
- If the others do not come within `PATIENCE` seconds, the failed rank ends the job. It does so at once where they may
  be in another exchange than a meeting, as after an interrupt among gradients: what it sends would be taken for these.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import TypeVar, final

import numpy as np
from numpy.typing import NDArray

from . import checks as distributed_checks
from .communicator import Communicator
from .errors import RankError
from .watchdog import Watchdog, end_job

T = TypeVar("T")

FAILED, STEP, CLOCK, END, MEASURE = range(5)
"""What ranks meet for."""
CALLS = ("failed", "makes a step", "ends or begins an epoch", "ends its fit", "measures the model")
HEAD = 2
"""Numbers of a row before the values: what the rank meets for, and its clock."""
PATIENCE = 5.0
"""Seconds that a failed rank waits for the others."""


@final
class Group:
    """The ranks that train together, or one process alone.

    Parameters
    ----------
    comm : Communicator or None
        None: there is one process.
    watchdog : Watchdog or None
        Ends the job when this rank waits too long; None: it may wait for ever.
    """

    def __init__(self, comm: Communicator | None, watchdog: Watchdog | None) -> None:
        self.comm, self.watchdog = comm, watchdog
        self.rank, self.size = (0, 1) if comm is None else (comm.Get_rank(), comm.Get_size())
        self.meets_next = True
        """Whether the next exchange of the other ranks is certainly a meeting."""
        self.parted = False
        """Whether all ranks know that the fit is over, for one has failed."""
        self.make_room(1)

    def make_room(self, width: int) -> None:
        """Make room for at most so many values of a rank, at least one."""
        self._row = np.zeros(HEAD + width)
        self._rows = np.zeros((self.size, HEAD + width))

    def told(self, own: T) -> list[T]:
        """Return what each rank passes."""
        if self.comm is None:
            return [own]
        self.wait("begins a fit")
        found = self.comm.allgather(own)
        self.go_on()
        return found

    def meet(self, call: int, values: Sequence[float] = ()) -> NDArray[np.float64]:
        """Exchange values with the other ranks, and return those of all: (size, width), of which a rank fills its part.

        Raises
        ------
        RankError
            If another rank has failed, or meets for something else.
        """
        row = self._row
        row[0], row[1] = call, time.perf_counter()
        row[HEAD : HEAD + len(values)] = values
        rows = self._rows
        if self.comm is None or self.size == 1:
            rows[0] = row
            return rows[:, HEAD:]
        self.meets_next = False
        self.wait(CALLS[call])
        self.comm.Allgather(row, rows)
        self.go_on()
        calls = rows[:, 0]
        if (calls != call).any():
            self._part(call, calls)
        self.meets_next = call != STEP
        return rows[:, HEAD:]

    def clock(self, state: int) -> float:
        """Return rank 0's time in seconds; `state` is a checksum of what all ranks must have alike.

        Raises
        ------
        RankError
            On all ranks, if one has another.
        """
        states = self.meet(CLOCK, (state,))[:, 0]
        others = np.flatnonzero(states != states[0])
        if len(others):
            rank, self.parted = int(others[0]), True
            raise RankError(distributed_checks.drifted(rank), rank)
        return float(self._rows[0, 1])

    def end(self) -> None:
        """Wait until every rank has come to the end."""
        self.meet(END)

    def wait(self, what: str) -> None:
        """Let the watchdog know that this rank waits for the others."""
        if self.watchdog is not None:
            self.watchdog.waits(what)

    def go_on(self) -> None:
        """Let it know that the wait is over."""
        if self.watchdog is not None:
            self.watchdog.goes_on()

    def fail(self, error: BaseException) -> None:
        """Tell the other ranks, at their next meeting, that this one has failed."""
        if self.comm is None or self.size == 1:
            return
        told = f"{type(error).__name__}: {error}"
        if not self.meets_next:
            end_job(self.comm, f"gdcore: rank {self.rank} failed with {told}")
        ends = threading.Timer(PATIENCE, end_job, (self.comm, f"gdcore: rank {self.rank} failed with {told}"))
        ends.daemon = True
        ends.start()
        self._row[0] = FAILED
        self.comm.Allgather(self._row, self._rows)
        self.comm.allgather(told)
        ends.cancel()

    def _part(self, call: int, calls: NDArray[np.float64]) -> None:
        """Raise what has brought the ranks apart."""
        assert self.comm is not None
        if (calls == FAILED).any():
            told = self.comm.allgather("")
            self.parted = True
            rank = next(rank for rank, message in enumerate(told) if message)
            raise RankError(f"rank {rank} failed with {told[rank]}", rank)
        self.parted = True
        others = {rank: CALLS[int(code)] for rank, code in enumerate(calls)}
        raise RankError(distributed_checks.other_calls(others), int(np.flatnonzero(calls != call)[0]))
