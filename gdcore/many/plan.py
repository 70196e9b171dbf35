"""From the arguments of `fit_many` to jobs: everything is checked here, before a model is trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._kernels.sparse_rows import SparseRows
from ..base.memory import aligned_zeros
from ..data.names import feature_names
from ..data.samples import Samples
from ..layers.dropout import Dropout
from ..layers.stack import Model, stack_of
from ..training import checks as training_checks
from ..training.output_range import warn_out_of_reach
from ..training.settings import chosen_seed
from ..training.validation import held_out
from . import checks as many_checks
from .data import Given, Intake, PerModelData, n_rows, rows_of_groups, taken_apart
from .family import Family
from .initial import draw_all
from .jobs import Course, Job, Shape
from .many import Many
from .options import Options, SettingsOfAll, count, counts_of_stops, entry, stops_of, with_dropout
from .records import Records

BYTES_PER_EPOCH = 8 * 6
"""Of a model's history: six columns of float64."""


BYTES_PER_MODEL = 1000
"""Of what is planned for a model, beside its parameters."""


class DataOfAll(NamedTuple):
    """Arguments of `fit_many` that are data, as the user gave them."""

    X: Any
    y: Any
    sample_weight: Any
    groups: Any
    rows: Any
    validation_data: Any
    validation_rows: Any
    validation_split: Any


class Plan(NamedTuple):
    """What makes the models differ beside data and settings, as the user gave it."""

    n_models: int | None
    seeds: Any
    params: Any
    dropout: Any
    stop: Any


class Planned(NamedTuple):
    """Jobs, and the models that they train."""

    jobs: Sequence[Job]
    many: Many


def planned(net: Model | Sequence[Model], data: DataOfAll, plan: Plan, options: Options, course: Course) -> Planned:
    """Check all arguments of `fit_many` and return the jobs with the models, which have their initial parameters.

    Raises
    ------
    TypeError, ValueError, MemoryError
        For the first thing that is not allowed.
    """
    nets: list[Model] | None = None
    if isinstance(net, list | tuple):
        nets = list(net)
        many_checks.nets(nets)
    stacks = [stack_of(net)] if nets is None else [_stack_of(own, i) for i, own in enumerate(nets)]
    given, validation = _taken_apart(data, stacks[0].out_features)
    ids, rows, validation_rows = _rows(data, given)
    seeds = None if plan.seeds is None else many_checks.seeds(plan.seeds)
    n = _number_of_models(plan, options, given, validation, nets, seeds, ids, rows, validation_rows)
    names = feature_names(given.X[0] if isinstance(given.X, PerModelData) else given.X)
    known = [Shape(stack.layers, stack.dtype, names) for stack in stacks]
    many_checks.enough_memory(n, n * (BYTES_PER_MODEL + stacks[0].n_params * np.dtype(stacks[0].dtype).itemsize))
    shapes = [known[0]] * n if nets is None else _shared(known)
    if plan.dropout is not None:
        many_checks.layers_of_dropout(sum(isinstance(layer, Dropout) for layer in stacks[0].layers))
        shapes = _shared([_dropped(shape, plan.dropout, i) for i, shape in enumerate(shapes)])
    if seeds is None:
        first = chosen_seed(None, stacks[0].seed)
        seeds = [stack.seed if nets is not None and stack.seed is not None else (first + i) % 2**64
                 for i, stack in enumerate(stacks if nets is not None else stacks * n)]  # fmt: skip
    sizes = [shape.stack.n_params for shape in shapes]
    itemsize = np.dtype(shapes[0].dtype).itemsize
    certain = course.epochs or 0 if plan.stop == () else 0  # fits that stop early may need much less
    many_checks.enough_memory(n, sum(sizes) * itemsize + n * (BYTES_PER_MODEL + certain * BYTES_PER_EPOCH))
    many_checks.one_precision([shape.dtype for shape in shapes])
    every = SettingsOfAll(options)
    intake, validations = Intake(given, ids, rows, unlike=nets is not None), None
    if validation is not None:
        validations = Intake(validation, ids, validation_rows)
    many = Many(
        shapes,
        aligned_zeros(sum(sizes), shapes[0].dtype),
        Records(range(n), 0),
        [every.loss(0)] * n if count(every.options.loss) is None else [every.loss(i) for i in range(n)],
        seeds,
        ids,
    )
    _begin(many, plan.params)
    family = None
    if nets is None and count(plan.dropout) is None and data.validation_split is None and _is_one(plan.stop):
        family = _family(many, intake, validations, every, stops_of(plan.stop, 0))
    if family is not None:
        return Planned(family, many)
    jobs, unsplit = [], {}
    for i, shape in enumerate(shapes):
        loss = many.losses[i]
        own = intake.samples(i, shape, loss)
        taken = None if rows is None else rows[i]
        held = None if validations is None else _validation(validations, i, shape, loss)
        held_rows = None if validation_rows is None else validation_rows[i]
        if data.validation_split is not None:
            held = own
            try:
                taken, held_rows = _split(own, taken, data.validation_split, loss, seeds[i])
            except ValueError as error:
                unsplit[i] = str(error)
        settings, stop = every.of(i, shape), stops_of(plan.stop, i)
        jobs.append(Job(i, shape, many.params_of(i), settings, seeds[i], own, taken, held, held_rows, stop))
    many_checks.all_split(unsplit, n, ids)
    _warn_out_of_reach(jobs)
    return Planned(jobs, many)


