"""Outputs and losses of many models, each by the kernels' own pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from .._kernels import load
from .._kernels.sparse_rows import SparseRows
from ..base import checks
from ..data.samples import inputs_of
from ..layers.stack import Stack
from ..losses import CustomLoss, Loss, MeanSquaredError, get_loss
from ..objective.objective import Objective
from . import checks as many_checks
from .data import Intake, PerModelData, taken_apart
from .jobs import Shape

Params = Callable[[int], NDArray[Any]]


@final
class Stacks:
    """Stacks that hold the parameters of one model after another, for one thread."""

    def __init__(self) -> None:
        self._of: dict[Shape, Stack] = {}

    def of(self, shape: Shape, params: NDArray[Any]) -> Stack:
        """Return a stack of a shape with a copy of these parameters, until the next call."""
        found = self._of.get(shape)
        if found is None:
            found = self._of[shape] = shape.new_stack()
        found.params[:] = params
        return found


def outputs_of(shapes: Sequence[Shape], params: Params, X: Any, numbers: NDArray[np.int64] | None) -> Any:
    """Return outputs of all models, or with `numbers` (n,) of the model of each row; see `Many.predict`."""
    given = taken_apart(X, None, None, 1).X
    if numbers is not None:
        return _of_own_models(shapes, params, X, numbers)
    own = isinstance(given, PerModelData)
    if own:
        many_checks.one_number_of_models({"the models": len(shapes), "X": len(given)})
    if not own and len({shape.reading for shape in shapes}) == 1:
        dense = inputs_of(shapes[0].stack, X)
        if not isinstance(dense, SparseRows):
            return _of_one_shape(shapes, params, dense)
    inputs: dict[Any, Any] = {}
    stacks = Stacks()
    found = []
    for i, shape in enumerate(shapes):
        key = (shape.reading, i if own else -1)
        if key not in inputs:
            if own:
                inputs.clear()
            inputs[key] = inputs_of(shape.stack, given[i] if own else X)
        found.append(stacks.of(shape, params(i)).predict(inputs[key]))
    same = len({output.shape for output in found}) == 1
    return np.stack(found) if same else found


def _of_one_shape(shapes: Sequence[Shape], params: Params, X: NDArray[Any]) -> NDArray[Any]:
    """Return the outputs of models that differ in dropout at most, for the same dense inputs, in one call."""
    n, stack = len(shapes), shapes[0].new_stack()
    kernels, network = load(stack.dtype), stack.network(False)
    places = np.tile(np.array([[0, len(X)]]), (n, 1))
    data = kernels.ModelData(network, MeanSquaredError.name, [(X, None, None, None)], places)
    found = np.empty((n, len(X), stack.out_features), stack.dtype)
    bad = kernels.many_outputs(network, np.stack([params(i) for i in range(n)]), data, list(found))
    if bad >= 0:
        Stacks().of(shapes[bad], params(bad)).predict(X)  # says what is not finite
    return found if stack.target_scale is None else stack.target_scale.restored(found)


def _of_own_models(shapes: Sequence[Shape], params: Params, X: Any, numbers: NDArray[np.int64]) -> NDArray[Any]:
    inputs = inputs_of(shapes[0].stack, X)
    if len(numbers) != len(inputs):
        raise ValueError(f"groups has {len(numbers)} ids, but X has {len(inputs)} rows: pass an id for each row")
    stacks = Stacks()
    found = np.empty((len(inputs), shapes[0].stack.out_features), shapes[0].dtype)
    order = np.argsort(numbers, kind="stable")
    ends = np.flatnonzero(np.diff(numbers[order])) + 1
    for rows in np.split(order, ends):
        i = int(numbers[rows[0]])
        found[rows] = stacks.of(shapes[i], params(i)).predict(inputs[rows])
    return found


def losses_of(
    shapes: Sequence[Shape],
    params: Params,
    X: Any,
    y: Any,
    sample_weight: Any,
    losses: Any,
) -> NDArray[np.float64]:
    """Return the mean loss of each model; see `Many.loss`."""
    given = taken_apart(X, y, sample_weight, shapes[0].stack.out_features)
    several = {"X": given.X, "y": given.y, "sample_weight": given.sample_weight}
    counts = {name: len(value) for name, value in several.items() if isinstance(value, PerModelData)}
    many_checks.one_number_of_models({"the models": len(shapes)} | counts)
    intake, stacks, found = Intake(given, None, None), Stacks(), np.empty(len(shapes))
    one: Loss | CustomLoss | None = None if isinstance(losses, list) else get_loss(losses)
    for i, shape in enumerate(shapes):
        loss = losses[i] if one is None else one
        data = intake.samples(i, shape, loss)
        found[i] = Objective(stacks.of(shape, params(i)), data, loss).mean_loss()
    return found


def mean_std(outputs: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return mean and deviation over the first axis, (n, k) each, summed in float64."""
    wide = outputs.astype(np.float64)
    spread = wide.std(axis=0, ddof=1) if len(wide) > 1 else np.zeros(wide.shape[1:])
    return wide.mean(axis=0).astype(outputs.dtype), spread.astype(outputs.dtype)


def quantiles(outputs: NDArray[Any], q: Any) -> NDArray[Any]:
    """Return quantiles over the first axis."""
    for share in np.atleast_1d(np.asarray(q)).tolist():
        checks.between("q", share, 0, 1)
    found: NDArray[Any] = np.quantile(outputs.astype(np.float64), q, axis=0).astype(outputs.dtype)
    return found
