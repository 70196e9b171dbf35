"""Checks of what is given for many models; each error says what to do."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base import checks
from ..base.checks import short
from ..base.habits import known_as
from ..metrics import METRICS

SPARE = 0.9
"""Models may take this share of the memory that is free; the rest is for data and predictions."""
MOST_NAMED = 8
"""A message names at most this many models."""


def one_number_of_models(counts: Mapping[str, int]) -> int:
    """Return the number of models that all arguments have in common.

    Parameters
    ----------
    counts : mapping of str to int
        What each argument that has an entry for each model says.
    """
    if not counts:
        raise ValueError(
            "the number of models is unknown: pass n_models=, seeds=, groups=, rows=, or arrays of one entry per model"
        )
    (first, n), *others = counts.items()
    if n == 0:
        raise ValueError(f"{first} is for 0 models; expected at least one")
    for name, count in others:
        if count != n:
            raise ValueError(f"{first} is for {n} models, but {name} for {count}: pass one entry for each model")
    return n


def index_arrays(name: str, value: object, n: int) -> list[NDArray[np.int64]]:
    """Check and return an array of row numbers for each model, of data with n rows; masks become row numbers."""
    if not isinstance(value, Iterable) or isinstance(value, str):
        raise TypeError(f"{name} must be a sequence of index arrays, one for each model, got {short(value)}")
    return [_indices(f"{name}[{i}]", entry, n) for i, entry in enumerate(value)]


def _indices(name: str, value: object, n: int) -> NDArray[np.int64]:
    array = checks.plain_array(name, value)
    if array.ndim != 1:
        raise ValueError(f"{name} has shape {array.shape}; expected row numbers of shape (m,)")
    if array.dtype.kind == "b":
        if len(array) != n:
            raise ValueError(f"{name} is a mask of {len(array)} rows; expected {n}")
        array = np.flatnonzero(array)
    if len(array) == 0:
        raise ValueError(f"{name} has no rows; expected at least one for each model")
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} has dtype {array.dtype}; expected row numbers or a mask")
    low, high = int(array.min()), int(array.max())
    if low < 0 or high >= n:
        raise ValueError(f"{name} has the row {low if low < 0 else high}; expected rows from 0 to {n - 1}")
    return np.ascontiguousarray(array, np.int64)


def group_ids(value: object, n: int) -> NDArray[Any]:
    """Check and return the ids of n rows' groups."""
    not_one_id(value)
    array = checks.plain_array("groups", value)
    if array.shape != (n,):
        raise ValueError(f"groups has shape {array.shape}; expected ({n},): an id for each row of X")
    missing = array != array
    if np.any(missing) or (array.dtype.kind == "O" and any(entry is None for entry in array)):
        rows = [i for i, entry in enumerate(array) if entry is None or entry != entry]
        raise ValueError(f"groups has no id in row {rows[0]}; remove the row")
    return array


def not_one_id(value: object) -> None:
    """Check that groups are not a single text, such as the name of a column."""
    if isinstance(value, str | bytes):
        raise TypeError(f"groups must be an id for each row of X, shape (n,), got {value!r}: pass the column itself")


def ids_for_files(ids: NDArray[Any]) -> None:
    """Check that files can hold the ids, so that models are not trained that cannot be saved."""
    texts = ids.dtype.kind == "O" and all(type(entry) is str for entry in ids)
    if not texts and ids.dtype.kind not in "biuU" and ids.dtype not in (np.float32, np.float64):
        what = f"dtype {ids.dtype}" if ids.dtype.kind != "O" else f"type {type(ids[0]).__name__}"
        raise TypeError(f"groups has ids of {what}, which files cannot hold: convert with groups.astype(str)")


def ids_of_several_kinds(value: NDArray[Any]) -> TypeError:
    """Return the error for ids that have no order, such as texts beside numbers."""
    kinds = " and ".join(dict.fromkeys(type(entry).__name__ for entry in value.tolist()))
    return TypeError(f"groups has ids of the types {kinds}: pass ids of one type, such as groups.astype(str)")


def one_way(groups: object, rows: object) -> None:
    """Check that rows are given to models in one way."""
    if groups is not None and rows is not None:
        raise ValueError("pass groups or rows, not both: either says which rows a model is trained on")


