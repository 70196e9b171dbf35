"""Trainers that go on where another one stopped, also under changed settings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

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

    def trainer(self, net: Sequential) -> Trainer:
        """Return a new trainer of this network."""
        options: dict[str, Any] = self._asdict()
        return Trainer(net, options.pop("loss"), options.pop("optimizer"), **options)


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

    It is the same one if the settings are. Otherwise the optimizer's state is kept where the new optimizer has the
    same name and slots, and the average where it is of the same kind; a new rate counts from now on.
    """
    before = settings_of(trainer)
    if before == settings:
        return trainer
    found = settings.trainer(trainer.model)
    old, new = before.optimizer, settings.optimizer
    if (old.name, old.slot_names(), before.average) == (new.name, new.slot_names(), settings.average):
        found.load_state_dict(trainer.state_dict())
        if new != old and not isinstance(new.learning_rate, Schedule):
            found.learning_rate = new.learning_rate
    return found
