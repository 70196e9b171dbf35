"""The seam between what models are to be trained and what trains them: jobs in, parameters and records out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .compiled import Compiled
from .family import Family
from .jobs import Course, Engine, Job
from .one_by_one import OneByOne
from .records import Records

ENGINES: tuple[Engine, ...] = (Compiled(), OneByOne())
"""From the fastest to the one that takes every job."""


def train_jobs(jobs: Sequence[Job], course: Course, records: Records, tell: Callable[[int], None]) -> None:
    """Train each job by the first engine that takes it; one engine has all of its jobs in one call."""
    if isinstance(jobs, Family):
        first = jobs[0]
        next(engine for engine in ENGINES if engine.takes(first, course)).train(jobs, course, records, tell)
        return
    left = list(jobs)
    for engine in ENGINES:
        taken: list[Job] = []
        others: list[Job] = []
        for job in left:
            (taken if engine.takes(job, course) else others).append(job)
        if taken:
            engine.train(taken, course, records, tell)
        left = others
