"""`Shards`, a source of several NumPy files that stand in one folder, with a manifest that lists them."""

from __future__ import annotations

import json
import os
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate
from os import PathLike
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..base.checks import plain_array
from . import source_checks
from .npy import NpyFile, open_npy
from .paths import manifest_path, path_of, unreadable
from .reading import Reading, reading
from .samples import Source

MANIFEST = "manifest.json"


@final
class Shards(Source):
    """Rows of several pairs of .npy files in a folder, one after the other.

    ``manifest.json`` lists them, in order: ``{"shards": [{"X": "X0.npy", "y": "y0.npy", "rows": 1000}, …]}``, with "y"
    in all of them or in none, and likewise "weight", files of sample weights. `write_shards` writes such a folder.

    Parameters
    ----------
    folder : str or PathLike
    window_rows, block_rows, order
        As in `Npy`.

    Raises
    ------
    OSError
        If the manifest or a file cannot be read.
    TypeError, ValueError
        For another manifest, files that differ from it, files as in `Npy`, and arguments that do not fit.

    Examples
    --------
    >>> import tempfile, numpy as np, gdcore as gd
    >>> parts = [(np.ones((100, 3)), np.zeros(100)), (np.ones((50, 3)), np.ones(50))]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     source = gd.data.write_shards(folder, parts)
    ...     source.n_samples, gd.LinearModel(3, weight_init="zeros").loss(source, loss="mse") * 3
    (150, 1.0)
    """

    def __init__(
        self,
        folder: str | PathLike[str],
        *,
        window_rows: int | None = None,
        block_rows: int | None = None,
        order: str = "blocks",
    ) -> None:
        self._folder = path_of("folder", folder, "a folder")
        listed = _manifest(manifest_path(self._folder, MANIFEST))
        self._X, self._y, self._weight = (
            [open_npy(key, os.path.join(self._folder, entry[key])) for entry in listed if key in entry]
            for key in ("X", "y", "weight")
        )
        for file, entry in zip(self._X, listed, strict=True):
            source_checks.table(file.path, file.shape)
            source_checks.same_columns(self._X[0].path, self._X[0].shape[1], file.path, file.shape[1])
            source_checks.listed_rows(file.path, file.shape[0], entry["rows"])
        for files in (self._y, self._weight):
            for X, other in zip(self._X, files, strict=False):
                source_checks.same_rows(X.path, X.shape[0], other.path, other.shape[0])
        self._starts = [0, *accumulate(file.shape[0] for file in self._X)]
        self._reading = reading(self.n_samples, self.n_features, window_rows, block_rows, order)

    @property
    def n_samples(self) -> int:
        """Number of rows of all files."""
        return self._starts[-1]

    @property
    def n_features(self) -> int:
        """Number of columns of X."""
        return self._X[0].shape[1]

    @property
    def files(self) -> tuple[str, ...]:
        """Paths of the manifest and of the files that are read."""
        return (os.path.join(self._folder, MANIFEST), *(file.path for file in self._X + self._y + self._weight))

    @property
    def reading(self) -> Reading:
        """How many rows are read and kept at a time, and in which order."""
        return self._reading

    def read(self, first: int, end: int) -> tuple[Any, Any]:
        """Return X and y of rows first … end - 1."""
        return self._rows(self._X, first, end), self.read_targets(first, end)

    def read_into(self, first: int, end: int, X: NDArray[Any]) -> tuple[Any, Any]:
        """Return what `read` does, X in the given array if that is of the files' precision."""
        pieces = list(self._pieces(first, end))
        if any(X.dtype != self._X[at].dtype for at, _, _ in pieces):
            return self.read(first, end)
        done = 0
        for at, a, b in pieces:
            self._X[at].read_into(a, b, X[done : done + b - a])
            done += b - a
        return X, self.read_targets(first, end)

    def read_targets(self, first: int, end: int) -> Any:
        """Return y of rows first … end - 1."""
        return self._rows(self._y, first, end)

    def read_weights(self, first: int, end: int) -> Any:
        """Return the sample weights of rows first … end - 1."""
        return self._rows(self._weight, first, end)

    def place(self, row: int, of: str) -> tuple[str, int]:
        """Return the name of the file that holds a row of X, of y or of the weights, and the row's number in it."""
        at = bisect_right(self._starts, row) - 1
        return (({"y": self._y, "weight": self._weight}).get(of) or self._X)[at].path, row - self._starts[at]

    def _rows(self, files: list[NpyFile], first: int, end: int) -> Any:
        """Read rows first … end - 1 of all files; without files return None."""
        if not files:
            return None
        parts = [files[at].rows(a, b) for at, a, b in self._pieces(first, end)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _pieces(self, first: int, end: int) -> Iterator[tuple[int, int, int]]:
        """Yield the shards that hold rows first … end - 1, and which of their rows these are."""
        while first < end:
            at = bisect_right(self._starts, first) - 1
            last, start = min(end, self._starts[at + 1]), self._starts[at]
            yield at, first - start, last - start
            first = last

    def __repr__(self) -> str:
        return f"Shards({self._folder!r}, window_rows={self._reading.window_rows})"


def write_shards(folder: str | PathLike[str], parts: Iterable[tuple[ArrayLike | None, ...]], **options: Any) -> Shards:
    """Write a folder that `Shards` reads, two or three files for each part, and return the source.

    The manifest is written last: a folder without one is not complete.

    Parameters
    ----------
    folder : str or PathLike
        It is made if there is none. A manifest that is there already is refused.
    parts : iterable of (X, y) or (X, y, sample_weight)
        Arrays (n, n_features), (n,) or (n, k) or None, and (n,) or None; one part is in memory at a time.

    Raises
    ------
    FileExistsError
        If the folder has a manifest.
    OSError
        If a file cannot be written.
    TypeError, ValueError
        For parts that `Shards` would refuse.
    """
    name = path_of("folder", folder, "a folder")
    os.makedirs(name, exist_ok=True)
    manifest = os.path.join(name, MANIFEST)
    source_checks.no_manifest(manifest, os.path.exists(manifest))
    listed = []
    for i, part in enumerate(parts):
        entry: dict[str, Any] = {}
        for key, values in source_checks.part(i, part).items():
            entry[key] = f"{key}{i:05}.npy"
            array = plain_array(key, values)
            np.save(os.path.join(name, entry[key]), np.ascontiguousarray(array), allow_pickle=False)
            entry.setdefault("rows", len(array))
        listed.append(entry)
    source_checks.some_rows("parts", len(listed))
    with open(manifest + ".tmp", "w", encoding="utf-8") as file:
        json.dump({"shards": listed}, file, indent=1)
    os.replace(manifest + ".tmp", manifest)
    return Shards(name, **options)


def _manifest(path: str) -> list[dict[str, Any]]:
    """Read and check a manifest, and return its entries."""
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except OSError as error:
        raise unreadable(path, error, "a manifest") from None
    except ValueError as error:
        raise source_checks.not_a_manifest(path, f"is not JSON ({error})") from None
    return source_checks.manifest(path, found)