def shared_inputs(name: str) -> ValueError:
    """Return the error for rows of data that models do not share."""
    return ValueError(f"{name} needs one X (n, d) that all models share, got an X for each model: leave {name} out")


def seeds(value: object) -> list[int]:
    """Check and return a seed for each model."""
    if np.ma.is_masked(value):
        raise ValueError("seeds is a masked array: pass seeds.filled(value), or leave the masked models out")
    if isinstance(value, int | np.integer | str) or not isinstance(value, Iterable):
        raise TypeError(f"seeds must be one integer for each model, such as range(500), got {short(value)}")
    if isinstance(value, range) and len(value) and min(value[0], value[-1]) >= 0 and max(value[0], value[-1]) < 2**64:
        return list(value)
    if isinstance(value, np.ndarray) and value.ndim == 1 and value.dtype.kind in "iu" and (value >= 0).all():
        found: list[int] = value.tolist()
        return found
    return [checks.integer(f"seeds[{i}]", entry, 0, 2**64 - 1) for i, entry in enumerate(value)]


def seeds_once(value: object) -> list[int]:
    """Check and return seeds of which none stands twice: equal models would count twice in a spread."""
    found = seeds(value)
    if len(set(found)) < len(found):
        twice = next(seed for seed in found if found.count(seed) > 1)
        raise ValueError(f"seeds has {twice} more than once, and equal models tell nothing of the spread: pass it once")
    return found


def initial_params(value: object, n_models: int, sizes: Sequence[int], dtypes: Sequence[str]) -> list[NDArray[Any]]:
    """Check and return initial parameters of each model: one vector (n_params,) for all, or one for each."""
    given: Any = value
    if isinstance(value, np.ndarray) and value.ndim == 1:
        given = [value] * n_models
    if not isinstance(given, np.ndarray | list | tuple):
        raise TypeError(f"params must be an array (n_models, n_params), or (n_params,) for all, got {short(value)}")
    if len(given) != n_models:
        raise ValueError(f"params is for {len(given)} models, expected {n_models}")
    found = []
    for i, (vector, size, dtype) in enumerate(zip(given, sizes, dtypes, strict=True)):
        name = f"params[{i}]"
        found.append(checks.vector(name, checks.numbers_array(name, vector, dtype), size, dtype))
    return found


def enough_memory(n_models: int, n_bytes: int) -> None:
    """Check that the models' parameters and histories fit into the memory that is free, before it is taken."""
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):  # the system does not tell
        return
    if n_bytes > SPARE * free:
        raise MemoryError(
            f"{n_models:,} models need {n_bytes / 2**30:.1f} GiB for their parameters and histories, but "
            f"{free / 2**30:.1f} GiB are free: train them in several calls"
        )


def model_name(number: int, ids: NDArray[Any] | None) -> str:
    """Return what messages call a model."""
    return f"model {number}" if ids is None else f"the model of group {ids[number].item()!r}"


