"""A training at one moment: what makes a trainer that goes on from there."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..layers.stack import Stack
from ..losses import CustomLoss, Loss
from ..optimizers import Optimizer
from ..optimizers.full_batch import FullBatch


class Snapshot(NamedTuple):
    """Settings and state of a training; `gdcore.save` saves it as it saves the trainer itself.

    Attributes
    ----------
    stack : Stack
        Layers, feature names and loss of the model; its parameters may have moved on.
    loss : Loss or callable
    optimizer : Optimizer or FullBatch
    options : dict
        The trainer's other arguments, with the seed that was chosen.
    state : dict
        Copies of what training changes: `Trainer.state_dict`.
    """

    stack: Stack
    loss: Loss | CustomLoss
    optimizer: Optimizer | FullBatch
    options: dict[str, Any]
    state: dict[str, Any]
