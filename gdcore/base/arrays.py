"""Arrays from anything that holds numbers, with messages that name the column, row or entry that is no number.

Design
------
- A NumPy array of numbers is taken as it is, before anything else is looked at: that is the path of training loops.
- What is no array at all (a file name, a generator, a sparse matrix, …) stands in the table of `not_arrays`.
- The columns of a data frame are read one by one only where the frame as a whole is no array of numbers. A missing
  entry becomes NaN, which `numbers_array` refuses like any other NaN.
- What is wrong is searched for after the fact, in the value as it came, so that a good array pays nothing for messages.
"""

from __future__ import annotations

import datetime
import numbers
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._kernels import load
from .not_arrays import columns_of, kind_of, library, refuse_foreign, speaks_dlpack_alone, unreadable

NUMBERS = "biuf"
PRECISIONS = {"f": "float32", "d": "float64"}
"""Names of the kernels' dtypes by their characters; NumPy puts `dtype.name` together anew whenever it is asked."""
TEXT = "USOT"
MISSING = ("NoneType", "NAType")
"""Names of the types that stand for a missing number: None and pandas.NA."""
BY_COLUMN = ("polars", "pyarrow")
"""Libraries whose frames turn dates into numbers when read as a whole; they are read column by column."""
SHOWN = 40
"""A message repeats at most this many characters of an entry."""


def plain_array(name: str, value: object) -> NDArray[Any]:
    """Return anything array-like as an array of its own kind; neither ragged nor masked.

    Object arrays and columns of numbers, None and pandas.NA become arrays of numbers; others stay as they are.
    """
    if type(value) is np.ndarray and value.dtype.kind in NUMBERS:
        return value
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise ValueError(f"{name} is a masked array: pass {name}.filled(value), or leave the masked rows out")
    refuse_foreign(name, value)
    try:
        array = np.from_dlpack(value) if speaks_dlpack_alone(value) else np.asarray(value)  # type: ignore[arg-type]
    except (ValueError, TypeError, RuntimeError, OverflowError, BufferError) as error:
        raise unreadable(name, value, error) from None
    if array.dtype.kind not in "OMmSU" and library(value) not in BY_COLUMN:
        return array
    columns = columns_of(value)
    if columns is None:
        entries = _entries(array)
        return array if entries is None else entries
    parts = [_entries(np.asarray(column)) for _, column in columns]
    known = [part for part in parts if part is not None]
    if len(known) == len(parts):
        return np.stack(known, axis=1) if known else array
    return array if array.dtype.kind not in NUMBERS else array.astype(object)


def numbers_array(name: str, value: object, dtype: str) -> NDArray[Any]:
    """Return anything array-like that holds real numbers as a contiguous array of this dtype; copied only if needed."""
    array = plain_array(name, value)
    if array.dtype.kind not in NUMBERS:
        _refuse_kind(name, value, array)
    converted = array
    if array.dtype != dtype or not (array.flags.c_contiguous and array.flags.aligned):
        with np.errstate(over="ignore"):
            converted = np.require(array, dtype, ["C", "A"])
    if not every_finite(converted):
        _refuse_nonfinite(name, value, array, converted)
    return converted


def every_finite(array: NDArray[Any]) -> bool:
    """Return whether no entry of a contiguous float32 or float64 array is NaN or infinite."""
    return load(PRECISIONS[array.dtype.char]).all_finite(array.reshape(-1))


def refuse_nan(name: str, value: object, array: NDArray[Any]) -> None:
    """Raise if an array of floats, made from `value`, has NaN or infinity."""
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        _refuse_nonfinite(name, value, array, array)


def text_entry(array: NDArray[Any]) -> str | None:
    """Return the first text in an array, in quotes; None if there is none."""
    if array.dtype.kind not in TEXT:
        return None
    return next((_quoted(entry) for entry in array.ravel() if isinstance(entry, str | bytes)), None)


def missing_row(array: NDArray[Any]) -> int | None:
    """Return the first row of an array of objects with a missing entry: None, pandas.NA or NaN."""
    if array.dtype.kind != "O":
        return None
    rows = (index[0] if index else 0 for index, entry in np.ndenumerate(array) if _is_missing(entry))
    return next(rows, None)


def frame_remedy(name: str, value: object) -> str:
    """Return how to flatten a column; data frames have no `ravel`."""
    return f"{name}.ravel()" if columns_of(value) is None else f"{name}.to_numpy().ravel()"


def _entries(array: NDArray[Any]) -> NDArray[Any] | None:
    """Return an array of numbers from an array of numbers or missing objects; None if it has other entries."""
    if array.dtype.kind in NUMBERS:
        return array
    from decimal import Decimal  # met in tables of objects alone, and not at import

    kinds = set(map(type, array.ravel())) if array.dtype.kind == "O" else {str}
    missing = {kind for kind in kinds if kind.__name__ in MISSING}
    known = kinds - missing
    if array.ndim == 0 and missing:
        return None
    if not all(issubclass(kind, numbers.Real | np.bool_ | Decimal) for kind in known):
        return None
    if not missing and all(issubclass(kind, numbers.Integral | np.bool_) for kind in known):
        try:
            return array.astype(np.int64)
        except OverflowError:
            pass
    flat = [np.nan if type(entry) in missing else _float(entry) for entry in array.ravel()]
    return np.array(flat, np.float64).reshape(array.shape)


