"""Where the first NaN or infinity of a failed step came from."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .. import checks
from ..batches import Samples
from ..errors import DivergedError, RefusedStep
from ..models.layers import Dropout

if TYPE_CHECKING:
    from .trainer import Trainer

REMEDY = "try a smaller learning_rate, clip_norm, or inputs on one scale"


def explain(
    trainer: Trainer, data: Samples, rows: slice | NDArray[np.int64], error: RefusedStep
) -> DivergedError:
    """The error that tells the user which batch and which quantity; its step has changed nothing."""
    kind, batch = error.args
    epoch = trainer.epochs_done
    sources: dict[str, Callable[[], str]] = {
        "loss": lambda: _first_bad_output(trainer, data, rows),
        "gradient": lambda: _first_bad_gradient(trainer),
        "parameters": lambda: "the updated parameters",
    }
    quantity = sources[kind]()
    message = (
        f"training diverged in epoch {epoch}, batch {batch}: {quantity} is not finite at learning_rate "
        f"{trainer.learning_rate:g}; the parameters are those of the last good step; {REMEDY}"
    )
    return DivergedError(message, epoch, batch, quantity)


def _first_bad_output(trainer: Trainer, data: Samples, rows: slice | NDArray[np.int64]) -> str:
    """The first layer whose output is not finite, or the loss itself."""
    X = np.ascontiguousarray(data.X[rows])
    network = trainer.model._bind(trains=False, blocks=False)
    key = trainer._run.next_key()
    layers = [layer for layer in trainer.model.layers if key or not isinstance(layer, Dropout)]
    for i, (layer, output) in enumerate(zip(layers, network.outputs(X, key), strict=True)):
        if not checks.every_finite(output):
            return f"the output of layer {i}, {layer!r}"
    return "the loss"


def _first_bad_gradient(trainer: Trainer) -> str:
    for name, view in trainer.model.parameters(trainer._grads):
        if not checks.every_finite(view):
            index = tuple(int(i) for i in np.argwhere(~np.isfinite(view))[0])
            return f"the gradient of {name}{list(index)}"
    return "the gradient's norm"
