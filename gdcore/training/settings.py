"""`Settings`, what a training is made with beside its model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, final

import numpy as np

from ..base import checks
from ..base.defaults import DEFAULTS
from ..layers.dense import Dense
from ..layers.dropout import Dropout
from ..layers.stack import Stack
from ..losses import CustomLoss, Loss
from ..optimizers import SGD, Optimizer
from ..optimizers.full_batch import FullBatch
from ..schedules import Schedule
from . import checks as training_checks
from .averaging import Average

OPTIONS = tuple(name for name in DEFAULTS._fields if name != "optimizer")
"""Names of the settings that a trainer takes by name only."""

ALWAYS_SHOWN = ("batch_size", "seed")
"""A trainer's repr contains these options even if they have their defaults."""


@final
@dataclass(frozen=True)
class Settings:
    """Loss, optimizer and options, under the names that `Trainer` has for them.

    `checked` compares them with a stack. Without a seed, the training chooses one.
    """

    loss: Loss | CustomLoss
    optimizer: Optimizer | FullBatch
    batch_size: int
    accumulate: int
    shuffle: bool
    drop_last: bool
    l1: float
    l2: float
    clip_norm: float | None
    clip_value: float | None
    layer_rates: Mapping[str, float] | None
    average: Average | None
    seed: int | None

    def checked(self, stack: Stack) -> Settings:
        """Check the settings for a stack and return them, `layer_rates` as a dict of their own.

        Raises
        ------
        TypeError, ValueError
            For the first setting that is not allowed.
        """
        biases = [block.name for block in stack.blocks if block.kind == "bias"]
        found = replace(
            self,
            batch_size=checks.integer("batch_size", self.batch_size, 1, 2**40),
            accumulate=checks.integer("accumulate", self.accumulate, 1, 2**20),
            shuffle=checks.boolean("shuffle", self.shuffle),
            drop_last=checks.boolean("drop_last", self.drop_last),
            l1=checks.nonnegative("l1", self.l1),
            l2=checks.nonnegative("l2", self.l2),
            clip_norm=None if self.clip_norm is None else checks.positive("clip_norm", self.clip_norm),
            clip_value=None if self.clip_value is None else checks.positive("clip_value", self.clip_value),
            layer_rates=training_checks.layer_rates(
                {} if self.layer_rates is None else self.layer_rates, list(stack.names), biases
            ),
        )
        training_checks.average(found.average, Average)
        found._check_full_batch(stack)
        return found

    def _check_full_batch(self, stack: Stack) -> None:
        """Check that a full-batch method gets the exact gradient and moves all parameters alike."""
        if not isinstance(self.optimizer, FullBatch):
            return
        layers = stack.layers
        training_checks.full_batch(
            self.optimizer,
            {
                "dropout": any(isinstance(layer, Dropout) for layer in layers),
                "clip_norm": self.clip_norm is not None,
                "clip_value": self.clip_value is not None,
                "l1": self.l1 > 0 or any(isinstance(layer, Dense) and bool(layer.l1) for layer in layers),
                "layer_rates": bool(self.layer_rates),
                "average": self.average is not None,
                "max_norm": any(isinstance(layer, Dense) and layer.max_norm is not None for layer in layers),
            },
        )

    @cached_property
    def rule(self) -> Optimizer:
        """The optimizer whose update the kernels make; beside a full-batch method they make none."""
        return self.optimizer if isinstance(self.optimizer, Optimizer) else SGD()

    @cached_property
    def schedule(self) -> Schedule | None:
        """The schedule of the learning rate, or None if the rate is a number."""
        rate = self.rule.learning_rate
        return rate if isinstance(rate, Schedule) else None

    def rate_of(self, name: str) -> float:
        """Return the factor on the learning rate of a layer ("dense0", …), or of a bias ("dense0.bias")."""
        rates = self.layer_rates or {}
        layer = name.partition(".")[0]
        return rates.get(layer, 1.0) * (rates.get(name, 1.0) if name != layer else 1.0)

    def options(self, seed: int) -> dict[str, Any]:
        """Return name -> value of the settings that a trainer takes by name only, with the seed that was chosen."""
        return {name: seed if name == "seed" else getattr(self, name) for name in OPTIONS}

    def call_with(self, model: object, seed: int) -> str:
        """Return the call that makes a trainer of this model with these settings and this seed."""
        options = self.options(seed).items()
        shown = {k: v for k, v in options if k in ALWAYS_SHOWN or v not in (getattr(DEFAULTS, k), {})}
        parts = [*map(repr, (model, self.loss, self.optimizer)), *(f"{k}={v!r}" for k, v in shown.items())]
        return f"Trainer({', '.join(parts)})"


def chosen_seed(seed: int | None, of_model: int | None) -> int:
    """Return the trainer's seed: its own, the model's, or a fresh one."""
    if seed is None:
        seed = of_model
    if seed is None:
        seed = int(np.random.SeedSequence().generate_state(1, np.uint64)[0])
    return checks.integer("seed", seed, 0, 2**64 - 1)