def _float(entry: Any) -> float:
    try:
        return float(entry)
    except OverflowError:
        return np.inf if entry > 0 else -np.inf


def _refuse_kind(name: str, value: object, array: NDArray[Any]) -> None:
    """Raise for an array, or a frame's first column, that does not hold real numbers."""
    if value is None:
        raise TypeError(f"{name} is None; expected an array of real numbers")
    if array.dtype.kind == "O" and array.ndim == 0:
        raise TypeError(f"{name} is {kind_of(array.item())}; expected an array of real numbers")
    for label, column in columns_of(value) or ():
        part = np.asarray(column)
        if _entries(part) is None:
            dummies = f"{name}.to_dummies({label!r})" if library(value) == "polars" else f"pandas.get_dummies({name})"
            where = _Where(f" in column {label!r}", f"{name}[{label!r}]", dummies, "drop it")
            raise TypeError(f"{name} {_instead_of_numbers(part, where)}")
    odd: tuple[int, ...] = ()
    if array.dtype.kind in TEXT:
        odd = next((i for i, entry in np.ndenumerate(array) if not _is_number(entry)), ())
    one = f"{name}[:, {odd[1]}]" if len(odd) == 2 and array.shape[1] > 1 else name
    where = _Where(_place(odd, array.shape), one, f"np.unique({one}, return_inverse=True)[1]", "leave it out")
    raise TypeError(f"{name} {_instead_of_numbers(array, where)}")


class _Where(NamedTuple):
    """Where something other than numbers was found, and how to fix it."""

    place: str
    owner: str
    """How to write the column, or the whole."""
    encoded: str
    without: str


def _instead_of_numbers(array: NDArray[Any], where: _Where) -> str:
    """Return what an array holds instead of numbers, and what to do about it."""
    place, owner = where.place, where.owner
    if array.dtype.names:
        return f"is a structured array; pass numpy.lib.recfunctions.structured_to_unstructured({owner})"
    if array.dtype.kind == "M":
        return f"has dates{place}; pass numbers, for example ({owner} - {owner}.min()) / np.timedelta64(1, 'D')"
    if array.dtype.kind == "m":
        return f"has time spans{place}; pass numbers, for example {owner} / np.timedelta64(1, 'D')"
    entry = next((entry for entry in array.ravel() if not _is_number(entry)), None)
    if entry is None:
        return f"has numbers as text{place}, such as {text_entry(array)}; pass {owner}.astype(float)"
    if isinstance(entry, complex | np.complexfloating):
        return f"has dtype {array.dtype}{place}; expected real numbers: pass {owner}.real, if that is meant"
    if isinstance(entry, str | bytes):
        return (
            f"has text{place}, such as {_quoted(entry)}; expected real numbers: encode it, for example by "
            f"{where.encoded}, or {where.without}"
        )
    if isinstance(entry, datetime.date | datetime.timedelta):
        return f"has dates or times{place}; pass numbers, such as the days since the first one"
    if isinstance(entry, np.ndarray | Sequence):
        inner = f"np.stack({owner})"
        return f"has {kind_of(entry)}{place}, where one number is expected: pass {inner} if all are as long"
    if isinstance(entry, Mapping):
        return f"has {kind_of(entry)}{place}, where a real number is expected: pass pandas.DataFrame({owner})"
    return f"has {kind_of(entry)}{place}, where a real number is expected: convert it, or {where.without}"


def _is_number(entry: object) -> bool:
    """Return whether an entry is a real number, or the text of one."""
    if isinstance(entry, str | bytes):
        try:
            float(entry)
        except ValueError:
            return False
        return True
    from decimal import Decimal

    return isinstance(entry, numbers.Real | np.bool_ | Decimal) or _is_missing(entry)


def _is_missing(entry: Any) -> bool:
    """Return whether an entry is missing: None, pandas.NA or NaN."""
    return type(entry).__name__ in MISSING or (isinstance(entry, float) and entry != entry)


def _quoted(entry: object) -> str:
    shown = repr(entry.item() if isinstance(entry, np.generic) else entry)
    return shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}…"


def _place(index: tuple[int, ...], shape: tuple[int, ...], labels: Sequence[object] = ()) -> str:
    """Return the position of an entry in words: its row, and its column if there are several."""
    if not index:
        return ""
    place = f" in row {index[0]}"
    if len(index) == 2 and (shape[1] > 1 or labels):
        named = isinstance(labels[index[1]], str) if labels else False
        return f"{place}, column {labels[index[1]]!r} ({index[1]})" if named else f"{place}, column {index[1]}"
    return place if len(index) < 3 else f"{place}, at {list(map(int, index[1:]))}"


def _refuse_nonfinite(name: str, value: object, array: NDArray[Any], converted: NDArray[Any]) -> None:
    index = tuple(int(i) for i in np.argwhere(~np.isfinite(converted))[0])
    columns = columns_of(value)
    place = _place(index, array.shape, [label for label, _ in columns or ()])
    bad = array[index]
    if np.isnan(bad):
        raise ValueError(f"{name} contains NaN{place}; remove or impute it")
    if np.isinf(bad):
        raise ValueError(f"{name} contains infinity{place}; remove or clip it")
    where = place.removeprefix(" in ")
    raise ValueError(
        f"{name} has a number in {where} too large for {converted.dtype}, {bad:g}: scale it or use dtype='float64'"
        if where
        else f"{name} is too large for {converted.dtype}, {bad:g}: scale it or use dtype='float64'"
    )
