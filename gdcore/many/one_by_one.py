"""The engine that takes every job: the Trainer's own fit, one model after another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import final

from ..data.class_weight import class_factors, class_weighted
from ..data.samples import Samples
from ..layers.stack import Stack
from ..training.compiled import begin
from ..training.errors import DivergedError
from ..training.fit import Fit
from ..training.fit_options import FitOptions
from ..training.state import TrainingState
from ..training.validation import weigh_validation
from .answers import Stacks
from .jobs import Course, Job
from .records import INTERRUPTED, Records


@final
class OneByOne:
    """Trains by `Fit`; a model's part of the data is copied while it is trained."""

    name = "one by one"

    def takes(self, job: Job, course: Course) -> bool:
        """Return True."""
        return True

    def train(self, jobs: Sequence[Job], course: Course, records: Records, tell: Callable[[int], None]) -> None:
        """Train the jobs in their order."""
        stacks = Stacks()
        for job in jobs:
            stack = stacks.of(job.shape, job.params)
            try:
                _train(stack, job, course, records)
            finally:
                job.params[:] = stack.params
            tell(1)


def _train(stack: Stack, job: Job, course: Course, records: Records) -> None:
    state = begin(stack, replace(job.settings, seed=job.seed))
    data, validation = _data(state, job, course)
    leaves_mean = job.settings.average is not None
    options = FitOptions(
        course.epochs,
        course.max_steps,
        course.metrics,
        job.stop,
        course.callbacks,
        course.record,
        False,
        leaves_mean,
        advises=False,
    )
    fit, row = Fit(state, data, validation, options), records.at(job.number)
    try:
        fit.run()
    except DivergedError as error:
        fit.history.stop_reason = str(error)
        records.put(row, fit.history, diverged=True)
    except KeyboardInterrupt:
        fit.history.stop_reason = f"{INTERRUPTED} in epoch {fit.history.epochs}"
        records.put(row, fit.history)
        raise
    else:
        records.put(row, fit.history)


def _data(state: TrainingState, job: Job, course: Course) -> tuple[Samples, Samples | None]:
    """Return training and validation data of a job with their weights, as `Trainer.fit` takes them."""
    loss, n_out = state.settings.loss, state.stack.out_features
    data = job.data if job.rows is None else job.data.taken(job.rows)
    validation = job.validation
    if validation is not None and job.validation_rows is not None:
        validation = validation.taken(job.validation_rows)
    if course.class_weight is not None:
        weights = class_factors(data, course.class_weight, loss, n_out)
        data = class_weighted(data, weights, loss, n_out)
        validation = None if validation is None else weigh_validation(validation, weights, loss, n_out)
    return data, validation
