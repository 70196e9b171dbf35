"""A thread that ends the job when a rank waits too long for the others."""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import Any, final

from .communicator import Communicator

GRACE = 2.0
"""Seconds that MPI has to end the job before the process ends itself."""


PASSES_ON = 0.2
"""Seconds that the launcher has to pass a message on, before it hears that the job ends and may drop it."""


def end_job(comm: Communicator, message: str) -> None:
    """Write a message to stderr, and end all processes of the job."""
    print(message, file=sys.stderr, flush=True)
    sys.stdout.flush()
    time.sleep(PASSES_ON)
    last = threading.Timer(GRACE, os._exit, (1,))  # where Abort itself hangs, for a lost network
    last.daemon = True
    last.start()
    try:
        comm.Abort(1)
    except Exception:  # a communicator that its owner has freed since
        os._exit(1)


@final
class Watchdog:
    """Ends the job when one wait for other ranks takes longer than `timeout` seconds.

    Parameters
    ----------
    comm : Communicator
    timeout : float
    """

    def __init__(self, comm: Communicator, timeout: Any) -> None:
        self.comm, self.rank, self.timeout = comm, comm.Get_rank(), float(timeout)
        self.since: float | None = None
        self.what = ""
        self._over = threading.Event()
        threading.Thread(target=self._watch, name="gdcore-watchdog", daemon=True).start()

    def stop(self) -> None:
        """Watch no longer."""
        self._over.set()

    def waits(self, what: str) -> None:
        """Note that a wait begins."""
        self.what, self.since = what, time.monotonic()

    def goes_on(self) -> None:
        """Note that it is over."""
        self.since = None

    def _watch(self) -> None:
        timeout = self.timeout
        while not self._over.wait(min(1.0, timeout / 4)):
            since = self.since
            if since is not None and time.monotonic() - since > timeout:
                end_job(
                    self.comm,
                    f"gdcore: rank {self.rank} has waited more than {timeout:g} s for the other ranks ({self.what}): "
                    "one of them has stopped or hangs, so the job ends; raise timeout= if they are only slow",
                )
                return
