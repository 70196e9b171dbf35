"""Outputs and losses of many models, each by the kernels' own pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from .._kernels import load
from .._kernels.sparse_rows import SparseRows
from ..base import checks
from ..data.samples import Samples, inputs_of, take_samples
from ..layers.stack import Stack
from ..losses import Loss, MeanSquaredError, get_loss
from ..objective.objective import Objective
from . import checks as many_checks
from .data import Given, Intake, PerModelData, taken_apart
from .jobs import Shape

Params = Callable[[int], NDArray[Any]]
Places = list[tuple[int, int]]
"""The first row of each model and the number of its rows."""


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
    if numbers is not None:
        return _of_own_models(shapes, params, X, numbers)
    given = taken_apart(X, None, None, 1)
    if given.differs:
        many_checks.one_number_of_models({"many": len(shapes), "X": len(given.X)})
    if len({id(shape) for shape in shapes}) == 1 or len({shape.reading for shape in shapes}) == 1:
        rows, places = _rows_of_all(shapes[0].stack, given, len(shapes))
        if not any(isinstance(own, SparseRows) for own in rows):
            return _of_one_shape(shapes, params, rows, places)
    inputs: dict[Any, Any] = {}
    stacks = Stacks()
    found = []
    for i, shape in enumerate(shapes):
        key = (shape.reading, i if given.differs else -1)
        if key not in inputs:
            if given.differs:
                inputs.clear()
            inputs[key] = _own_inputs(shape.stack, given, i)
        found.append(stacks.of(shape, params(i)).predict(inputs[key]))
    return np.stack(found) if len({output.shape for output in found}) == 1 else found


def _own_inputs(stack: Stack, given: Given, i: int) -> Any:
    """Return the checked inputs of a model; an error names it, if they are its own."""
    try:
        return inputs_of(stack, given.of(i)[0])
    except (TypeError, ValueError) as error:
        if not given.differs:
            raise
        raise type(error)(f"{many_checks.model_name(i, None)}: {error}") from None


def _rows_of_all(stack: Stack, given: Given, n_models: int) -> tuple[list[Any], Places]:
    """Return the inputs of all models in few arrays, and the place of each: one array, if it can be checked at once.

    Own inputs that are refused are left to a look at each model, whose error names it.
    """
    if not given.differs:
        rows = _own_inputs(stack, given, 0)
        return [rows], [(0, len(rows))] * n_models
    if all(isinstance(own, np.ndarray) for own in given.X):
        with suppress(TypeError, ValueError):
            return [inputs_of(stack, given.X.joined())], _places(given.X)
    several = [_own_inputs(stack, given, i) for i in range(n_models)]
    return several, [(0, len(own)) for own in several]


def _places(arrays: Sequence[NDArray[Any]]) -> Places:
    """Return (first row, number of rows) of each of some arrays behind one another."""
    ends = np.cumsum([len(own) for own in arrays]).tolist()
    return [(first, end - first) for first, end in pairwise([0, *ends])]


def _of_one_shape(shapes: Sequence[Shape], params: Params, rows: list[Any], places: Places) -> Any:
    """Return the outputs of models that differ in dropout at most, in one call, for their places in the rows."""
    scale, n_out = shapes[0].stack.target_scale, shapes[0].stack.out_features
    counts = [count for _, count in places]
    found: Any = [np.empty((count, n_out), shapes[0].dtype) for count in counts]
    if len(set(counts)) == 1:
        found = np.empty((len(shapes), counts[0], n_out), shapes[0].dtype)
    _write_outputs(shapes, params, range(len(shapes)), rows, places, list(found))
    if scale is None:
        return found
    return scale.restored(found) if isinstance(found, np.ndarray) else [scale.restored(own) for own in found]


def _write_outputs(
    shapes: Sequence[Shape],
    params: Params,
    models: Sequence[int],
    rows: list[Any],
    places: Places,
    found: list[NDArray[Any]],
) -> None:
    """Write raw outputs of some models for their places in the rows, which are one array or one for each."""
    stack = shapes[models[0]].new_stack()
    kernels, network = load(stack.dtype), stack.network(False)
    data = kernels.ModelData(
        network, MeanSquaredError.name, [(own, None, None, None) for own in rows], np.array(places, np.int64)
    )
    bad = kernels.many_outputs(network, np.stack([params(i) for i in models]), data, found)
    if bad >= 0:
        (first, count), own = places[bad], rows[bad % len(rows)]
        one = Stacks().of(shapes[models[bad]], params(models[bad]))
        one.predict(own[first : first + count])  # says what is not finite


def _of_own_models(shapes: Sequence[Shape], params: Params, X: Any, numbers: NDArray[np.int64]) -> NDArray[Any]:
    inputs = inputs_of(shapes[0].stack, X)
    if len(numbers) != len(inputs):
        raise ValueError(f"groups has {len(numbers)} ids, but X has {len(inputs)} rows: pass an id for each row")
    found = np.empty((len(inputs), shapes[0].stack.out_features), shapes[0].dtype)
    order = np.argsort(numbers, kind="stable")
    firsts = [0, *(np.flatnonzero(np.diff(numbers[order])) + 1).tolist()]
    places = [(first, end - first) for first, end in pairwise([*firsts, len(order)])]
    models = numbers[order[firsts]].tolist()
    if isinstance(inputs, SparseRows) or len({shapes[i].reading for i in models}) > 1:
        stacks = Stacks()
        for i, (first, count) in zip(models, places, strict=True):
            rows = order[first : first + count]
            found[rows] = stacks.of(shapes[i], params(i)).predict(inputs[rows])
        return found
    outputs = np.empty_like(found)
    parts = [outputs[first : first + count] for first, count in places]
    _write_outputs(shapes, params, models, [inputs[order]], places, parts)
    scale = shapes[0].stack.target_scale
    found[order] = outputs if scale is None else scale.restored(outputs)
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
    many_checks.one_number_of_models({"many": len(shapes)} | counts)
    one = None if isinstance(losses, list) else get_loss(losses)
    each: list[Any] = [one] * len(shapes) if one is not None else losses
    found, intake, stacks = np.zeros(len(shapes)), Intake(given, None, None), Stacks()
    for (_, loss), models in _alike(shapes, each).items():
        shape = shapes[models[0]]
        samples, places = _one_set(shape, given, intake, models, loss)
        if not samples:
            samples = [intake.samples(i, shapes[i], loss) for i in models]
            places = [(0, len(data.X)) for data in samples]
        if isinstance(loss, Loss) and not any(isinstance(data.X, SparseRows) for data in samples):
            found[models] = _compiled_losses(shape, np.stack([params(i) for i in models]), samples, places, loss)
            continue
        for k, i in enumerate(models):
            data = samples[k % len(samples)]
            found[i] = Objective(stacks.of(shapes[i], params(i)), data, loss).mean_loss()
    return found


def _alike(shapes: Sequence[Shape], losses: Sequence[Any]) -> dict[Any, list[int]]:
    """Return the numbers of the models that one call serves, by the form of their data and their loss."""
    same: dict[Any, list[int]] = {}
    for i, (shape, loss) in enumerate(zip(shapes, losses, strict=True)):
        same.setdefault((id(shape), id(loss)), []).append(i)
    found: dict[Any, list[int]] = {}
    for models in same.values():  # few objects, whose comparison takes longer
        found.setdefault((shapes[models[0]].reading, losses[models[0]]), []).extend(models)
    return found


def _one_set(
    shape: Shape, given: Given, intake: Intake, models: Sequence[int], loss: Any
) -> tuple[list[Samples], Places]:
    """Return the rows of some models as one set of samples and the place of each in it, or nothing.

    It is the set that they share, or all of their own arrays behind one another, checked at once. Own data that are
    refused are left to a look at each model, whose error names it.
    """
    if not given.differs:
        data = intake.samples(models[0], shape, loss)
        return [data], [(0, len(data.X))] * len(models)
    X, y = given.X, given.y
    own = isinstance(X, PerModelData) and isinstance(y, PerModelData) and len(models) == len(X)
    if not own or not isinstance(loss, Loss) or given.sample_weight is not None:
        return [], []
    if all(isinstance(value, np.ndarray) for value in (*X, *y)) and list(map(len, X)) == list(map(len, y)):
        with suppress(TypeError, ValueError):
            return [take_samples(shape.stack, X.joined(), y.joined(), None, loss)], _places(X)
    return [], []


def _compiled_losses(
    shape: Shape, params: NDArray[Any], samples: list[Samples], places: Places, loss: Loss
) -> NDArray[np.float64]:
    """Return mean losses of models over rows from `places` (first, count) of their samples, or of the one set."""
    kernels, network = load(shape.dtype), shape.new_stack().network(False)
    sources = [(data.X, data.target, data.labels, data.weight) for data in samples]
    rows, found = kernels.ModelData(network, loss.name, sources, np.array(places, np.int64)), np.zeros(len(params))
    kernels.many_losses(network, (loss.name, loss.option()), params, rows, found)
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
