"""Checks of a pipeline's arguments."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base import checks
from ..base.not_arrays import full_name, is_sparse
from ..data.samples import inputs_of
from ..layers.stack import Stack
from ..losses import Loss
from ..optimizers.full_batch import FullBatch
from ..training.errors import DivergedError
from ..training.state import TrainingState
from ..training.stopping.base import StoppingCriterion


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
        raise sparse()
    return np.ascontiguousarray(inputs_of(gate, X))


def fits(rows: int, batch_size: int) -> None:
    """Check that the rows of a step find room."""
    if rows > batch_size:
        raise ValueError(f"xb has {rows} rows; expected at most batch_size={batch_size}")


def sparse() -> TypeError:
    """Return the error for sparse inputs."""
    return TypeError("a Pipeline takes dense inputs, got a sparse matrix: pass X.toarray()")


def stream() -> TypeError:
    """Return the error for data that are read while they are used."""
    return TypeError("a Pipeline takes data in memory, got a source larger than its window: pass arrays, or memmaps")


def of_stages(record: object, rules: Iterable[StoppingCriterion]) -> None:
    """Check that neither what is recorded nor a criterion needs parameters or gradients of all stages."""
    for name in ("layer_gradient_norm", "weight_norm", "update_ratio"):
        if name in tuple(record):  # type: ignore[arg-type]
            raise ValueError(f"a Pipeline cannot record {name!r}, for each rank has one stage alone: leave it out")
    for rule in rules:
        if rule.sums_gradients():
            raise ValueError(f"a Pipeline cannot stop by {rule!r}, for each rank has the gradient of one stage alone")


def no_gradient() -> ValueError:
    """Return the error for who asks for the gradient over all data."""
    return ValueError(
        "a Pipeline has no gradient of all layers, which a criterion or a callback has asked for: each rank has that "
        "of one stage alone; stop by losses and metrics instead"
    )


def own_checkpoints() -> TypeError:
    """Return the error for a callback that would save one stage in place of the model."""
    return TypeError("a Pipeline saves its stages itself: pass checkpoint= to fit in place of a gdcore.Checkpoint")


def apart(checkpoint: str, steps: list[list[int]]) -> ValueError:
    """Return the error for files of stages that do not belong together; for each stage the steps of its files."""
    told = ", ".join(str(max(counts)) if counts else "none" for counts in steps)
    what = "different fits, at the steps" if set.intersection(*map(set, steps)) else "different steps:"
    return ValueError(
        f"the stages of {checkpoint} have files of {what} {told}; expected one that all of them have: "
        "bring the missing ones, or pass another checkpoint"
    )


def other_stages(name: str, stages: int) -> ValueError:
    """Return the error for files of a pipeline that is cut otherwise."""
    return ValueError(
        f"{name} is of another number of stages than {stages}: pass the stages it was made with, or another checkpoint"
    )


def other_parts(found: tuple[int, int], own: tuple[int, int]) -> ValueError:
    """Return the error for a checkpoint of other micro-batches or shards."""
    was, now = (f"micro_batches={m} and shards={shards}" for m, shards in (found, own))
    return ValueError(f"the checkpoint was made with {was}, got {now}: pass the same, or another checkpoint")


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
