"""scikit-learn's check of data, whose messages are completed by the column and by what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn.base import is_classifier, is_regressor
from sklearn.utils.validation import validate_data as theirs

from ..base.not_arrays import columns_of
from . import checks as sklearn_checks

NO_FLOAT = "could not convert string to float"
NAMES_IN_Y = " in y: use a classifier for names of classes"
NOT_FLAT = "y should be a 1d array"


def validate_data(estimator: Any, X: Any, y: Any = "no_validation", **options: Any) -> Any:
    """Return X, or X and y, as scikit-learn's function of this name does, with its options.

    Raises
    ------
    TypeError, ValueError
        scikit-learn's; for text among the numbers the message says where, and for text or columns in y what takes them.
    """
    if is_classifier(estimator):
        _no_missing_label(y)
    elif options.get("y_numeric"):
        names = np.asarray(y)
        if names.dtype.kind in "US" and names.size:
            raise ValueError(f"{NO_FLOAT}: {str(names.flat[0])!r}{NAMES_IN_Y}")
    try:
        return theirs(estimator, X, y, **options)
    except ValueError as error:
        remedy = _remedy(estimator, X, y, str(error))
        if not remedy:
            raise
        raise ValueError(f"{error}{remedy}") from None


def _remedy(estimator: Any, X: Any, y: Any, message: str) -> str:
    """Return the end of a message; "" where scikit-learn's says enough."""
    network = "MLPRegressor" if is_regressor(estimator) else "MLPClassifier"
    if message.startswith(NOT_FLAT):
        classes = "" if is_regressor(estimator) else "; classes as columns of 0 and 1 are y.argmax(axis=1)"
        return f" {network} takes several columns{classes}."
    if not message.startswith(NO_FLOAT):
        return ""
    place = _text_column(X)
    if place:
        return f" in {place} of X: encode it, for example by a OneHotEncoder in a ColumnTransformer, or leave it out"
    return NAMES_IN_Y if is_regressor(estimator) and np.asarray(y).dtype.kind == "O" else ""


def _text_column(X: Any) -> str:
    """Return the first column of X that has text which is no number; "" if there is none."""
    columns = columns_of(X)
    named = [(repr(name), column) for name, column in columns] if columns is not None else _unnamed(X)
    for name, column in named:
        try:
            np.asarray(column, np.float64)
        except (TypeError, ValueError):
            return f"column {name}"
    return ""


def _unnamed(X: Any) -> list[tuple[str, Any]]:
    array = np.asarray(X)
    if array.ndim != 2 or array.dtype.kind not in "OUS":
        return []
    return [(str(i), array[:, i]) for i in range(array.shape[1])]


@contextmanager
def named(what: str) -> Iterator[None]:
    """Let errors of a check say what was checked."""
    try:
        yield
    except TypeError as error:
        raise TypeError(f"in {what}: {error}") from None
    except sklearn_checks.UnseenClasses as error:
        raise sklearn_checks.unseen_in(what, error) from None
    except ValueError as error:
        raise ValueError(f"in {what}: {error}") from None


def _no_missing_label(y: Any) -> None:
    """Check that no label is None, and that all are numbers or all text; scikit-learn calls such labels unknown."""
    array = np.asarray(y) if isinstance(y, list | tuple) else getattr(y, "values", y)
    if isinstance(array, np.ndarray) and array.dtype == object and array.ndim == 1:
        missing = [i for i, label in enumerate(array) if label is None]
        if missing:
            raise ValueError(f"Input y contains None in row {missing[0]}: leave the row out, or give it a label")
        texts = [label for label in array if isinstance(label, str)]
        numbers = [label for label in array if isinstance(label, int | float | np.number) and label == label]
        if texts and numbers:
            raise sklearn_checks.mixed_labels(numbers[0], texts[0])
