"""Families: jobs that one compiled training serves, as columns.

Design
------
- To make a `Job` for each of ten thousand small models takes longer than to train them. A family is a sequence of
  jobs that makes one when it is asked for. What all have in common is one value, what differs is an array or a list.
- plan.py makes a family where the models' settings differ in numbers alone; other jobs come one by one, and the engine
  makes families of them. It sees nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, final, overload

import numpy as np
from numpy.typing import NDArray

from .._kernels.records import ModelOptions
from ..base.per_model import PerModel
from ..data.samples import Samples
from ..layers.dropout import Dropout
from ..optimizers import Optimizer
from ..schedules import Schedule
from ..training.settings import Settings
from ..training.stopping.base import StopSpec
from .jobs import Job, Shape


@final
@dataclass(frozen=True, eq=False)
class Numbers:
    """Settings of many models that differ in numbers alone.

    Attributes
    ----------
    first : Settings
        Checked; those of the first model.
    n : int
        Number of models.
    optimizer : PerModel or None
        Their optimizers, as columns, if they differ.
    own : dict of str to ndarray
        Other settings that differ, (n,) each.
    """

    first: Settings
    n: int
    optimizer: PerModel | None
    own: dict[str, NDArray[Any]]

    def of(self, i: int) -> Settings:
        """Return the settings of one model."""
        if self.optimizer is None and not self.own:
            return self.first
        values: dict[str, Any] = {name: column[i].item() for name, column in self.own.items()}
        if self.optimizer is not None:
            values["optimizer"] = self.optimizer[i]
        return replace(self.first, **values)

    def part(self, which: slice) -> Numbers:
        """Return the settings of some models."""
        optimizer = None if self.optimizer is None else self.optimizer.part(which)
        own = {name: column[which] for name, column in self.own.items()}
        n = len(range(self.n)[which])
        return Numbers(self.first, n, optimizer, own)

    def options(self) -> NDArray[np.float64]:
        """Return a `ModelOptions` of each model, (n, 7)."""
        found = np.tile(np.array(options_of(self.first)), (self.n, 1))
        varying = dict(self.own)
        columns = {} if self.optimizer is None else self.optimizer.columns or {}
        for name, column in (("learning_rate", "learning_rate"), ("decay", "weight_decay")):
            if isinstance(columns.get(column), np.ndarray):
                varying[name] = columns[column]
        for name, values in varying.items():
            found[:, ModelOptions._fields.index(name)] = values
        return found

    def hyper(self) -> NDArray[np.float64]:
        """Return the hyper-parameters of each model, (n, number of them)."""
        found = np.tile(np.array(self.first.rule.hyper(), np.float64), (self.n, 1))
        if self.optimizer is not None and self.optimizer.columns is not None:
            for name, values in self.optimizer.columns.items():
                if isinstance(values, np.ndarray) and name != "learning_rate":
                    found[:, _place(self.first.rule, name)] = values
        return found


def _place(rule: Optimizer, name: str) -> int:
    """Return the place of a field among a rule's hyper-parameters, which leave the learning rate out."""
    place = 0
    for field in type(rule).__dataclass_fields__:
        if field == name:
            break
        value = getattr(rule, field)
        place += len(value) if isinstance(value, tuple) else 1
    return place - 1


def options_of(settings: Settings) -> ModelOptions:
    """Return the row of one model's options."""
    rule = settings.rule
    rate = rule.learning_rate
    return ModelOptions(
        rate.formula(0) if isinstance(rate, Schedule) else rate,
        settings.l1,
        settings.l2,
        settings.clip_norm or np.inf,
        settings.clip_value or np.inf,
        rule.weight_decay,
        rule.amplification(),
    )


