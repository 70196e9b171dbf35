"""A Parquet or Arrow file, opened and read by pyarrow.

Design
------
- What is read is in memory of its own: a mapped file that shrinks kills the process, and one that is written changes
  what was read before.
- pyarrow's errors name no file, and what it makes of a damaged one differs. Here each is one sentence with the path.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from ..base.optional import optional
from . import source_checks
from .paths import unreadable

EXTRA = "gdcore[data]"
FILES = "a Parquet or Arrow file"
IPC = (".arrow", ".feather", ".ipc")


class TableFile:
    """A file of pyarrow's, open within a `with` statement; `end` is what an earlier one had as such."""

    def __init__(self, path: str, end: Any = None) -> None:
        self._path, self._is_ipc = path, os.path.splitext(path)[1].lower() in IPC
        with _one_error(path):
            self._source = optional("pyarrow", "gdcore.data.Arrow", EXTRA).OSFile(path)
            if self._is_ipc:
                self._file = _ipc().open_file(self._source)
            else:
                parquet = optional("pyarrow.parquet", "gdcore.data.Arrow", EXTRA)
                self._file = parquet.ParquetFile(self._source, metadata=end)
        self.schema = self._file.schema if self._is_ipc else self._file.schema_arrow
        self.end = None if self._is_ipc else self._file.metadata

    def __enter__(self) -> TableFile:
        return self

    def __exit__(self, *failure: object) -> None:
        self._source.close()

    def rows(self) -> list[int]:
        """Return the number of rows of each group."""
        if not self._is_ipc:
            metadata = self._file.metadata
            return [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
        lib = optional("pyarrow", "gdcore.data.Arrow", EXTRA)
        with _one_error(self._path), lib.memory_map(self._path) as mapped:  # of which headers alone are read here
            file = _ipc().open_file(mapped)
            return [file.get_batch(i).num_rows for i in range(file.num_record_batches)]

    def group(self, index: int, names: list[str]) -> Any:
        """Decode the columns of a group."""
        with _one_error(self._path):
            if not self._is_ipc:
                return self._file.read_row_group(index, columns=names, use_threads=True)
            fields = [self.schema.names.index(name) for name in names]
            options = _ipc().IpcReadOptions(included_fields=fields, use_threads=True)
            return _ipc().open_file(self._source, options=options).get_batch(index).select(names)


class LastFile:
    """The file that was read last, which stays open until another one is read, within a `with` statement."""

    def __init__(self) -> None:
        self._path = ""
        self._file: TableFile | None = None

    def at(self, path: str, end: Any) -> TableFile:
        """Return the file at a path, opened now if it was not the last one."""
        if self._file is None or path != self._path:
            self.__exit__()
            self._path, self._file = path, TableFile(path, end)
        return self._file

    def __enter__(self) -> LastFile:
        return self

    def __exit__(self, *failure: object) -> None:
        if self._file is not None:
            self._file.__exit__()
        self._file = None


def _ipc() -> Any:
    return optional("pyarrow.ipc", "gdcore.data.Arrow", EXTRA)


@contextmanager
def _one_error(path: str) -> Generator[None, None, None]:
    """Raise what pyarrow raises about a file as one error that names it."""
    lib = optional("pyarrow", "gdcore.data.Arrow", EXTRA)
    try:
        yield
    except (lib.ArrowInvalid, lib.ArrowTypeError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise unreadable(path, error, FILES) from None
        raise source_checks.not_arrow(path, error) from None
