"""Things passed instead of arrays: one table of kinds, each with its message.

Design
------
- Libraries are recognised by the module that a type comes from, and never imported.
- A row of `KINDS` holds a test and the end of the message, "{name}" standing for the argument. The first row whose test
  holds makes the message.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from io import IOBase
from typing import Any, NamedTuple

import numpy as np

FRAMES: dict[str, Callable[[Any], Iterable[tuple[object, Any]]]] = {
    "pandas": lambda frame: frame.items(),
    "modin": lambda frame: frame.items(),
    "polars": lambda frame: zip(frame.columns, frame.get_columns(), strict=True),
    "pyarrow": lambda frame: zip(frame.column_names, frame.columns, strict=True),
}
"""How to get column names and columns from each library's data frame."""

READERS = {
    ".npy": "numpy.load",
    ".npz": "numpy.load",
    ".parquet": "pandas.read_parquet",
    ".xlsx": "pandas.read_excel",
    ".json": "pandas.read_json",
}
SHOWN = 60
"""A message repeats at most this many characters of a text."""


def columns_of(value: object) -> list[tuple[object, Any]] | None:
    """Return the names and the columns of a data frame; None for anything else."""
    read = FRAMES.get(library(value))
    if read is None or getattr(value, "columns", None) is None:
        return None
    return list(read(value))


def library(value: object) -> str:
    """Return the top-level module that an object's type comes from."""
    return type(value).__module__.partition(".")[0]


def is_sparse(value: object) -> bool:
    """Return whether a value is a sparse matrix or array of SciPy."""
    return library(value) == "scipy" and getattr(value, "format", None) is not None


def is_source(value: object) -> bool:
    """Return whether a value is a source of `gdcore.data`, a room above this one."""
    return any((kind.__module__, kind.__name__) == ("gdcore.data.samples", "Source") for kind in type(value).__mro__)


def full_name(kind: type) -> str:
    """Return a class's name with its module, which Python's own classes and NumPy's arrays do without.

    Classes of this package have the name that users import them by.

    Examples
    --------
    >>> full_name(dict), full_name(np.ndarray), full_name(Mapping)
    ('dict', 'ndarray', 'collections.abc.Mapping')
    """
    package, _, module = kind.__module__.partition(".")
    if package == "gdcore":
        room = module.partition(".")[0]
        return f"gdcore.{room + '.' if room in ('data', 'metrics', 'plot', 'schedules') else ''}{kind.__qualname__}"
    plain = kind.__module__ in ("builtins", "__main__") or kind is np.ndarray
    return kind.__qualname__ if plain else f"{kind.__module__}.{kind.__qualname__}"


def is_foreign(value: object) -> bool:
    """Return whether an object's class comes from a library beside Python, NumPy and this package."""
    return library(value) not in (*sys.stdlib_module_names, "__main__", "numpy", "gdcore")


def kind_of(value: object) -> str:
    """Return an object's class in words.

    Examples
    --------
    >>> kind_of([]), kind_of(1)
    ('a list', 'an int')
    """
    name = full_name(type(value))
    return f"{'an' if name[0].lower() in 'aeio' else 'a'} {name}"


class Kind(NamedTuple):
    """A kind of object that is not an array."""

    test: Callable[[Any], object]
    says: str
    error: type[Exception] = TypeError


def _is_path(value: object) -> bool:
    if isinstance(value, str):
        return bool(os.path.splitext(value)[1]) or "/" in value or "\\" in value
    return isinstance(value, os.PathLike)


def _grown(value: object) -> object:
    return library(value) == "torch" and getattr(value, "requires_grad", False)


def _elsewhere(value: Any) -> object:
    return library(value) == "torch" and str(getattr(value, "device", "cpu")) != "cpu"


def is_lazy(value: object) -> bool:
    """Return whether a value is a polars frame that is not computed yet, so that reading its
    columns costs something.
    """
    return library(value) == "polars" and type(value).__name__ == "LazyFrame"