@final
@dataclass(frozen=True, eq=False)
class Family(Sequence[Job]):
    """Jobs of models that agree in layers but for rates of dropout, precision, loss, kind of rule, batches, averages.

    Attributes
    ----------
    numbers : ndarray of int64, shape (n,)
        Of the models among all.
    shapes : Shape or list of Shape
    params : ndarray, shape (n, n_params), or list of arrays
        Trained in place.
    settings : Numbers or list of Settings
    seeds : ndarray of uint64, shape (n,)
    data, validation : Samples or list of Samples, or None
    rows, validation_rows : list of arrays or None, or None
    stop : tuple of criteria, or list of tuples
    """

    numbers: NDArray[np.int64]
    shapes: Shape | list[Shape]
    params: NDArray[Any] | list[NDArray[Any]]
    settings: Numbers | list[Settings]
    seeds: NDArray[np.uint64]
    data: Samples | list[Samples]
    rows: list[Any] | None
    validation: Samples | list[Any] | None
    validation_rows: list[Any] | None
    stop: tuple[StopSpec, ...] | list[tuple[StopSpec, ...]]

    @classmethod
    def of(cls, jobs: Sequence[Job]) -> Family:
        """Return a family of jobs that go together."""
        if isinstance(jobs, Family):
            return jobs
        data, measured = [job.data for job in jobs], [job.validation for job in jobs]
        return cls(
            np.array([job.number for job in jobs], np.int64),
            [job.shape for job in jobs],
            [job.params for job in jobs],
            [job.settings for job in jobs],
            np.array([job.seed for job in jobs], np.uint64),
            data[0] if all(own is data[0] for own in data) else data,
            None if all(job.rows is None for job in jobs) else [job.rows for job in jobs],
            measured[0] if all(own is measured[0] for own in measured) else measured,
            None if all(job.validation_rows is None for job in jobs) else [job.validation_rows for job in jobs],
            [job.stop for job in jobs],
        )

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, i: int) -> Job: ...

    @overload
    def __getitem__(self, i: slice) -> Family: ...

    def __getitem__(self, i: Any) -> Any:
        """Return one job, or for a slice a family of some."""
        parts = {name: _of(getattr(self, name), i) for name in Family.__dataclass_fields__ if name != "settings"}
        if isinstance(i, slice):
            some = self.settings.part(i) if isinstance(self.settings, Numbers) else self.settings[i]
            return Family(**parts, settings=some)
        if not -len(self) <= i < len(self):
            raise IndexError(i)
        own = self.settings.of(i) if isinstance(self.settings, Numbers) else self.settings[i]
        return Job(
            int(parts["numbers"]),
            parts["shapes"],
            parts["params"],
            own,
            int(parts["seeds"]),
            parts["data"],
            parts["rows"],
            parts["validation"],
            parts["validation_rows"],
            parts["stop"],
        )

    def options(self) -> NDArray[np.float64]:
        """Return a `ModelOptions` of each model, (n, 7)."""
        if isinstance(self.settings, Numbers):
            return self.settings.options()
        return np.array([options_of(settings) for settings in self.settings])

    def hyper(self) -> NDArray[np.float64]:
        """Return the hyper-parameters of each model, (n, number of them)."""
        if isinstance(self.settings, Numbers):
            return self.settings.hyper()
        return np.array([settings.rule.hyper() for settings in self.settings], np.float64).reshape(len(self), -1)

    def dropout(self) -> NDArray[np.float64]:
        """Return the rates of dropout of each model's layers as the kernels see them, (n, n_layers)."""
        if isinstance(self.shapes, Shape):
            return np.tile(_rates(self.shapes), (len(self), 1))
        return np.array([_rates(shape) for shape in self.shapes])

    def n_rows(self) -> NDArray[np.int64]:
        """Return the number of rows that each model is trained on, (n,)."""
        several = [self.data] if isinstance(self.data, Samples) else self.data
        found = np.array([len(own.X) for own in several], np.int64)
        found = np.repeat(found, len(self) // len(found))
        for i, rows in enumerate(self.rows or ()):
            found[i] = found[i] if rows is None else len(rows)
        return found

    def schedules(self) -> list[Schedule | None]:
        """Return the schedule of each model, or of all one."""
        if isinstance(self.settings, Numbers):
            return [self.settings.first.schedule]
        return [settings.schedule for settings in self.settings]

    def stops(self) -> list[tuple[StopSpec, ...]]:
        """Return the criteria of each model."""
        return self.stop if isinstance(self.stop, list) else [self.stop] * len(self)


def _of(column: Any, i: Any) -> Any:
    """Return a column's value of one model, or its part of some; what is one for all stays so."""
    return column[i] if isinstance(column, np.ndarray | list) else column


def _rates(shape: Shape) -> list[float]:
    return [layer.rate if isinstance(layer, Dropout) else 0.0 for layer in shape.stack.plain.layers]
