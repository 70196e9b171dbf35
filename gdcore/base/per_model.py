"""The records of many models: what a record's class makes of arrays.

Design
------
- A record holds one number where its field is a number. So a call with an array or a list of one per model makes no
  record but a `PerModel`: a record for each model. Whatever takes one record refuses it, and `gdcore.fit_many` takes it
  apart. Of a field that holds a tuple, such as Adam's betas, a list of numbers is one value for all models.
- Where the models' records differ in numbers alone, they stay arrays: ten thousand records would take longer to make
  than the models to train. A record is made when it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import fields
from typing import Any, final

import numpy as np


def is_array(value: object) -> bool:
    """Return whether a value is a list or a one-dimensional array, which has an entry for each model."""
    return isinstance(value, list) or (isinstance(value, np.ndarray) and value.ndim == 1)


def varies(value: object) -> bool:
    """Return whether a value differs from model to model: an array, a tuple with one, or the records of many models."""
    return is_array(value) or isinstance(value, PerModel) or (isinstance(value, tuple) and any(map(is_array, value)))


@final
class PerModel:
    """One record for each model.

    Attributes
    ----------
    kind : type
        Class of the records.
    records : tuple
    call : str
        The call that made them, with the lengths of its arrays.
    columns : dict of str to array or value, or None
        What the fields of all models are, where they differ in numbers alone; None where records were given.
    ends : (Record, Record) or None
        With `columns`: the records of the least and of the greatest numbers.

    Examples
    --------
    >>> import gdcore as gd
    >>> several = gd.Adam(np.array([0.1, 0.2, 0.3]))
    >>> several, len(several), several[1]
    (Adam(<3 numbers>), 3, Adam(0.2))
    """

    __slots__ = ("_records", "call", "columns", "ends", "kind")

    def __init__(self, kind: type, records: tuple[Any, ...], call: str) -> None:
        self.kind, self._records, self.call = kind, records, call
        self.columns: dict[str, Any] | None = None
        self.ends: tuple[Any, Any] | None = None

    @classmethod
    def of_columns(cls, kind: type, columns: dict[str, Any], call: str) -> PerModel:
        """Return the records of arrays and single values by fields' names; each is made when it is asked for.

        Raises
        ------
        TypeError, ValueError
            For ends of the arrays that the class refuses.
        """
        found = cls(kind, (), call)
        lowest = {name: _end(value, np.min) for name, value in columns.items()}
        highest = {name: _end(value, np.max) for name, value in columns.items()}
        found.columns, found.ends = columns, (kind(**lowest), kind(**highest))
        return found

    @property
    def records(self) -> tuple[Any, ...]:
        """A record for each model."""
        if not self._records and self.columns is not None:
            self._records = tuple(map(self._made, range(len(self))))
        return self._records

    def _made(self, i: int) -> Any:
        assert self.columns is not None
        return self.kind(**{name: _of(value, i) for name, value in self.columns.items()})

    def part(self, which: Any) -> PerModel:
        """Return the records of some models, by a slice or an index array."""
        if self.columns is None:
            numbers = np.arange(len(self))[which].tolist()
            return PerModel(self.kind, tuple(self._records[i] for i in numbers), self.call)
        columns = {name: value[which] if is_array(value) else value for name, value in self.columns.items()}
        return PerModel.of_columns(self.kind, columns, self.call)

    def __len__(self) -> int:
        if self.columns is None:
            return len(self._records)
        return next(len(value) for value in self.columns.values() if is_array(value))

    def __getitem__(self, i: int) -> Any:
        return self._records[i] if self._records or self.columns is None else self._made(i)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.records)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PerModel) and self.records == other.records

    def __hash__(self) -> int:
        return hash(self.records)

    def __reduce__(self) -> tuple[Any, ...]:
        if self.columns is not None:
            return PerModel.of_columns, (self.kind, self.columns, self.call)
        return PerModel, (self.kind, self._records, self.call)

    def __repr__(self) -> str:
        return self.call


def of_each_model(
    kind: type, args: tuple[Any, ...], kwargs: Mapping[str, Any], *, independent: bool = False
) -> PerModel:
    """Return the records of a call with arrays.

    Parameters
    ----------
    kind, args, kwargs
        The class that was called, and its arguments. Lists, one-dimensional arrays, tuples that contain one, and
        records of many models stand for an entry per model; all of them have one length.
    independent : bool, default False
        Whether the ends of arrays tell whether the class takes all of their entries.

    Raises
    ------
    TypeError, ValueError
        For arrays of different lengths or without entries, and for what the class refuses, naming the model.
    """
    lengths = dict.fromkeys(n for value in (*args, *kwargs.values()) for n in _lengths(value))
    if len(lengths) > 1:
        raise ValueError(
            f"{kind.__name__} has arrays of {' and '.join(map(str, lengths))} entries: pass one entry for each model"
        )
    (n,) = lengths
    if n == 0:
        raise ValueError(f"{kind.__name__} has an array without entries: pass one entry for each model")
    shown = [*map(_shown, args), *(f"{key}={_shown(value)}" for key, value in kwargs.items())]
    call = f"{kind.__name__}({', '.join(shown)})"
    if independent and all(_is_column(value) for value in (*args, *kwargs.values())):
        with suppress(TypeError, ValueError):  # a look at each record names the model
            kind(*(_of(value, 0) for value in args), **{key: _of(value, 0) for key, value in kwargs.items()})
            columns = {**dict(zip(_names(kind), args, strict=False)), **kwargs}
            return PerModel.of_columns(kind, {name: _column(value) for name, value in columns.items()}, call)
    records = []
    for i in range(n):
        try:
            records.append(kind(*(_of(value, i) for value in args), **{key: _of(v, i) for key, v in kwargs.items()}))
        except (TypeError, ValueError) as error:
            raise type(error)(f"model {i}: {error}") from None
    return PerModel(kind, tuple(records), call)


def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def _is_column(value: Any) -> bool:
    """Return whether a value is one for all models, or numbers of one type, one for each."""
    if isinstance(value, list):
        return set(map(type, value)) in ({int}, {float}) and np.array(value).dtype.kind in "fiu"
    if is_array(value):
        return type(value) is np.ndarray and value.dtype.kind in "fiu" and value.dtype.itemsize <= 8
    return not varies(value)


def _column(value: Any) -> Any:
    """Return a copy of numbers as an array, which nobody can change."""
    if not is_array(value):
        return value
    found = np.array(value)
    found.flags.writeable = False
    return found


def _end(value: Any, of: Any) -> Any:
    return of(value).item() if is_array(value) else value


def _lengths(value: Any) -> Iterator[int]:
    if is_array(value) or isinstance(value, PerModel):
        yield len(value)
    elif isinstance(value, tuple):
        yield from (len(entry) for entry in value if is_array(entry))


def _of(value: Any, i: int) -> Any:
    if is_array(value):
        entry = value[i]
        return entry.item() if isinstance(entry, np.generic) else entry
    if isinstance(value, PerModel):
        return value[i]
    return tuple(_of(entry, i) for entry in value) if isinstance(value, tuple) else value


def _shown(value: Any) -> str:
    if is_array(value):
        return f"<{len(value)} numbers>"
    return f"({', '.join(map(_shown, value))})" if isinstance(value, tuple) and varies(value) else repr(value)


def with_tuples(kind: type, args: Any, kwargs: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return a call's arguments with a tuple for each list that is the one value of a field that holds tuples."""
    holds = {field.name for field in fields(kind) if str(field.type).startswith("tuple[")}

    def one(name: str, value: Any) -> Any:
        several = not isinstance(value, list) or all(isinstance(entry, tuple | np.ndarray) for entry in value)
        return value if name not in holds or several else tuple(value)

    names = (*_names(kind), *("" for _ in args))
    return tuple(map(one, names, args)), {name: one(name, value) for name, value in kwargs.items()}
