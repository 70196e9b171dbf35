"""Find where the first NaN or infinity of a failed step came from."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .._kernels.sparse_rows import SparseRows
from ..base import checks
from ..data.samples import Samples
from ..layers.layer import acting
from ..optimizers import Optimizer
from .errors import DivergedError
from .state import TrainingState

REMEDY = (
    "try a smaller learning_rate, clip_norm, or inputs on one scale; gd.diagnose(model, X, y, loss) tells which rates "
    "are possible"
)


def explain(
    state: TrainingState, data: Samples, rows: slice | NDArray[np.int64], kind: str, batches: range | None = None
) -> DivergedError:
    """Return the error that names the batch and the quantity; the step has changed nothing.

    Parameters
    ----------
    state : TrainingState
    data : Samples
    rows : slice or ndarray
        Those of the step.
    kind : {"loss", "gradient", "parameters"}
        What was not finite.
    batches : range, optional
        The step's within its epoch; a step by hand has none.
    """
    epoch, step = state.epochs_done, state.steps_done
    sources: dict[str, Callable[[], str]] = {
        "loss": lambda: _first_bad_output(state, data, rows),
        "gradient": lambda: _first_bad_gradient(state),
        "parameters": lambda: "the updated parameters",
    }
    quantity = sources[kind]()
    where = f"step {step}"
    if batches is not None:
        several = f"batches {batches[0]} to {batches[-1]} ({where})"
        where = f"epoch {epoch}, {several if len(batches) > 1 else f'batch {batches[0]}'}"
    verb, remedy = ("are", _remedy_of_update(state)) if kind == "parameters" else ("is", REMEDY)
    message = (
        f"training diverged in {where}: {quantity} {verb} not finite at learning_rate "
        f"{state.learning_rate:g}; the parameters are those of the last good step; {remedy}"
    )
    return DivergedError(message, epoch, batches[0] if batches else 0, quantity, step)


def _remedy_of_update(state: TrainingState) -> str:
    """Return what to try if only the update was not finite."""
    rule = state.settings.optimizer
    if isinstance(rule, Optimizer) and rule.divides_by_zero():
        return f"{rule!r} divides a gradient of 0 by 0: pass eps > 0"
    return REMEDY


def _first_bad_output(state: TrainingState, data: Samples, rows: slice | NDArray[np.int64]) -> str:
    """Return the first layer whose output is not finite, or else the loss itself."""
    X, stack = data.X[rows], state.stack.plain
    network = state.stack.bind(trains=False, blocks=False)
    key = state.run.next_key()
    first = stack.layers.index(stack.trained[0]) if isinstance(X, SparseRows) else 0
    layers = acting(stack.layers[first:], key)
    for i, (layer, output) in enumerate(zip(layers, network.outputs(X, key), strict=True)):
        if not checks.every_finite(output):
            return f"the output of layer {i}, {layer!r}"
    return "the loss"


def _first_bad_gradient(state: TrainingState) -> str:
    for name, view in state.stack.parameters(state.grads):
        if not checks.every_finite(view):
            index = tuple(int(i) for i in np.argwhere(~np.isfinite(view))[0])
            return f"the gradient of {name}{list(index)}"
    return "the gradient's norm"
