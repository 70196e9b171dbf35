"""Checks of sources and of the files behind them; each error says what to do."""

from __future__ import annotations

import os
from typing import Any

from ..base.checks import several, short
from ..base.spelling import did_you_mean
from .paths import path_of

GIB = 2**30


def block_fits(block: int, window: int) -> None:
    """Check that a window holds a block."""
    if block > window:
        raise ValueError(f"block_rows must be <= window_rows, {window}, got {block}: pass a larger window_rows")


def rows_fit(n: int, n_features: int, window: int) -> None:
    """Check that a window holds all rows, which any order of them needs."""
    if n > window:
        raise ValueError(
            f"order='rows' needs all {n} rows in one window, which holds {window}: one by one, rows "
            "come from a disk a hundred times slower than in blocks; pass order='blocks', which shuffles blocks, then "
            f"the rows of several, or window_rows={n}, about {n * 8 * n_features / GIB:.2g} GiB for float32"
        )


def same_rows(X_name: str, X_rows: int, y_name: str, y_rows: int) -> None:
    """Check that X and y are as long."""
    if X_rows != y_rows:
        raise ValueError(
            f"{X_name} has {X_rows} rows, {y_name} {y_rows}; expected as many: pass the numbers of the same rows"
        )


def some_rows(name: str, n: int) -> None:
    """Check that there are rows."""
    if n < 1:
        raise ValueError(f"{name} has no rows; expected at least one sample")


def table(name: str, shape: tuple[int, ...]) -> None:
    """Check that the inputs are a table."""
    if len(shape) != 2 or shape[1] < 1:
        raise ValueError(f"{name} has shape {shape}; expected (n_samples, n_features): save X.reshape(len(X), -1)")


def npy_numbers(name: str, dtype: Any) -> None:
    """Check that a file holds real numbers."""
    if dtype.kind not in "biuf":
        kind = "Python objects, which are never loaded" if dtype.hasobject else f"entries of dtype {dtype}"
        raise TypeError(f"{name} holds {kind}; expected real numbers: save the array with astype('float32')")


def npy_order(name: str, fortran: bool) -> None:
    """Check that a file holds row after row."""
    if fortran:
        raise ValueError(
            f"{name} is in Fortran order, column after column, of which no block of rows can be read: save "
            "numpy.ascontiguousarray(array)"
        )


def npy_header(name: str, error: object) -> ValueError:
    """Return the error for a file that is no .npy file, or has a damaged header."""
    return ValueError(f"{name} is not a .npy file that can be read ({error}): write it with numpy.save")


def npy_whole(name: str, size: int, expected: int) -> None:
    """Check that a file is as long as its header says."""
    if size < expected:
        raise ValueError(
            f"{name} is truncated: it has {size} bytes where its header promises {expected}; write or copy it again"
        )


def unchanged(name: str, same: bool) -> None:
    """Check that a file is still the one that was opened."""
    if not same:
        raise ValueError(f"{name} has changed since it was opened; open it again when it is written to the end")


def shrunk(name: str, row: int, n: int) -> ValueError:
    """Return the error for a file that ends too early."""
    return ValueError(f"{name} ends in row {row}, but it had {n} rows when it was opened; open it again")


def sliceable(name: str, value: object) -> int:
    """Check that an object has a length, or a shape as arrays of zarr have, and can be sliced; return the length."""
    kind, shape = type(value), getattr(value, "shape", None)
    length = getattr(kind, "__len__", None)
    has_rows = length is not None or (isinstance(shape, tuple) and len(shape) > 0)
    if not has_rows or getattr(kind, "__getitem__", None) is None:
        raise TypeError(f"{name} must have a length and be sliceable, as an array is, got {short(value)}")
    return int(shape[0] if length is None else length(value))  # type: ignore[index]


def sliced(name: str, first: int, end: int, n: int) -> None:
    """Check that a slice has as many rows as it should."""
    if n != end - first:
        raise ValueError(f"{name}[{first}:{end}] has {n} rows; expected {end - first}: open it again if it has changed")


def not_a_manifest(name: str, what: str) -> ValueError:
    """Return the error for a file that is no manifest."""
    return ValueError(f'{name} {what}; expected {{"shards": [{{"X": "X0.npy", "y": "y0.npy", "rows": 1000}}, …]}}')


def manifest(name: str, value: Any) -> list[dict[str, Any]]:
    """Check a manifest, and return its entries: files of the folder itself, with targets in all or in none."""
    listed = value.get("shards") if isinstance(value, dict) else None
    if not isinstance(listed, list) or not listed:
        raise not_a_manifest(name, "has no list of shards")
    for i, entry in enumerate(listed):
        if not isinstance(entry, dict) or not {"X", "rows"} <= set(entry) <= {"X", "y", "weight", "rows"}:
            raise not_a_manifest(name, f"has {short(entry)} as shard {i}")
        for file in (entry[key] for key in ("X", "y", "weight") if key in entry):
            if not isinstance(file, str) or not file or file != os.path.basename(file):
                raise not_a_manifest(name, f"names {short(file)} in shard {i}, which is no file of the folder")
        for key, what in (("y", "targets"), ("weight", "weights")):
            if (key in entry) != (key in listed[0]):
                lacks = 0 if key in entry else i
                raise not_a_manifest(name, f"has {what} in some shards, and in others, as shard {lacks}, none")
    return listed