def _is_one(stop: Any) -> bool:
    """Return whether all models have the same criteria."""
    return not counts_of_stops(stop)


def _family(
    many: Many, intake: Intake, validations: Intake | None, every: SettingsOfAll, stop: tuple[Any, ...]
) -> Family | None:
    """Return the jobs as one family, or None if the models differ in more than numbers and data.

    What a model alone is refused for is left to the way that looks at each job.
    """
    shape, loss, n = many.shapes[0], many.losses[0], len(many)
    settings = every.numbers(n, shape)
    if settings is None:
        return None
    own = intake.every(n, shape, loss)
    try:
        held = None if validations is None else validations.every(n, shape, loss)
    except (TypeError, ValueError) as error:
        raise type(error)(f"validation_data: {error}") from None
    if any(isinstance(data.X, SparseRows) for data in (*_several(own), *_several(held))[1:]):
        return None  # engines may differ from model to model
    for data in _several(own):
        warn_out_of_reach(shape.stack, data, loss)
    return Family(
        np.arange(n),
        shape,
        many.params,
        settings,
        np.array(many.seeds, np.uint64),
        own,
        None if intake.rows is None else list(intake.rows),
        held,
        None if validations is None or validations.rows is None else list(validations.rows),
        stop,
    )


def _several(data: Any) -> list[Samples]:
    return data if isinstance(data, list) else [] if data is None else [data]


def _stack_of(net: Model, i: int) -> Any:
    try:
        return stack_of(net)
    except TypeError as error:
        raise TypeError(f"model {i}: {error}") from None


def _dropped(shape: Shape, dropout: Any, i: int) -> Shape:
    """Return the shape of model i with its rate of dropout."""
    rate = entry(dropout, i)
    try:
        return with_dropout(shape, rate)
    except (TypeError, ValueError) as error:
        who = "" if count(dropout) is None else f"{many_checks.model_name(i, None)}: "
        raise type(error)(f"{who}{str(error).replace('rate', 'dropout', 1)}") from None


def _validation(intake: Intake, i: int, shape: Shape, loss: Any) -> Samples:
    try:
        return intake.samples(i, shape, loss)
    except (TypeError, ValueError) as error:
        raise type(error)(f"validation_data: {error}") from None


def _split(data: Samples, rows: Any, share: Any, loss: Any, seed: int) -> tuple[Any, Any]:
    """Return the rows of a model that stay in training and those that validate it, as `Trainer.fit` splits them."""
    own = np.arange(len(data.X)) if rows is None else rows
    held = held_out(data if rows is None else data.taken(rows), share, loss, seed)
    for part, what in ((own[~held], "training"), (own[held], "validation")):
        training_checks.weighted_part(None if data.weight is None else data.weight[part], len(part), what)
    return own[~held], own[held]


def _taken_apart(data: DataOfAll, n_out: int) -> tuple[Given, Given | None]:
    given = taken_apart(data.X, data.y, data.sample_weight, n_out)
    if data.validation_split is not None and data.validation_rows is not None:
        raise ValueError("pass validation_split or validation_rows, not both")
    if data.validation_split is not None:
        training_checks.one_validation(data.validation_data)
    if data.validation_data is None:
        return given, None if data.validation_rows is None else given
    if data.validation_rows is not None:
        raise ValueError("pass validation_data or validation_rows, not both")
    X, y, weight = training_checks.validation_data(data.validation_data)
    return given, taken_apart(X, y, weight, n_out)