KINDS = (
    Kind(
        is_source,
        "is a source, which fit, epoch, predict, loss, evaluate and the from_data of Standardize and MinMax take; pass "
        "an array here, such as {name}.read(0, 1000)[{part}]",
    ),
    Kind(_is_path, "is a file name, {value}; read it first, for example by {reader}"),
    Kind(lambda v: isinstance(v, str | bytes), "is text, {value}; expected an array of numbers"),
    Kind(lambda v: isinstance(v, IOBase), "is an open file; read it first, for example by numpy.loadtxt"),
    Kind(lambda v: callable(getattr(v, "toarray", None)), "is a sparse matrix; pass {name}.toarray()"),
    Kind(lambda v: library(v) == "sparse", "is a sparse array; pass {name}.todense()"),
    Kind(_grown, "is a tensor that requires grad; pass {name}.detach().numpy()"),
    Kind(_elsewhere, "is a tensor on another device than the CPU; pass {name}.cpu()"),
    Kind(lambda v: library(v) == "torch" and getattr(v, "is_sparse", False), "is sparse; pass {name}.to_dense()"),
    Kind(is_lazy, "is a LazyFrame; pass {name}.collect()"),
    Kind(lambda v: isinstance(v, Mapping), "is {kind}; pass np.column_stack(list({name}.values())), or an array"),
    Kind(lambda v: isinstance(v, Set), "is {kind}, which has no order; pass a list or an array"),
    Kind(lambda v: isinstance(v, Iterator), "is {kind}; pass list({name}) or an array"),
    Kind(
        lambda v: isinstance(v, Iterable) and not isinstance(v, Sequence) and _no_array(v),
        "is {kind}; pass list({name}) or an array",
    ),
)


def _no_array(value: object) -> bool:
    """Return whether NumPy has no way to read an object as an array."""
    ways = ("__array__", "__array_interface__", "__array_struct__", "__buffer__", "__dlpack__", "__getitem__")
    return all(getattr(value, way, None) is None for way in ways)


def speaks_dlpack_alone(value: object) -> bool:
    """Return whether an object of another library is an array that only DLPack can read."""
    ways = ("__array__", "__array_interface__", "__array_struct__")
    return getattr(value, "__dlpack__", None) is not None and all(getattr(value, way, None) is None for way in ways)


def refuse_foreign(name: str, value: object) -> None:
    """Raise if a value is of one of the kinds that are not arrays."""
    if isinstance(value, np.ndarray | list | tuple):
        return
    for kind in KINDS:
        if kind.test(value):
            raise kind.error(f"{name} {_filled(kind.says, name, value)}")


def refuse_source(name: str, value: object) -> None:
    """Raise if a value is a source, where only arrays are taken."""
    if is_source(value):
        refuse_foreign(name, value)


def _filled(says: str, name: str, value: object) -> str:
    shown = repr(str(value) if isinstance(value, str | os.PathLike) else value)
    shown = shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}…"
    path = os.path.splitext(os.fspath(value))[1] if isinstance(value, str | os.PathLike) else ""
    reader = READERS.get(str(path).lower(), "numpy.loadtxt")
    part = "1" if name == "y" else "0"  # of what a source reads, (X, y, sample_weight)
    for word, text in (
        ("{name}", name),
        ("{part}", part),
        ("{value}", shown),
        ("{reader}", reader),
        ("{kind}", kind_of(value)),
    ):
        says = says.replace(word, text)
    return says


def unreadable(name: str, value: object, error: Exception) -> Exception:
    """Return the error for what NumPy cannot read: a member of a list that is no array, a ragged list, or another."""
    if isinstance(value, list | tuple):
        for i, item in enumerate(value):
            refuse_foreign(f"{name}[{i}]", item)
        rows = [_length(item) for item in value]
        for i, row in enumerate(rows):
            if row != rows[0]:
                return ValueError(f"{name} is ragged: row {i} is {row}, row 0 {rows[0]}; every row needs as many")
        return ValueError(f"{name} is ragged: every row needs the same number of entries ({error})")
    return TypeError(f"{name} is {kind_of(value)} that NumPy cannot read: {error}")


def _length(row: Any) -> str:
    if not isinstance(row, Sequence | np.ndarray) or np.ndim(np.empty(0) if isinstance(row, Sequence) else row) == 0:
        return "a single value"
    return f"of length {len(row)}"