def named(numbers: Iterable[int], ids: NDArray[Any] | None) -> str:
    """Return the numbers or ids of some models, for a message."""
    shown = [f"{number}" if ids is None else f"{ids[number].item()!r}" for number in numbers]
    rest = len(shown) - MOST_NAMED
    return ", ".join(shown[:MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def all_split(unsplit: Mapping[int, str], n_models: int, ids: NDArray[Any] | None) -> None:
    """Check that validation_split has left rows to each model; `unsplit` has the reason for each that it has not."""
    if not unsplit:
        return
    first, reason = next(iter(unsplit.items()))
    if ids is None or len(unsplit) == n_models:
        raise ValueError(f"{model_name(first, ids)}: {reason}")
    shown = ", ".join(repr(ids[number].item()) for number in list(unsplit)[:3])
    rest = "" if len(unsplit) <= 3 else f" and {len(unsplit) - 3:,} more"
    raise ValueError(
        f"{len(unsplit):,} of {n_models:,} groups are too small for validation_split: {shown}{rest}. Leave these "
        f"groups out, or validation_split ({reason.partition(':')[0]})"
    )


def known_ids(values: object, ids: NDArray[Any] | None) -> NDArray[np.int64]:
    """Return the numbers of the models of some ids."""
    if ids is None:
        raise ValueError("these models have no ids: they were trained without groups=; take them by their numbers")
    not_one_id(values)
    value = np.atleast_1d(checks.plain_array("groups", values))
    if value.ndim != 1:
        raise ValueError(f"groups has shape {value.shape}; expected (n,): an id for each row of X")
    order = np.argsort(ids, kind="stable")  # models that were selected have any order
    places = order[np.minimum(np.searchsorted(ids, value, sorter=order), len(ids) - 1)]
    unknown = np.asarray(ids[places] != value, np.bool_)
    if unknown.any():
        first = value[unknown].tolist()[0]
        raise ValueError(f"there is no model of group {first!r}; known: {named(range(len(ids)), ids)}")
    return places.astype(np.int64)


def not_an_id(value: object) -> None:
    """Check that a model is not asked for by the id of its group where its number is due."""
    if isinstance(value, str):
        raise TypeError(
            f"the number of a model must be an integer, got {str(value)!r}: many.of({str(value)!r}) is the model of a "
            "group, and many.ids has the groups in the order of their models"
        )


def numbers_of_models(value: object, n: int) -> NDArray[Any]:
    """Check and return numbers of models, or those of a mask of n models, as an array (m,)."""
    if not isinstance(value, Iterable) or isinstance(value, str):
        raise TypeError(f"indices must be numbers of models, such as [0, 3], or a mask, got {short(value)}")
    found = np.asarray(value if isinstance(value, np.ndarray) else list(value))
    if found.dtype.kind in "US":
        raise TypeError("indices has text; expected numbers of models, or a mask: many.of(id) takes the id of a group")
    if found.ndim != 1:
        raise ValueError(f"indices has shape {found.shape}; expected numbers of models of shape (m,), or a mask")
    if found.dtype.kind == "b":
        if len(found) != n:
            raise ValueError(f"indices is a mask of {len(found)} models; expected {n}")
        found = np.flatnonzero(found)
    return found


def greater_is_better(column: str) -> bool:
    """Return whether the greater value of a history's column is the better one."""
    metric = METRICS.by_name.get(column.removeprefix("val_"))
    better = None if metric is None else metric.greater_is_better
    if better is None and column not in ("auto", "loss", "val_loss", "gradient_norm", "seconds", "weight_norm"):
        raise ValueError(f"which {column} is better is unknown: use values({column!r}).argmin() or .argmax()")
    return bool(better)


def not_sent(error: BaseException) -> TypeError:
    """Return the error for fits that an executor cannot send to its workers."""
    return TypeError(
        f"the executor cannot send the fits to its workers ({error}): define functions in a module, or use threads="
    )


def missing_loss() -> TypeError:
    """Return the error for a call without a loss."""
    return TypeError("fit_many needs a loss: pass loss='mse' for numbers, 'cross_entropy' for classes, or another")


def some_models(value: object) -> int:
    """Check and return a number of models."""
    return checks.integer("n_models", value, 1)


def one_precision(dtypes: Sequence[str]) -> None:
    """Check that all models have one precision."""
    if len(set(dtypes)) > 1:
        raise ValueError("net has models of float32 and float64: train them in two calls, or use net.astype")


def executor(value: object, threads: object, kind: type) -> None:
    """Check an executor, beside which there are no threads."""
    if not isinstance(value, kind):
        raise TypeError(f"executor must be a concurrent.futures.Executor, got {short(value)}")
    if threads is not None:
        raise ValueError("pass executor or threads, not both: an executor has its own workers")


def many_models(value: object, kind: type) -> None:
    """Check that a value is what `fit_many` returns."""
    if not isinstance(value, kind):
        raise TypeError(f"many must be the models of gdcore.fit_many, got {short(value)}")


def some_left(count: int) -> None:
    """Check that not all models have diverged."""
    if count == 0:
        raise ValueError("all of the models have diverged: train them again with smaller rates")


def rows_left_out(held: Sequence[NDArray[np.int64]], n: int) -> None:
    """Check that every sample of a bootstrap leaves rows out."""
    if not all(map(len, held)):
        raise ValueError(f"a bootstrap of {n} rows has drawn all of them: pass more rows, or another seed")


def number_of_folds(value: object, n: int) -> int:
    """Check and return a number of folds of n rows."""
    folds = checks.integer("folds", value, 2)
    if folds > n:
        raise ValueError(f"folds must be at most the number of rows, {n}, got {folds}")
    return folds


def enough_groups(n_groups: int, folds: int) -> None:
    """Check that each fold can have a group."""
    if folds > n_groups:
        raise ValueError(f"folds must be at most the number of groups, {n_groups}, got {folds}")


def no_groups_beside_pairs(groups: object) -> None:
    """Check that groups are not given where the folds are index arrays, which would not keep them together."""
    if groups is not None:
        raise ValueError(
            "folds has pairs (train, test) of rows, which groups cannot change: leave groups out, or pass a number of "
            "folds"
        )


def rows_of_folds(n: int, expected: int) -> None:
    """Check that predictions of folds are asked for the rows that were cross-validated."""
    if n != expected:
        raise ValueError(
            f"X has {n} rows, but the folds are of {expected}: pass the rows that were cross-validated; "
            "Ensemble(found.many) answers for others"
        )


def pairs_of_rows(value: object) -> list[tuple[Any, Any]]:
    """Check and return pairs (train, test) of index arrays."""
    if not isinstance(value, Iterable) or isinstance(value, str):
        raise TypeError(f"folds must be a number, a splitter or pairs (train, test) of rows, got {short(value)}")
    found = []
    for pair in value:
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise TypeError(f"folds must have pairs (train, test) of rows, got {short(pair)}")
        found.append((pair[0], pair[1]))
    if not found:
        raise ValueError("folds has no pairs; expected at least one")
    return found


def axes_of_grid(value: object, known: Sequence[str]) -> dict[str, tuple[Any, ...]]:
    """Check and return the axes of a sweep, each with at least one value and none twice."""
    if not isinstance(value, Mapping) or not value:
        raise TypeError(f"grid must be a dict of name -> values, such as {{'l2': [0, 0.1]}}, got {short(value)}")
    found = {}
    for name, values in value.items():
        if name not in known:
            raise (
                unknown_axis(name, known)
                if isinstance(name, str)
                else TypeError(f"grid must have names, got {short(name)}")
            )
        if not isinstance(values, Iterable) or isinstance(values, str):
            raise TypeError(f"grid[{name!r}] must be values, got {short(values)}")
        axis = tuple(entry.item() if isinstance(entry, np.generic) else entry for entry in values)
        for entry in axis:
            if isinstance(entry, list | dict | set | np.ndarray):
                raise TypeError(f"grid[{name!r}] must have one value for each point, got {short(entry)} among them")
        if not axis or len(set(axis)) < len(axis):
            raise ValueError(f"grid[{name!r}] must have one value or more, each once, got {short(values)}")
        found[name] = axis
    return found


def unknown_axis(name: str, known: Sequence[str]) -> ValueError:
    """Return the error for a name that is none of a sweep's axes, with what it is called here."""
    meant = next((here for here, _ in known_as(name) if here in known), None)
    if meant is None:
        return checks.unknown_name("axis of the grid", name, known)
    return ValueError(f"unknown axis of the grid {name!r}; known: {', '.join(known)}; did you mean {meant!r}?")


def some_seeds(value: object) -> int:
    """Check and return a number of seeds."""
    return checks.integer("seeds", value, 1)


def cannot_go_on(name: str, value: object) -> bool:
    """Return whether nothing lies beyond the value of an axis: no penalty, no dropout, a batch of one row."""
    return value == 0 or value is None or isinstance(value, bool) or (name == "batch_size" and value == 1)


def nets(value: Sequence[Any]) -> None:
    """Check that a list of models is not empty."""
    if not value:
        raise ValueError("net has no models; expected one for all, or a list with one for each")


def layers_of_dropout(count: int) -> None:
    """Check that a model has layers whose rate `dropout` can be."""
    if count == 0:
        raise ValueError("dropout is the rate of the model's Dropout layers, but it has none: add gdcore.Dropout")


def callbacks(value: object) -> None:
    """Check that callbacks are one or several."""
    if not isinstance(value, Iterable):
        raise TypeError(f"callbacks must be one or several instances of gdcore.Callback, got {short(value)}")