def _rows(data: DataOfAll, given: Given) -> tuple[NDArray[Any] | None, Any, Any]:
    """Return ids, rows and validation rows of the models, each None if it was not given."""
    many_checks.one_way(data.groups, data.rows)
    chosen = {"groups": data.groups, "rows": data.rows, "validation_rows": data.validation_rows}
    for name, value in chosen.items():
        if value is not None and isinstance(given.X, PerModelData):
            raise many_checks.shared_inputs(name)
    ids = rows = held = None
    if data.groups is not None:
        ids, rows = rows_of_groups(data.groups, n_rows(given.X))
    if data.rows is not None:
        rows = many_checks.index_arrays("rows", data.rows, n_rows(given.X))
    if data.validation_rows is not None:
        held = many_checks.index_arrays("validation_rows", data.validation_rows, n_rows(given.X))
    return ids, rows, held


def _number_of_models(
    plan: Plan,
    options: Options,
    given: Given,
    validation: Given | None,
    nets: list[Model] | None,
    seeds: list[int] | None,
    ids: NDArray[Any] | None,
    *rows: Any,
) -> int:
    counts: dict[str, int] = {}

    def add(name: str, several: Any) -> None:
        if several is not None:
            counts[name] = len(several)

    if plan.n_models is not None:
        counts["n_models"] = many_checks.some_models(plan.n_models)
    add("net", nets)
    for name in Given._fields:
        value = getattr(given, name)
        add(name, value if isinstance(value, PerModelData) else None)
        value = None if validation is None else getattr(validation, name)
        add(f"validation_data's {name}", value if isinstance(value, PerModelData) else None)
    add("groups", ids)
    add("rows", rows[0] if ids is None else None)
    add("validation_rows", rows[1])
    add("seeds", seeds)
    for name, value in [*options._asdict().items(), ("dropout", plan.dropout)]:
        if (number := count(value)) is not None:
            counts[name] = number
    for number in counts_of_stops(plan.stop):
        counts["stop"] = number
    if isinstance(plan.params, Many | list | tuple) or (isinstance(plan.params, np.ndarray) and plan.params.ndim > 1):
        counts["params"] = len(plan.params)
    return many_checks.one_number_of_models(counts)


def _shared(shapes: list[Shape]) -> list[Shape]:
    """Return shapes of which equal ones are one object."""
    known: dict[Any, Shape] = {}
    return [known.setdefault((shape.layers, shape.dtype), shape) for shape in shapes]


def _is_matrix(params: Any, many: Many) -> bool:
    """Return whether initial parameters are an array of all models' in their precision."""
    one = type(params) is np.ndarray and params.dtype == many.shapes[0].dtype and params.ndim == 2
    return one and len({*many.shapes}) == 1 and params.shape == many.params.shape and bool(np.isfinite(params).all())


def _begin(many: Many, params: Any) -> None:
    """Write the initial parameters: those given, or those of the seeds."""
    if params is not None:
        given: Any = params
        if _is_matrix(params, many):
            many.params[:] = params
            return
        if isinstance(params, Many):
            given = [params.params_of(i) for i in range(len(params))]
        sizes, dtypes = zip(*((shape.stack.n_params, shape.dtype) for shape in many.shapes), strict=True)
        for i, vector in enumerate(many_checks.initial_params(given, len(many), sizes, dtypes)):
            many.params_of(i)[:] = vector
        return
    if len({*many.shapes}) == 1:
        draw_all(many.shapes[0].stack, many.params, many.seeds)
        return
    alike: dict[Shape, list[int]] = {}
    for i, shape in enumerate(many.shapes):
        alike.setdefault(shape, []).append(i)
    for shape, models in alike.items():
        drawn = np.empty((len(models), shape.stack.n_params), shape.dtype)
        draw_all(shape.stack, drawn, [many.seeds[i] for i in models])
        for i, vector in zip(models, drawn, strict=True):
            many.params_of(i)[:] = vector


def _warn_out_of_reach(jobs: list[Job]) -> None:
    """Warn of output activations that do not suit the targets, once for models that have the same."""
    seen = set()
    for job in jobs:
        key = job.shape.reading, id(job.data), id(job.settings.loss)
        if key not in seen:
            seen.add(key)
            warn_out_of_reach(job.shape.stack, job.data, job.settings.loss)
