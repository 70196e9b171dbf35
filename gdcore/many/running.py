"""Run jobs here, in threads, or by an executor.

Design
------
- Jobs are cut into parts in their order; a part is trained by one call of the engines, with records of its own. A part
  sent to an executor must survive pickling, and what comes back is written into the rows that wait for it: for threads
  these are the same memory.
- Signals reach the main thread alone, which waits for the parts. It asks those in threads to stop (halt.py). Parts in
  other processes, which only an interrupt of their own can stop, are given up after a moment.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from functools import partial
from pickle import PicklingError
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np

from ..base import checks
from ..base.threads import MOST_THREADS
from . import checks as many_checks
from .engine import train_jobs
from .family import Family
from .halt import Halt
from .jobs import Course, Job
from .progress import Progress, silent
from .records import Records

PARTS_PER_WORKER = 4
"""Parts for each thread, so that none waits long for the last one."""
PARTS_OF_EXECUTOR = 32
"""Parts for an executor, whose number of workers is unknown."""
PATIENCE = 0.05
"""Seconds between two looks for an interrupt, and after one for what other processes have done."""


def run(
    jobs: Sequence[Job], course: Course, records: Records, executor: Any, threads: int | None, progress: bool
) -> None:
    """Train all jobs and fill the records.

    Raises
    ------
    KeyboardInterrupt
        With all that was done recorded.
    """
    workers = 1 if threads is None else checks.integer("threads", threads, 1, MOST_THREADS)
    tell = Progress(len(jobs)) if progress else silent()
    try:
        with tell:
            if executor is not None:
                many_checks.executor(executor, threads, Executor)
                halt = Halt() if isinstance(executor, ThreadPoolExecutor) else None
                _in_parts(jobs, course, records, executor, PARTS_OF_EXECUTOR, tell.add, halt)
            elif workers == 1 or len(jobs) == 1:
                train_jobs(jobs, course, records, tell.add)
            else:
                halt = Halt()
                with ThreadPoolExecutor(workers) as pool:
                    _in_parts(jobs, course, records, pool, workers * PARTS_PER_WORKER, tell.add, halt)
    finally:
        records.cut()


Part = tuple[Records, Any, bool]
"""Records, the parameters of all jobs, and whether an interrupt ended it."""


INTERRUPTED_CALLS: set[str] = set()
"""The calls whose parts an interrupt has ended in this process: it leaves out those that wait."""


def train_part(jobs: Sequence[Job], course: Course, halt: Halt | None, call: str) -> Part:
    """Train some jobs of a call, by whatever thread or process."""
    family = jobs if isinstance(jobs, Family) else None
    records = Records((job.number for job in jobs) if family is None else family.numbers, 0)
    interrupted = call in INTERRUPTED_CALLS or (halt is not None and halt.is_set())
    if halt is not None:
        course = course._replace(callbacks=(*course.callbacks, halt))
    if not interrupted:
        try:
            train_jobs(jobs, course, records, lambda n: None)
        except KeyboardInterrupt:
            interrupted = True
            INTERRUPTED_CALLS.add(call)
    records.cut()
    return records, [job.params for job in jobs] if family is None else family.params, interrupted


def _in_parts(
    jobs: Sequence[Job],
    course: Course,
    records: Records,
    executor: Executor,
    n_parts: int,
    tell: Callable[[int], None],
    halt: Halt | None,
) -> None:
    size = -(-len(jobs) // min(n_parts, len(jobs)))
    parts = [jobs[first : first + size] for first in range(0, len(jobs), size)]
    train = partial(train_part, course=course, halt=halt, call=os.urandom(16).hex())
    send: Callable[[Sequence[Job]], Future[Part]] = partial(executor.submit, train)
    put = partial(_put, records)
    waiting: dict[Future[Part], Sequence[Job]] = {}
    try:  # a call: from Python 3.12 on, `try` does not cover a last loop's jump back, where an interrupt may come
        interrupted = _send_and_wait(parts, send, put, tell, waiting)
    except BaseException as error:
        if halt is not None:
            halt.set()
        running = [future for future in waiting if not future.cancel()]
        wait(running, None if halt is not None else PATIENCE)  # processes get the same interrupt from a terminal
        for future in running:
            if future.done() and future.exception() is None:
                put(waiting[future], future.result())
        if is_unsendable(error):
            raise many_checks.not_sent(error) from None
        raise
    if interrupted:
        raise KeyboardInterrupt


def _send_and_wait(
    parts: list[Sequence[Job]],
    send: Callable[[Sequence[Job]], Future[Part]],
    put: Callable[[Sequence[Job], Part], bool],
    tell: Callable[[int], None],
    waiting: dict[Future[Part], Sequence[Job]],
) -> bool:
    """Have all parts trained; return whether an interrupt ended one. `waiting` holds those not recorded yet."""
    done: SimpleQueue[Future[Part]] = SimpleQueue()  # no interrupt leaves it half changed, as it can `futures.wait`
    for part in parts:
        future = send(part)
        waiting[future] = part
        future.add_done_callback(done.put)
    interrupted = False
    while waiting:
        try:
            future = done.get(timeout=PATIENCE)
        except Empty:
            continue
        part = waiting[future]
        interrupted |= put(part, future.result())
        del waiting[future]
        tell(len(part))
    return interrupted


def is_unsendable(error: BaseException) -> bool:
    """Return whether an error says that something cannot be pickled: CPython's words differ between its versions."""
    told = str(error)
    of_pickle = isinstance(error, AttributeError | TypeError) and ("pickle" in told or "Can't get local object" in told)
    return of_pickle or isinstance(error, PicklingError)


def _put(records: Records, jobs: Sequence[Job], part: Part) -> bool:
    found, params, interrupted = part
    if isinstance(jobs, Family) and isinstance(jobs.params, np.ndarray):
        if not np.may_share_memory(params, jobs.params):
            jobs.params[:] = params
    else:
        for job, trained in zip(jobs, params, strict=True):
            if trained is not job.params:
                job.params[:] = trained
    records.put_all(found)
    return interrupted
