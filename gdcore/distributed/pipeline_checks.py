"""Checks of a pipeline's arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base import checks
from ..base.not_arrays import full_name, is_sparse
from ..data.samples import Samples, inputs_of, take_samples
from ..layers.stack import Stack
from ..losses import CustomLoss, Loss
from ..optimizers.full_batch import FullBatch
from ..training.errors import DivergedError
from ..training.state import TrainingState


def stages(value: object, most: int) -> None:
    """Check a number of stages, or the dense layers of each, for a model of `most` dense layers."""
    if not isinstance(value, tuple):
        if checks.integer("stages", value, 1) > most:
            raise ValueError(f"stages must be <= {most}, the number of dense layers, got {value}")
        return
    for number in value:
        checks.integer("each of stages", number, 1)
    if sum(value) != most:
        raise ValueError(f"stages {value} has {sum(value)} dense layers in all; the model has {most}")


def ranks(size: int, stages: int) -> None:
    """Check that the processes fill all stages."""
    if size % stages:
        raise ValueError(
            f"{stages} stages need a multiple of {stages} processes, got {size}: start mpiexec -n "
            f"{max(stages, size - size % stages)}, or pass another number of stages"
        )


def shards(value: object, copies: int, micro_batches: int) -> int:
    """Check and return the number of shards, by default one for each copy of the pipeline."""
    found = copies if value is None else checks.integer("shards", value, 1)
    if not copies <= found <= micro_batches:
        raise ValueError(
            f"shards must be >= {copies}, the copies of the pipeline, and <= micro_batches={micro_batches}, got {found}"
        )
    return found


def built_in(loss: object, optimizer: object) -> None:
    """Check that the kernels know the loss, and that the optimizer takes mini-batches."""
    if not isinstance(loss, Loss):
        raise TypeError(f"a Pipeline takes a loss of gdcore.LOSSES, got {checks.callable_name(loss)}")
    if isinstance(optimizer, FullBatch):
        raise TypeError(
            f"a Pipeline takes mini-batches, which {type(optimizer).__name__} does not: use another optimizer"
        )


def model(value: object) -> TypeError:
    """Return the error for what is neither a model nor its layers."""
    return TypeError(f"model must be a Sequential, or a list of layers, got {full_name(type(value))}")


def inputs(gate: Stack, X: object) -> NDArray[Any]:
    """Check the inputs of a model, of which a small stack has the sizes, and return them."""
    if is_sparse(X):
        raise TypeError("a Pipeline takes dense inputs, got a sparse matrix: pass X.toarray()")
    return np.ascontiguousarray(inputs_of(gate, X))


def samples(gate: Stack, X: object, y: object, loss: Loss | CustomLoss) -> Samples:
    """Check samples, as `inputs` does, and return them."""
    return take_samples(gate, inputs(gate, X), y, None, loss)


def diverged(state: TrainingState, quantity: str) -> DivergedError:
    """Return the error for a step that was not made, on any rank."""
    verb = "are" if quantity.endswith("parameters") else "is"
    return DivergedError(
        f"training diverged in step {state.steps_done}: {quantity} {verb} not finite at learning_rate "
        f"{state.learning_rate:g}; the parameters are those of the last good step; try a smaller learning_rate, "
        "clip_norm, or inputs on one scale",
        state.epochs_done,
        state.run.epoch_steps,
        quantity,
        state.steps_done,
    )