def no_manifest(name: str, there: bool) -> None:
    """Check that a folder is not one of shards yet."""
    if there:
        raise FileExistsError(17, "The folder has shards already: choose another one, or remove them", name)


def part(i: int, value: object) -> dict[str, Any]:
    """Check that a part of a source to be written is X, y and perhaps weights, and return those that are there."""
    if not isinstance(value, tuple | list) or len(value) not in (2, 3):
        raise TypeError(
            f"parts must be pairs (X, y), got {short(value)} as part {i}: pass those, or (X, y, sample_weight)"
        )
    named = zip(("X", "y", "weight"), value, strict=False)
    return {key: values for key, values in named if key == "X" or values is not None}


def same_columns(first: str, n_first: int, name: str, n: int) -> None:
    """Check that a shard has the columns of the first one."""
    if n != n_first:
        raise ValueError(f"{name} has {n} features, {first} {n_first}; expected as many in each shard")


def listed_rows(name: str, n: int, listed: object) -> None:
    """Check that a shard is as long as the manifest says."""
    if n != listed:
        raise ValueError(f"{name} has {n} rows, but the manifest says {short(listed)}; write or copy it again")


def paths(name: str, value: object, expected: str) -> list[str]:
    """Check and return one path or several."""
    several = [value] if isinstance(value, str | os.PathLike) else value
    if not isinstance(several, list | tuple) or not several:
        raise TypeError(f"{name} must be a path or a list of paths, got {short(value)}")
    for path in several:
        if not isinstance(path, str | os.PathLike):
            raise TypeError(f"{name} must be paths, got {short(path)} among them")
    return [path_of(name, path, expected) for path in several]


def chosen_columns(
    path: str, kinds: dict[str, str], target: object, features: object, weight: object
) -> tuple[list[str], list[str], list[str]]:
    """Check and return the names of the columns of X, of y and of the weights.

    `kinds` are the names and types of the columns that there are.
    """
    targets = [] if target is None else [target] if isinstance(target, str) else several("target", target)
    weights: list[Any] = [] if weight is None else [weight]
    left = [name for name in kinds if name not in targets and name not in weights]
    chosen = left if features is None else list(several("features", features))
    for argument, names in (("target", targets), ("features", chosen), ("weight", weights)):
        for name in names:
            if name not in kinds:
                hint = did_you_mean(name, list(kinds)) if isinstance(name, str) else ""
                raise ValueError(f"{argument} names {name!r}, which is no column of {path}{hint}")
            if not kinds[name].startswith(NUMBERS):
                remedy = "encode it, or leave it out of features" if argument == "features" else "encode it"
                raise TypeError(f"{path} has {kinds[name]} in column {name!r}; expected numbers: {remedy}")
    if not chosen:
        raise ValueError(f"{path} has no columns besides the target; expected at least one feature")
    for what, taken in (("target", targets), ("weight", weights)):
        both = [name for name in chosen if name in taken]
        if both:
            raise ValueError(f"features has the {what}, {both[0]!r}: leave it out")
    return list(chosen), list(targets), weights


NUMBERS = ("int", "uint", "float", "double", "halffloat", "bool", "decimal")
"""How pyarrow's names of types of numbers begin."""


def has_columns(path: str, names: list[str], wanted: list[str]) -> None:
    """Check that a file has the columns of the first one."""
    missing = [name for name in wanted if name not in names]
    if missing:
        raise ValueError(f"{path} lacks the column {missing[0]!r}; expected those of the first file")


def not_arrow(name: str, error: object) -> ValueError:
    """Return the error for a file that pyarrow cannot read."""
    return ValueError(f"{name} is not a Parquet or Arrow file that can be read ({_first_line(error)}): write it again")


def not_a_table(name: str, error: object) -> ValueError:
    """Return the error for a text that pyarrow cannot read as a table."""
    return ValueError(f"{name} is not a table of numbers ({_first_line(error)}): mend that line")


def _first_line(error: object) -> str:
    return str(error).split("\n", 1)[0].rstrip(".")


def targets_given(y: object) -> None:
    """Check that a source has targets."""
    if y is None:
        raise ValueError("the source has no targets: pass y to it, as in gdcore.data.Npy('X.npy', 'y.npy')")


def kind_of_targets(same: bool) -> None:
    """Check that targets are labels, or are not, in each block alike."""
    if not same:
        raise TypeError("y has integers in some blocks of the source and other numbers elsewhere: store one kind")
