"""The attributes of a fit in a file: what each one may be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, csr_matrix, issparse

from ..base import checks
from ..io.errors import FileFormatError
from ..models import Sequential
from .mlp import MLP
from .targets import Labels
from .watch import Record

REQUIRED = ("trainer_", "history_", "_record", "_held", "n_iter_", "t_", "stopped_", "n_features_in_")
"""What every fit leaves."""


def _number(value: Any) -> bool:
    return type(value) in (int, float)


def _count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _curve(value: Any) -> bool:
    return isinstance(value, list) and all(map(_number, value))


def _or_none(holds: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or holds(value)


ATTRIBUTES: dict[str, Callable[[Any], bool]] = {
    "n_iter_": _count,
    "t_": _number,
    "stopped_": lambda value: isinstance(value, bool),
    "sparsified_": lambda value: isinstance(value, bool),
    "n_outputs_": _count,
    "loss_": _number,
    "best_loss_": _or_none(_number),
    "best_validation_score_": _or_none(_number),
    "loss_curve_": _curve,
    "validation_scores_": _or_none(_curve),
    "validation_loss_curve_": _or_none(_curve),
}
"""The attributes that are numbers and lists, with what they may be."""


def attributes(values: Any, kind: type[Any]) -> dict[str, Any]:
    """Check and return the attributes that are numbers and lists."""
    due = {"n_iter_", "t_", "stopped_"} | (
        {"n_outputs_", "loss_", "validation_loss_curve_"} if issubclass(kind, MLP) else set()
    )
    if not isinstance(values, dict) or not due <= set(values) <= set(ATTRIBUTES):
        raise FileFormatError(f"has {checks.short(values)} where the attributes of an {kind.__name__} are due")
    for name, value in values.items():
        if not ATTRIBUTES[name](value):
            raise FileFormatError(f"has {checks.short(value)} where {name} is due")
    return values


def features(values: Any, net: Sequential) -> dict[str, Any]:
    """Check and return the number of features, and their names if there are some."""
    if not isinstance(values, dict) or set(values) != {"n", "names"} or values["n"] != net.in_features:
        raise FileFormatError(f"has {checks.short(values)} where {net.in_features} features are due")
    names = values["names"]
    if names is None:
        return {"n_features_in_": net.in_features}
    if not isinstance(names, np.ndarray) or names.dtype != object or len(names) != net.in_features:
        raise FileFormatError(f"has {checks.short(names)} where the names of {net.in_features} features are due")
    return {"n_features_in_": net.in_features, "feature_names_in_": names}


def labels(values: Any, n_outputs: int, kind: type[Any]) -> Labels:
    """Check and return the classes: sorted, as many as the outputs need."""
    if not isinstance(values, dict) or set(values) != set(Labels._fields):
        raise FileFormatError(f"has {checks.short(values)} where labels are due")
    found = Labels(values["kind"], values["classes"])
    if not isinstance(found.classes, np.ndarray) or found.classes.ndim != 1 or not _sorted(found.classes):
        raise FileFormatError(f"has {checks.short(found.classes)} where sorted classes are due")
    n = len(found.classes)
    due = {
        "binary": 1 <= n <= 2 and n_outputs in (1, 2),
        "multiclass": n == n_outputs > 2,
        "multilabel": n == n_outputs and np.array_equal(found.classes, np.arange(n)) and issubclass(kind, MLP),
    }
    if not isinstance(found.kind, str) or not due.get(found.kind, False):
        raise FileFormatError(f"has {n} classes of the kind {checks.short(found.kind)} for {n_outputs} outputs")
    return found


def _sorted(classes: NDArray[Any]) -> bool:
    return bool((classes[:-1] < classes[1:]).all()) and (classes.dtype.kind != "f" or bool(np.isfinite(classes).all()))


def record(values: Any, net: Sequential) -> Record:
    """Check and return what was counted over the epochs."""
    checked: dict[str, Callable[[Any], bool]] = {
        "losses": _curve,
        "scores": _curve,
        "best_loss": _number,
        "best_score": _number,
        "count": _count,
        "params": lambda value: value is None or _parameters_of(value, net),
    }
    if not isinstance(values, dict) or set(values) != {field.name for field in fields(Record)}:
        raise FileFormatError(f"has {checks.short(values)} where the record of a fit is due")
    for name, value in values.items():
        if not checked[name](value):
            raise FileFormatError(f"has {checks.short(value)} where {name} of the record of a fit is due")
    return Record(**values)


def _parameters_of(value: Any, net: Sequential) -> bool:
    """Return whether an array has parameters of this network."""
    right = isinstance(value, np.ndarray) and value.shape == (net.n_params,) and value.dtype == net.dtype
    return right and bool(np.isfinite(value).all())


def plain_rows(held: Any) -> Any:
    """Return held-out rows with a sparse matrix as its arrays."""
    if held is None or not issparse(held[0]):
        return held
    X = held[0]
    arrays = {name: getattr(X, name) for name in ("data", "indices", "indptr")}
    arrays |= {name: arrays[name].astype(np.int64) for name in ("indices", "indptr")}
    return {**arrays, "is_array": isinstance(X, csr_array)}, *held[1:]


def rows(value: Any, net: Sequential, known: Labels | None) -> Any:
    """Check and return held-out rows (X, numbers, weights), or None."""
    if value is None:
        return None
    if not isinstance(value, tuple) or len(value) != 3:
        raise FileFormatError(f"has {checks.short(value)} where held-out rows are due")
    X, numbers, weight = value
    X = _sparse(X, net) if isinstance(X, dict) else X
    right = (issparse(X) or isinstance(X, np.ndarray)) and X.ndim == 2 and X.shape[1] == net.in_features
    right = right and X.dtype in (np.float64, np.float32) and bool(np.isfinite(X.data if issparse(X) else X).all())
    right = right and _targets(numbers, X.shape[0], net, known)
    if weight is not None:
        right = right and isinstance(weight, np.ndarray) and weight.dtype == np.float64
        right = right and weight.shape == X.shape[:1] and bool((weight >= 0).all() and np.isfinite(weight).all())
    if not right:
        raise FileFormatError("has held-out rows that do not fit the network")
    return X, numbers, weight


def _sparse(arrays: dict[str, Any], net: Sequential) -> Any:
    """Return a sparse matrix from its arrays, all of whose indices are checked."""
    try:
        data, indices, indptr, is_array = (arrays[name] for name in ("data", "indices", "indptr", "is_array"))
        kind = csr_array if is_array else csr_matrix
        found = kind((data, indices, indptr), shape=(len(indptr) - 1, net.in_features))
        found.check_format(full_check=True)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise FileFormatError(f"has held-out rows that are no sparse matrix: {error}") from None
    return found


def _targets(numbers: Any, n: int, net: Sequential, known: Labels | None) -> bool:
    """Return whether targets of held-out rows are numbers of classes, 0 and 1 for labels, or numbers."""
    if not isinstance(numbers, np.ndarray) or n == 0 or numbers.shape[:1] != (n,):
        return False
    shape = (n,) if net.out_features == 1 else (n, net.out_features)
    if known is None:
        return numbers.dtype == np.float64 and numbers.shape == shape and bool(np.isfinite(numbers).all())
    if numbers.dtype != np.int64:
        return False
    several = known.kind == "multilabel"
    most = 2 if several else len(known.classes)
    return numbers.shape == (shape if several else (n,)) and bool(((numbers >= 0) & (numbers < most)).all())
