"""What is to be trained: a `Job` for each model, and what an `Engine` makes of them.

Design
------
- A `Job` says all that one model's fit depends on, so a fit is the same whatever is trained beside it. What many models
  share (shape, settings, samples) is one object, and is compared by `is`.
- An engine writes into arrays that are there already: a job's row of parameters, and the model's row of a `Records`.
  engine.py lists the engines.
- Engines only see checked values. Whatever they raise, other than an interrupt, is an error of gdcore or of the user's
  own function.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, Protocol, final

import numpy as np
from numpy.typing import NDArray

from ..data.class_weight import ClassWeight
from ..data.samples import Samples
from ..layers.dropout import Dropout
from ..layers.layer import Layer
from ..layers.stack import Names, Stack
from ..metrics import Metrics
from ..training.callbacks import Callback
from ..training.settings import Settings
from ..training.stopping.base import StopSpec
from .records import Records


@final
@dataclass(frozen=True, eq=False)
class Shape:
    """The layers and the precision of some of the models; equal layers make one shape.

    A stack's parameters are nobody's: an engine may use them as a place to train one model after another.
    """

    layers: tuple[Layer, ...]
    dtype: str
    feature_names: Names | None = None

    @cached_property
    def stack(self) -> Stack:
        """A stack of these layers, whose parameters are 0."""
        return self.new_stack()

    @cached_property
    def reading(self) -> tuple[Any, ...]:
        """What the form of the data depends on: the layers but dropout, and the precision."""
        return tuple(layer for layer in self.layers if not isinstance(layer, Dropout)), self.dtype

    @property
    def name(self) -> str:
        """The layers, for a repr."""
        return " - ".join(map(repr, self.layers))

    def new_stack(self) -> Stack:
        """Return another stack of these layers, for a thread of its own."""
        stack = Stack(self.layers, None, self.dtype)
        stack.feature_names = self.feature_names
        return stack

    def __reduce__(self) -> tuple[Any, ...]:
        return Shape, (self.layers, self.dtype, self.feature_names)


class Course(NamedTuple):
    """What all models' fits have in common: arguments of `Trainer.fit`, as the user gave them."""

    epochs: int | None
    max_steps: int | None
    class_weight: ClassWeight | None
    metrics: Metrics
    callbacks: tuple[Callback, ...]
    record: str | Sequence[str]


@final
@dataclass(frozen=True, eq=False)
class Job:
    """All that the fit of one model depends on, beside the course.

    Attributes
    ----------
    number : int
        Of the model among all, from 0; also its row of the Records.
    shape : Shape
    params : ndarray, shape (n_params,)
        The initial parameters, trained in place: a contiguous row of the result.
    settings : Settings
        Checked, without a seed; models that differ in nothing else share one.
    seed : int
        Of shuffling and dropout, as a Trainer's.
    data : Samples
        Checked, in the shape's precision.
    rows : ndarray of int64, or None
        Rows of `data` that the model is trained on, in this order; None: all.
    validation, validation_rows
        The same for validation data; None: there are none.
    stop : tuple of criteria
    """

    number: int
    shape: Shape
    params: NDArray[Any]
    settings: Settings
    seed: int
    data: Samples
    rows: NDArray[np.int64] | None = None
    validation: Samples | None = None
    validation_rows: NDArray[np.int64] | None = None
    stop: tuple[StopSpec, ...] = field(default=())

    @property
    def n_rows(self) -> int:
        """Number of rows that the model is trained on."""
        return len(self.data.X) if self.rows is None else len(self.rows)


class Engine(Protocol):
    """What trains jobs; it takes some of them, and leaves others to the next engine."""

    name: str

    def takes(self, job: Job, course: Course) -> bool:
        """Return whether this engine trains the job as a Trainer would."""

    def train(self, jobs: Sequence[Job], course: Course, records: Records, tell: Callable[[int], None]) -> None:
        """Train the jobs: their `params` and their rows of `records`, `records.at(job.number)`, are filled.

        Parameters
        ----------
        jobs : sequence of Job
            All taken by this engine, of any shapes and settings.
        course : Course
        records : Records
            Its rows are NaN at first.
        tell : callable
            To be called with the number of models that were finished since the last call.

        Raises
        ------
        KeyboardInterrupt
            With the parameters of all models as of a whole step, and their records as of whole epochs.
        """
