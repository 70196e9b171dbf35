"""Feature names: those of a data frame, kept by a model when it is fitted and compared later."""

from __future__ import annotations

from collections.abc import Iterable

from ..base.not_arrays import is_lazy
from ..layers.stack import Names
from . import checks as data_checks


def feature_names(X: object) -> Names | None:
    """Return the names of a data frame's columns; None if X has no columns or a name is not a string.

    Examples
    --------
    >>> feature_names([[1.0, 2.0]]) is None
    True
    """
    columns = None if is_lazy(X) else getattr(X, "columns", None)
    if not isinstance(columns, Iterable):
        return None
    names = tuple(columns)
    return names if names and all(isinstance(name, str) for name in names) else None


def check_names(known: Names | None, X: object) -> None:
    """Compare the columns of X with those that a model was fitted on, if both have names.

    Raises
    ------
    ValueError
        Where they are others, or in another order.
    """
    if known is not None:
        names = feature_names(X)
        if names is not None and names != known:
            data_checks.other_names(names, known)
