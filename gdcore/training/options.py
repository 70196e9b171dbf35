"""The options of a trainer beside its model, loss and optimizer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..base import checks
from ..layers.dense import Dense
from ..layers.dropout import Dropout
from ..optimizers.full_batch import FullBatch
from . import checks as training_checks

if TYPE_CHECKING:
    from .trainer import Trainer

OPTIONS: dict[str, Any] = {
    "batch_size": 32,
    "accumulate": 1,
    "shuffle": True,
    "drop_last": False,
    "l1": 0.0,
    "l2": 0.0,
    "clip_norm": None,
    "clip_value": None,
    "layer_rates": {},
    "average": None,
    "seed": None,
}
"""Names and defaults."""

DEFAULT_STEPS = 5000
"""Updates of a fit without `epochs` and `max_steps`; enough for small problems at Adam's default rate."""
LEAST_EPOCHS = 10
"""Such a fit runs at least this many epochs, even if they make more updates than `DEFAULT_STEPS`."""

ALWAYS_SHOWN = ("batch_size", "seed")


def default_epochs(steps: int) -> int:
    """Return how many epochs of `steps` steps make `DEFAULT_STEPS` updates, but at least `LEAST_EPOCHS`."""
    return max(LEAST_EPOCHS, -(-DEFAULT_STEPS // steps))


def options_of(trainer: Trainer) -> dict[str, Any]:
    """Return the options as a dict of name -> value."""
    return {name: getattr(trainer, name) for name in OPTIONS}


def call_of(trainer: Trainer) -> str:
    """Return the call that makes a trainer like this one."""
    shown = {name: v for name, v in options_of(trainer).items() if name in ALWAYS_SHOWN or v != OPTIONS[name]}
    parts = [*map(repr, (trainer.model, trainer.loss, trainer.optimizer)), *(f"{k}={v!r}" for k, v in shown.items())]
    return f"Trainer({', '.join(parts)})"


def check_full_batch(trainer: Trainer) -> None:
    """Check that a full-batch method gets the exact gradient and moves all parameters alike."""
    if not isinstance(trainer.optimizer, FullBatch):
        return
    layers = trainer.stack.layers
    training_checks.full_batch(
        trainer.optimizer,
        {
            "dropout": any(isinstance(layer, Dropout) for layer in layers),
            "clip_norm": trainer.clip_norm is not None,
            "clip_value": trainer.clip_value is not None,
            "l1": trainer.l1 > 0 or any(isinstance(layer, Dense) and bool(layer.l1) for layer in layers),
            "layer_rates": bool(trainer.layer_rates),
            "average": trainer.average is not None,
            "max_norm": any(isinstance(layer, Dense) and layer.max_norm is not None for layer in layers),
        },
    )


def chosen_seed(seed: int | None, of_model: int | None) -> int:
    """Return the trainer's seed: its own, the model's, or a fresh one."""
    if seed is None:
        seed = of_model
    if seed is None:
        seed = int(np.random.SeedSequence().generate_state(1, np.uint64)[0])
    return checks.integer("seed", seed, 0, 2**64 - 1)
