"""Hyper-parameters of many models: one value for all, or one for each.

Design
------
Models with equal hyper-parameters share one checked `Settings`, so what is checked are the different ones, and an
engine sees by `is` which models go together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, NamedTuple, final

import numpy as np

from ..base.per_model import PerModel
from ..layers.dropout import Dropout
from ..losses import CustomLoss, Loss, get_loss
from ..optimizers import Optimizer
from ..optimizers.full_batch import get_method
from ..training.averaging import Average
from ..training.settings import Settings
from . import checks as many_checks
from .family import Numbers
from .jobs import Shape

COLUMNS = ("l1", "l2", "clip_norm", "clip_value")
"""Those that models trained together may differ in."""
NUMBERS = ("batch_size", "accumulate", "l1", "l2", "clip_norm", "clip_value")
"""Settings that may be an array of one number for each model."""


class Options(NamedTuple):
    """Arguments of a Trainer for many models: each may be the same for all, or have an entry for each."""

    loss: Any
    optimizer: Any
    batch_size: Any
    accumulate: Any
    shuffle: bool
    drop_last: bool
    l1: Any
    l2: Any
    clip_norm: Any
    clip_value: Any
    layer_rates: Mapping[str, float] | None
    average: Average | None


def count(value: object) -> int | None:
    """Return how many models a value has entries for, or None for one value for all."""
    if isinstance(value, PerModel | list | tuple | range):
        return len(value)
    return len(value) if isinstance(value, np.ndarray) and value.ndim == 1 else None


def entry(value: Any, i: int) -> Any:
    """Return the value of model i."""
    if count(value) is None:
        return value
    found = value[i]
    return found.item() if isinstance(found, np.generic) else found


@final
class SettingsOfAll:
    """Checks the settings of each model once for all models that share them."""

    def __init__(self, options: Options) -> None:
        self.options = options._replace(
            loss=_each(options.loss, get_loss), optimizer=_each(options.optimizer, get_method)
        )
        varying = [name for name in options._fields if count(getattr(self.options, name)) is not None]
        self._varies = bool(varying)
        self._varying = [name for name in varying if name != "optimizer"]
        self._checked: dict[Any, Settings] = {}
        self._known: dict[Any, Settings] = {}
        self._readings: dict[Any, int] = {}
        self._numbers: dict[int, int] = {}

    def loss(self, i: int) -> Loss | CustomLoss:
        """Return the loss of model i."""
        found: Loss | CustomLoss = entry(self.options.loss, i)
        return found

    def of(self, i: int, shape: Shape) -> Settings:
        """Return the checked settings of model i.

        Raises
        ------
        TypeError, ValueError
            For what a Trainer refuses; the message names the model if the settings differ.
        """
        optimizer = entry(self.options.optimizer, i)
        values = tuple(entry(getattr(self.options, name), i) for name in self._varying)
        key = self._reading(shape), type(optimizer), values
        found = self._known.get((key, optimizer))
        if found is None:
            like = self._checked.get(key)  # optimizers of one class are checked already, and fit the same settings
            if like is None:
                own = dict(zip(self._varying, values, strict=True))
                like = self._checked[key] = self._check(own | {"optimizer": optimizer}, i, shape)
            found = self._known[key, optimizer] = replace(like, optimizer=optimizer)
        return found

    def numbers(self, n: int, shape: Shape) -> Numbers | None:
        """Return the settings of n models of a shape as columns, if they differ in numbers alone and all are allowed.

        A number is allowed from one end to another, so those of the least and of the greatest numbers are looked at.
        """
        optimizer, own = self.options.optimizer, {}
        for name in self._varying:
            value = getattr(self.options, name)
            if name not in COLUMNS or type(value) is not np.ndarray or value.dtype.kind not in "fiu":
                return None
            own[name] = np.array(value, np.float64)
        if count(optimizer) is None:
            ends = (optimizer, optimizer)
        elif isinstance(optimizer, PerModel) and optimizer.ends is not None:
            ends = optimizer.ends
        else:
            return None
        low, high = ends
        if not isinstance(low, Optimizer) and optimizer is not low:
            return None
        if isinstance(low, Optimizer) and any(
            getattr(low, what)() != getattr(high, what)() for what in ("slot_names", "amplification")
        ):
            return None
        with suppress(TypeError, ValueError):  # a look at each model names the one that is refused
            for end, of in zip(ends, (np.min, np.max), strict=True):
                values = {name: of(column).item() for name, column in own.items()}
                self._check(values | {"optimizer": end}, 0, shape)
            first = self.of(0, shape)
            return Numbers(first, n, optimizer if isinstance(optimizer, PerModel) else None, own)
        return None

    def _reading(self, shape: Shape) -> int:
        """Return a number that shapes share which read data alike; a shape is looked into once."""
        if id(shape) not in self._numbers:
            self._numbers[id(shape)] = self._readings.setdefault(shape.reading, len(self._readings))
        return self._numbers[id(shape)]

    def _check(self, own: dict[str, Any], i: int, shape: Shape) -> Settings:
        values = self.options._asdict() | own
        try:
            return Settings(**values, seed=None).checked(shape.stack)
        except (TypeError, ValueError) as error:
            if not self._varies:
                raise
            raise type(error)(f"{many_checks.model_name(i, None)}: {error}") from None


def _each(value: Any, read: Any) -> Any:
    """Return records of names and records, of one for all or of a list; an error names the model."""
    if not isinstance(value, list | tuple):
        return value if isinstance(value, PerModel) else read(value)
    found = []
    for i, own in enumerate(value):
        try:
            found.append(read(own))
        except (TypeError, ValueError) as error:
            raise type(error)(f"{many_checks.model_name(i, None)}: {error}") from None
    return found


def stops_of(stop: Any, i: int) -> tuple[Any, ...]:
    """Return the stopping criteria of model i, of one or several of which each may differ from model to model."""
    several = stop if isinstance(stop, Iterable) and not isinstance(stop, PerModel | str) else (stop,)
    return tuple(rule[i] if isinstance(rule, PerModel) else rule for rule in several)


def counts_of_stops(stop: Any) -> Iterable[int]:
    """Return the numbers of models that the stopping criteria have entries for."""
    several = stop if isinstance(stop, Iterable) and not isinstance(stop, PerModel | str) else (stop,)
    return [len(rule) for rule in several if isinstance(rule, PerModel)]


def with_dropout(shape: Shape, rate: float) -> Shape:
    """Return a shape whose dropout layers have this rate."""
    layers = [replace(layer, rate=rate) if isinstance(layer, Dropout) else layer for layer in shape.layers]
    return Shape(tuple(layers), shape.dtype, shape.feature_names)
