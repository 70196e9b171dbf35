"""Runs cases: one pinned process per library, and their runs in turn.

Design
------
- A process knows its threads from its first instruction: the environment says how many, and it inherits the affinity.
- The libraries take turns, run by run, on the same cores; the others sleep meanwhile. A ratio thus compares what was
  measured within moments, and a busy machine or a changing clock rate meets both sides.
- A process finds modules where this one found them: its path is handed over, and the current folder is not added. A
  library with an interpreter of its own gets the source folders only (`interpreters`).
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from typing import Any, final

from .interpreters import environment_of, is_installed
from .library import Entry
from .machine import usable_cores
from .measure import Timing, relative_difference
from .suites import Suite
from .tasks import Case

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "GDCORE_NUM_THREADS",
)
TOLERANCE = 1e-3
"""Libraries agree if their results differ by at most this share; they compute in float32."""


@final
@dataclass(frozen=True)
class Budget:
    """How long to measure: `rounds` runs of `run_seconds`, fewer where a case would last over `case_seconds`."""

    run_seconds: float
    rounds: int
    case_seconds: float
    least_rounds: int = 3


FULL = Budget(0.03, 11, 8.0)
QUICK = Budget(0.02, 5, 1.5, least_rounds=2)


@final
@dataclass
class Row:
    """One case: the results of each library, in their order.

    Attributes
    ----------
    case : Case
    timings : dict of str to Timing
        Seconds of one unit of work, or what else the suite's unit is.
    cpu : dict of str to Timing
        CPU seconds of one unit of work, all threads together.
    checks : dict of str to float
    refused, failed : dict of str to str
        Why a library has no timing.
    compared : bool
        Whether the checks must agree.
    """

    case: Case
    timings: dict[str, Timing] = field(default_factory=dict)
    cpu: dict[str, Timing] = field(default_factory=dict)
    checks: dict[str, float] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    compared: bool = True

    @property
    def apart(self) -> float:
        """Largest relative difference of the results that must agree; NaN if one is not finite."""
        return relative_difference(list(self.checks.values()))

    @property
    def agrees(self) -> bool:
        """Whether the libraries did equal work; False after a NaN."""
        return not self.compared or self.apart <= TOLERANCE

    @property
    def ok(self) -> bool:
        """Whether the row can be trusted."""
        return self.agrees and not self.failed

    def ratio(self, name: str, base: str) -> float:
        """Return how many times longer a library took, or more it used, than `base`; NaN if that is 0."""
        least = self.timings[base].median
        return self.timings[name].median / least if least else math.nan


class LibraryFailedError(RuntimeError):
    """A library's process gave no answer; the message repeats its last output."""


@contextmanager
def pinned(n_cores: int) -> Iterator[None]:
    """Pin processes that start meanwhile to the last `n_cores` cores available to this one."""
    if sys.platform != "linux":
        yield
        return
    mine = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(mine)[-n_cores:])
    try:
        yield
    finally:
        os.sched_setaffinity(0, mine)


@final
class Worker:
    """The process of one library, with a number of threads."""

    def __init__(self, entry: Entry, threads: int) -> None:
        environment = environment_of(entry) | dict.fromkeys(THREAD_VARIABLES, str(threads))
        environment |= dict(entry.environment)
        with pinned(threads):
            self.process = subprocess.Popen(
                [entry.python or sys.executable, "-P", "-m", "gdcore.bench.worker", entry.adapter],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                env=environment,
            )
        try:
            self.versions: dict[str, str] = self._read()["versions"]
        except BaseException:
            self.close()
            raise

    def _read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise LibraryFailedError(f"its process ended with status {self.process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        if "failed" in answer:
            raise LibraryFailedError(answer["failed"].rstrip())
        return answer

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send a request and wait for its answer."""
        assert self.process.stdin is not None
        try:
            print(json.dumps(request), file=self.process.stdin, flush=True)
        except BrokenPipeError:
            raise LibraryFailedError(f"its process ended with status {self.process.wait()}") from None
        return self._read()

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        with suppress(BrokenPipeError):
            self.process.stdin.close()


@final
class Runner:
    """Keeps a process per library; use it in a `with` statement.

    Parameters
    ----------
    libraries : sequence of Entry
        The first one is what the others are compared with.
    budget : Budget

    Attributes
    ----------
    versions : dict of str to dict
        What each library says of itself.
    """

    def __init__(self, libraries: Sequence[Entry], budget: Budget) -> None:
        self.libraries = tuple(libraries)
        self.budget = budget
        self.versions: dict[str, dict[str, str]] = {}
        self._workers: dict[tuple[str, int], Worker] = {}
        self._broken: dict[str, LibraryFailedError] = {}

    def __enter__(self) -> Runner:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers.values():
            worker.close()
        self._workers.clear()

    def _worker(self, entry: Entry, threads: int) -> Worker:
        if entry.name in self._broken:
            raise self._broken[entry.name]
        key = (entry.name, threads)
        if key in self._workers and self._workers[key].process.poll() is not None:
            self._workers.pop(key).close()
        if key not in self._workers:
            try:
                self._workers[key] = Worker(entry, threads)
            except LibraryFailedError as error:
                self._broken[entry.name] = error
                raise
            self.versions[entry.name] = self._workers[key].versions
        return self._workers[key]

    def run(self, suite: Suite, case: Case) -> Row:
        """Measure one case with every library."""
        row = Row(case, compared=suite.compared)
        cores = usable_cores()
        ready: dict[str, Worker] = {}
        runs: dict[str, list[dict[str, float]]] = {}
        for entry in self.libraries:
            threads = entry.threads or case.threads or cores
            if threads > cores:
                row.refused[entry.name] = f"{threads} threads on {cores} cores"
                continue
            problem = replace(case.problem, **dict(entry.changes))
            mine = asdict(replace(case, problem=problem, threads=threads))
            try:
                worker = self._worker(entry, threads)
                answer = worker.ask(do="prepare", task=suite.task, case=mine, run_seconds=self.budget.run_seconds)
            except LibraryFailedError as error:
                row.failed[entry.name] = str(error)
                continue
            if "refused" in answer:
                row.refused[entry.name] = answer["refused"]
                continue
            if answer["check"] is not None:
                row.checks[entry.name] = answer["check"]
            if "amount" in answer:
                row.timings[entry.name] = Timing((answer["amount"],))
            else:
                ready[entry.name], runs[entry.name] = worker, []
        began = time.perf_counter()
        for done in range(self.budget.rounds):
            if done >= self.budget.least_rounds and time.perf_counter() - began > self.budget.case_seconds:
                break
            for name, worker in list(ready.items()):
                try:
                    runs[name].append(worker.ask(do="run"))
                except LibraryFailedError as error:
                    row.failed[name] = str(error)
                    del ready[name]
        for name in ready:
            row.timings[name] = Timing(tuple(run["seconds"] for run in runs[name]))
            row.cpu[name] = Timing(tuple(run["cpu"] for run in runs[name]))
        return row


def installed(libraries: Sequence[Entry]) -> tuple[list[Entry], list[Entry]]:
    """Return the installed libraries, and the missing ones."""
    here = [entry for entry in libraries if is_installed(entry)]
    return here, [entry for entry in libraries if entry not in here]
