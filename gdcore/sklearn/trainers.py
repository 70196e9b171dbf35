"""Trainers that go on where another one stopped, also under changed settings, and those of several processes."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from ..base.later import later
from ..losses import CustomLoss, Loss
from ..models import Sequential
from ..optimizers import Optimizer
from ..schedules import Schedule
from ..training import Average, Trainer


class Settings(NamedTuple):
    """The arguments of a `Trainer` besides its model."""

    loss: Loss | CustomLoss
    optimizer: Optimizer
    batch_size: int
    shuffle: bool
    l1: float
    l2: float
    clip_norm: float | None
    clip_value: float | None
    average: Average | None
    seed: int
    layer_rates: dict[str, float]

    def trainer(self, net: Sequential) -> Trainer:
        """Return a new trainer of this network."""
        options: dict[str, Any] = self._asdict()
        return Trainer(net, options.pop("loss"), options.pop("optimizer"), **options)


def over(comm: Any) -> AbstractContextManager[None]:
    """Return a block in which every fit is spread over the ranks of a communicator; None changes nothing."""
    if comm is None:
        return nullcontext()
    block: AbstractContextManager[None] = later("distributed", "spread")(comm)
    return block


def replaced(optimizer: Optimizer, rate: float | Schedule) -> Optimizer:
    """Return the same optimizer with another learning rate.

    Examples
    --------
    >>> from gdcore.optimizers import Adam
    >>> replaced(Adam(0.001), 0.1)
    Adam(0.1)
    """
    record: Any = optimizer  # every optimizer is a dataclass
    found: Optimizer = replace(record, learning_rate=rate)
    return found


def settings_of(trainer: Trainer) -> Settings:
    """Return the settings that a trainer was made with."""
    return Settings(*(getattr(trainer, name) for name in Settings._fields))


def going_on(trainer: Trainer, settings: Settings) -> Trainer:
    """Return a trainer with these settings that goes on where this one is.

    It is the same one if the settings are. Otherwise the state is kept where the new optimizer has the same name,
    without the slots where the two have others; a new rate counts from now on. An average that is of another kind than
    before begins now.
    """
    before = settings_of(trainer)
    old, new = before.optimizer, settings.optimizer
    if old.name != new.name:
        return settings.trainer(trainer.model)
    settings = settings._replace(average=_average(before.average, settings.average, trainer.steps_done))
    if before == settings:
        return trainer
    found = settings.trainer(trainer.model)
    state = trainer.state_dict()
    if old.slot_names() != new.slot_names():
        state["optimizer"] = {**found.state_dict()["optimizer"], "step_count": trainer.steps_done}
    if before.average != settings.average:
        mean = None if settings.average is None else trainer.model.params.astype(np.float64)
        state |= {"average": settings.average, "averaged": mean}
    found.load_state_dict(state)
    if new != old and not isinstance(new.learning_rate, Schedule):
        found.learning_rate = new.learning_rate
    return found


def _average(old: Average | None, wanted: Average | None, steps_done: int) -> Average | None:
    """Return the average that goes on: the old one, if it differs by a later start alone, or one that begins now.

    Examples
    --------
    >>> from gdcore.training import EMA, Polyak
    >>> _average(None, EMA(0.9), 70), _average(Polyak(70), Polyak(), 90), _average(Polyak(), None, 90)
    (EMA(decay=0.9, start=70), Polyak(start=70), None)
    """
    if old is None or wanted is None or old == wanted:
        return wanted if wanted is None or old == wanted else begun(wanted, steps_done)
    same = type(old) is type(wanted) and old.start > wanted.start and begun(wanted, old.start) == old
    return old if same else begun(wanted, steps_done)


def begun(average: Average, step: int) -> Average:
    """Return an average that leaves out the steps before this one."""
    record: Any = average  # every average is a dataclass
    found: Average = replace(record, start=max(average.start, step))
    return found


def answering(trainer: Trainer, net: Sequential) -> Sequential:
    """Return the network that answers: the trained one, or another one for the average of its parameters."""
    own: Sequential = trainer.model
    if trainer.average is None:
        return own
    return own.copy() if net is own else net
