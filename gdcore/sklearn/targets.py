"""Labels of any kind, as the numbers that a loss takes, and back."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import DataConversionWarning
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d

from ..base.not_arrays import library
from . import checks as sklearn_checks
from .warn import warn

PLAIN = "biuU"
"""Kinds of arrays (n,) that hold one label per sample: they need no examination, which takes longer than small fits."""


def flat(y: Any) -> Any:
    """Return targets without a second axis of one column, with scikit-learn's warning; other targets as they are."""
    if (not isinstance(y, np.ndarray) and library(y) != "pandas") or len(y.shape) != 2 or y.shape[1] != 1:
        return y
    warn(
        "A column-vector y was passed when a 1d array was expected. Please change the shape of y to (n_samples,), for "
        "example using ravel().",
        DataConversionWarning,
    )
    return y.ravel() if isinstance(y, np.ndarray) else y.iloc[:, 0]


def _kind_of(y: Any) -> str:
    """Return scikit-learn's name for the kind of y; refuse what are no labels."""
    kind: str = type_of_target(y, input_name="y")
    if kind != "binary":
        check_classification_targets(y)
    return kind


class Labels(NamedTuple):
    """The classes of a classifier.

    Attributes
    ----------
    kind : {"binary", "multiclass", "multilabel"}
        One class alone counts as "binary".
    classes : ndarray, shape (n_classes,)
        Sorted; for several labels per sample the numbers of the columns.
    """

    kind: str
    classes: NDArray[Any]

    @classmethod
    def of(cls, y: Any, classes: Any = None) -> Labels:
        """Return the labels that occur in y, or the given classes, among which those of y must be."""
        if _kind_of(y).startswith("multilabel"):
            return cls("multilabel", np.arange(np.shape(y)[1]))
        known = np.unique(y if classes is None else np.asarray(classes))
        return cls("multiclass" if len(known) > 2 else "binary", known)

    def taken(self, y: Any) -> NDArray[Any]:
        """Return y as the numbers of its classes (n,), or for several labels as 0 and 1 (n, k).

        Raises
        ------
        ValueError
            For labels that are not among the classes.
        """
        if self.kind != "multilabel" and type(y) is np.ndarray and y.ndim == 1 and y.dtype.kind in PLAIN:
            return self._numbers(y)
        several = _kind_of(y).startswith("multilabel")
        if self.kind == "multilabel" or several:
            found = np.asarray(y.toarray() if several and type(y).__module__.startswith("scipy") else y)
            width = found.shape[1] if found.ndim > 1 else 1
            if not several or self.kind != "multilabel" or width != len(self.classes):
                raise sklearn_checks.other_outputs(width, len(self.classes) if self.kind == "multilabel" else 1)
            return found.astype(np.int64)
        return self._numbers(column_or_1d(flat(y)))

    def _numbers(self, y: NDArray[Any]) -> NDArray[Any]:
        """Return labels (n,) as the numbers of their classes."""
        present, numbers = np.unique(y, return_inverse=True)
        if np.array_equal(present, self.classes):
            return numbers
        if len(np.setdiff1d(present, self.classes)):
            raise sklearn_checks.UnseenClasses(self.classes, present)
        found: NDArray[Any] = np.searchsorted(self.classes, present)[numbers]
        return found

    def encoded(self, numbers: NDArray[Any], target: str, dtype: Any) -> NDArray[Any]:
        """Return targets of a loss: "class" labels (n,), or columns of 0 and 1 ("unit") or -1 and 1 ("sign")."""
        if target == "class":
            return numbers.astype(np.int64)
        if self.kind == "multilabel":
            ones = numbers.astype(bool)
        elif self.kind == "binary":
            ones = numbers[:, None] == 1
        else:
            ones = numbers[:, None] == np.arange(len(self.classes))
        low = 0 if target == "unit" else -1
        return np.where(ones, np.asarray(1, dtype), np.asarray(low, dtype))

    def n_outputs(self, target: str) -> int:
        """Return how many outputs a model needs under a loss that takes this target."""
        return 1 if self.kind == "binary" and target != "class" else max(len(self.classes), 2)

    def decoded(self, outputs: NDArray[Any]) -> NDArray[Any]:
        """Return the likeliest labels of outputs (n, k)."""
        if self.kind == "multilabel":
            return (outputs > 0).astype(np.int64)
        found = (outputs[:, 0] > 0).astype(np.int64) if outputs.shape[1] == 1 else outputs.argmax(axis=1)
        labels: NDArray[Any] = self.classes[np.minimum(found, len(self.classes) - 1)]
        return labels

    def scores(self, outputs: NDArray[Any]) -> NDArray[Any]:
        """Return outputs as a decision function: (n,) for two classes, where above 0 is the second."""
        if self.kind != "binary":
            return outputs
        return outputs[:, 0] if outputs.shape[1] == 1 else outputs[:, 1] - outputs[:, 0]
