"""`read_table`: a table from a file of any known kind, from the standard input, or compressed by gzip."""

from __future__ import annotations

import codecs
import gzip
import io
import os
import sys
import zlib
from pathlib import Path

import numpy as np

from ..base import checks
from ..base.calls import explains_calls
from ..base.optional import optional
from ..data.paths import unread
from .delimited import read_delimited
from .errors import TableError, counted
from .table import Cells, Table, cells_of

STDIN = "-"
ARROW = (".parquet", ".pq", ".feather", ".arrow", ".ipc")
GZIP, NPY, ZIP, PARQUET, FEATHER = b"\x1f\x8b", b"\x93NUMPY", b"PK\x03\x04", b"PAR1", b"ARROW1"
"""The bytes that files of each kind begin with; they decide, not the name."""


@explains_calls
def read_table(
    path: str | os.PathLike[str], *, delimiter: str | None = None, encoding: str = "utf-8", header: bool = True
) -> Table:
    r"""Read a table: CSV, TSV, .npy, .npz, Parquet, Feather or Arrow, each also compressed by gzip.

    Parameters
    ----------
    path : str or path-like
        "-" is the standard input.
    delimiter : str, optional
        One character. By default comma, semicolon, tab or bar, whichever the line of names has most of.
    encoding : str, default "utf-8"
        Of a text file. A byte order mark overrides it.
    header : bool, default True
        Whether the first line holds names.

    Returns
    -------
    Table
        An array (n, k) has the columns "x0", "x1", ...; a file .npz has one column, or several, for each of its arrays.

    Raises
    ------
    TableError
        For a file that is damaged or no table; the message names the line.
    OSError
        If the file cannot be read.
    ImportError
        For Parquet, Feather and Arrow, if pyarrow is not installed: the extra "data".

    Examples
    --------
    >>> import pathlib
    >>> _ = pathlib.Path("plants.csv").write_text("height,kind\n1.5,fir\n0.3,fern\n")
    >>> read_table("plants.csv")
    Table('plants.csv': 2 rows, 2 columns)
    """
    name = _name(path)
    if delimiter is not None and (not isinstance(delimiter, str) or len(delimiter) != 1):
        raise ValueError(f"delimiter must be one character, got {checks.short(delimiter)}: pass ',', ';' or '\\t'")
    _known_encoding(encoding)
    checks.boolean("header", header)
    source = "standard input" if name == STDIN else name
    data = _bytes(name, source)
    if data.startswith(GZIP):
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise TableError(f"{source} is damaged: gzip says {error}") from None
    if data.startswith(NPY) or data.startswith(ZIP):
        return _arrays(data, source)
    if data.startswith(PARQUET) or data.startswith(FEATHER) or name.lower().endswith(ARROW):
        return _arrow(data, source)
    plain = name.lower().removesuffix(".gz")
    tab = "\t" if plain.endswith((".tsv", ".tab")) else None
    return read_delimited(data, source, encoding, delimiter or tab, header)


def _name(path: object) -> str:
    """Check and return a path as text."""
    name = os.fspath(path) if isinstance(path, str | os.PathLike) else None
    if not isinstance(name, str):
        raise TypeError(
            f"path must be the path of a table, got {checks.short(path)}: "
            "pass text or a pathlib.Path; gdcore.tables.Table.from_columns takes columns"
        )
    if not name or "\0" in name:
        raise ValueError(f"path must be the path of a table, got {name!r}: pass its name")
    return name


def _known_encoding(encoding: object) -> None:
    checks.text("encoding", encoding)
    try:
        codecs.lookup(str(encoding))
    except LookupError:
        raise LookupError(f"unknown encoding {encoding!r}: pass one of Python's, such as 'utf-8' or 'cp1252'") from None


def _bytes(name: str, source: str) -> bytes:
    if name != STDIN:
        try:
            return Path(name).read_bytes()
        except OSError as error:
            raise unread(name, error) from None
    stream = getattr(sys.stdin, "buffer", None)
    if stream is None:
        raise TableError(f"{source} is closed: pass a file, or pipe one in")
    data: bytes = stream.read()
    return data


def _arrays(data: bytes, source: str) -> Table:
    """Return the arrays of a file .npy or .npz as columns; nothing pickled is read."""
    try:
        found = np.load(io.BytesIO(data), allow_pickle=False)
        arrays = {"x": found} if isinstance(found, np.ndarray) else {name: found[name] for name in found.files}
    except (ValueError, OSError, EOFError, KeyError) as error:
        raise TableError(f"{source} cannot be read as arrays of NumPy: {error}") from None
    columns: dict[str, Cells] = {}
    for name, array in arrays.items():
        if array.dtype.names is not None:
            columns.update({field: cells_of(array[field]) for field in array.dtype.names})
        elif array.ndim == 1:
            columns[name] = cells_of(array)
        elif array.ndim == 2:
            columns.update({f"{name}{i}": cells_of(array[:, i]) for i in range(array.shape[1])})
        else:
            raise TableError(f"{source} has an array {name!r} of {counted(array.ndim, 'axis', 'axes')}; it may have 2")
    table = Table.from_columns(columns, source)
    if not len(table):
        raise TableError(f"{source} has no rows")
    return table


def _arrow(data: bytes, source: str) -> Table:
    if data.startswith(PARQUET):
        reads = optional("pyarrow.parquet", "a Parquet file", "gdcore[data]").read_table
    else:
        reads = optional("pyarrow.feather", "a Feather or Arrow file", "gdcore[data]").read_table
    arrow = optional("pyarrow", "an Arrow file", "gdcore[data]")
    try:
        found = reads(arrow.BufferReader(data))
    except arrow.ArrowException as error:
        raise TableError(f"{source} cannot be read: {error}") from None
    columns = {name: found.column(i).to_pylist() for i, name in enumerate(found.column_names)}
    return Table.from_columns(columns, source)
