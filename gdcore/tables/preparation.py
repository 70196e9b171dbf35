"""The preparation: which columns a network is given and as what numbers, learned from the training rows."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from ..layers.scaling import Standardize
from .errors import TableError, counted
from .feature import Feature
from .kinds import Forced, feature_of
from .table import Table

LEVEL_STD = 0.5
"""Columns of 0 and 1 are divided by the standard deviation of an even split: a rare level gets no huge number."""


class Inputs(NamedTuple):
    """What a network is given of a table."""

    X: NDArray[np.float64]
    """Shape (n, number of inputs), not scaled: the network's first layer does that."""
    notes: tuple[str, ...]
    """What should be told: filled values, and levels that training has not seen."""


@final
@dataclass(frozen=True)
class Preparation:
    """From the columns of a table to the inputs of a network.

    Attributes
    ----------
    features : tuple of Feature
    left_out : tuple of (str, str)
        Columns that are not used, each with the reason.

    Examples
    --------
    >>> import gdcore.tables
    >>> table = gdcore.tables.Table.from_columns({"age": [31, 42, 27], "city": ["Ulm", "Bonn", "Ulm"]})
    >>> preparation = Preparation.of(table)
    >>> preparation.inputs
    ('age', 'city=Bonn', 'city=Ulm')
    >>> preparation.transform(table).X
    array([[31.,  0.,  1.],
           [42.,  1.,  0.],
           [27.,  0.,  1.]])
    """

    features: tuple[Feature, ...]
    left_out: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(
        cls,
        table: Table,
        target: str | None = None,
        forced: Forced | None = None,
        impute: bool = False,
        whole: Table | None = None,
    ) -> Preparation:
        """Return the preparation that fits the rows of a table.

        Parameters
        ----------
        table : Table
            The training rows.
        target : str, optional
            The column to predict, which is no input.
        forced : Forced, optional
            Columns whose type is given instead of found.
        impute : bool, default False
            Whether missing values are filled: numbers by the median, categories by the most frequent level.
        whole : Table, optional
            The table that the rows are some of: missing values are counted in it. By default `table`.

        Raises
        ------
        TableError
            For a column that is neither numbers nor texts, and where no column is left.
        """
        forced = Forced() if forced is None else forced
        for name in sorted(forced.numeric | forced.categorical | forced.drop):
            table.column(name)
        features: list[Feature] = []
        left_out: list[tuple[str, str]] = []
        for name in table.names:
            if name != target:
                found = feature_of(table, name, forced, impute)
                if isinstance(found, Feature):
                    features.append(found)
                else:
                    left_out.append((name, found))
        if not features:
            why = "; ".join(f"{name}: {reason}" for name, reason in left_out[:3])
            raise TableError(f"{table.source} has no column to learn from{f' ({why})' if why else ''}: add one")
        if not impute:
            _refuse_missing(table if whole is None else whole, features)
        return cls(tuple(features), tuple(left_out))

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the network's inputs, in their order."""
        return tuple(name for feature in self.features for name in feature.inputs)

    def transform(self, table: Table) -> Inputs:
        """Return the inputs of a table's rows.

        Raises
        ------
        TableError
            For a column or a value that is missing; the message names the line.
        """
        notes: list[str] = []
        parts = [feature.encode(table, notes) for feature in self.features]
        return Inputs(np.concatenate(parts, axis=1), tuple(notes))

    def scaling(self, X: NDArray[np.float64]) -> Standardize:
        """Return the first layer of a network: numbers standardized, levels centred and divided by 1/2."""
        found = Standardize.from_data(X)
        std = np.array(found.std)
        std[self.is_level] = LEVEL_STD
        return Standardize(found.mean, tuple(std.tolist()))

    @property
    def is_level(self) -> NDArray[np.bool_]:
        """Which inputs are 0 or 1 by the level of a category."""
        return np.array([feature.kind == "category" for feature in self.features for _ in feature.inputs])


def _refuse_missing(table: Table, features: list[Feature]) -> None:
    """Raise TableError with all columns that have missing values."""
    found = {feature.name: table.missing(feature.name) for feature in features}
    counts = {name: int(absent.sum()) for name, absent in found.items() if absent.any()}
    if counts:
        row = min(int(np.flatnonzero(found[name])[0]) for name in counts)
        each = ", ".join(f"{name!r} {n:,}" for name, n in list(counts.items())[:4])
        more = f", and {counted(len(counts) - 4, 'more column')}" if len(counts) > 4 else ""
        column = "column" if len(counts) == 1 else "columns"
        names = shlex.quote(",".join(counts))
        raise TableError(
            f"{table.source} has {counted(sum(counts.values()), 'missing value')} ({each}{more}; the first in "
            f"{table.place(row)}): pass --impute to fill them, or --drop {names} to leave the {column} out"
        )
