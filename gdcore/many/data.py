"""The data of many models: one set that they share, rows of it for each, or a set for each.

Design
------
- What models share is checked and converted once, and a model's rows of it are an index array: data are never copied
  per model. Models that take the same arrays in the same way have the same `Samples`.
- What is given for each model is one array with an axis more, or a list of arrays of any lengths; its views are taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from ..base import checks
from ..data.samples import Samples, inputs_of, take_samples
from ..losses import CustomLoss, Loss
from . import checks as many_checks
from .jobs import Shape

Rows = list[NDArray[np.int64]]


class Given(NamedTuple):
    """Data as the user gave them; what is a list has an entry for each model."""

    X: Any
    y: Any
    sample_weight: Any

    def of(self, i: int) -> tuple[Any, Any, Any]:
        """Return the arrays of model i."""
        X, y, weight = (value[i] if isinstance(value, PerModelData) else value for value in self)
        return X, y, weight

    @property
    def differs(self) -> bool:
        """Whether a part of the data differs from model to model."""
        return any(isinstance(value, PerModelData) for value in self)


@final
class PerModelData(list[Any]):
    """One array for each model: a list of them, or an array with an axis of models."""

    def __init__(self, given: Any) -> None:
        super().__init__(given)
        self._whole = given if isinstance(given, np.ndarray) else None

    @property
    def is_whole(self) -> bool:
        """Whether it is one array."""
        return self._whole is not None

    @property
    def n_rows(self) -> int:
        """Number of rows of each model, of one array."""
        return 0 if self._whole is None else int(self._whole.shape[1])

    def joined(self) -> NDArray[Any]:
        """Return all rows behind one another, a copy only if they are several arrays."""
        return np.concatenate(self) if self._whole is None else self._whole.reshape(-1, *self._whole.shape[2:])


def n_rows(X: Any) -> int:
    """Return the number of rows of inputs that models share."""
    shape = getattr(X, "shape", None)
    return int(shape[0]) if shape else len(X)


def taken_apart(X: Any, y: Any, sample_weight: Any, n_out: int) -> Given:
    """Return data as they were given, with what is given for each model as a `PerModelData`.

    Parameters
    ----------
    X : array_like (n, d), array (n_models, n, d), or list of arrays (n_i, d)
    y : the same with (n,) or (n, k) for each model
        An array that fits as targets (n, k) of shared inputs is taken as these.
    sample_weight : array_like (n,), array (n_models, n), list of arrays, or None
    n_out : int
        Number of outputs of the models.
    """
    if _one_each(X, 2) or (isinstance(X, np.ndarray) and X.ndim == 3):
        X = PerModelData(X)
    if _one_each(y) or (isinstance(y, np.ndarray) and _is_several(y, X, n_out)):
        y = PerModelData(y)
    if _one_each(sample_weight) or (isinstance(sample_weight, np.ndarray) and sample_weight.ndim == 2):
        sample_weight = PerModelData(sample_weight)
    return Given(X, y, sample_weight)


def _one_each(value: Any, axes: int = 1) -> bool:
    """Return whether a value is a list of arrays with at least so many axes."""
    several = isinstance(value, list | tuple) and len(value) > 0
    return several and all(len(getattr(entry, "shape", ())) >= axes for entry in value)


def _is_several(y: NDArray[Any], X: Any, n_out: int) -> bool:
    """Return whether targets have an axis of models."""
    if y.ndim != 2:
        return y.ndim == 3
    if isinstance(X, PerModelData):
        return y.shape != (n_rows(X[0]), n_out)
    return y.shape != (n_rows(X), n_out) and y.shape[1] == n_rows(X)


def numbers_of_groups(groups: object, n: int) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return the ids of the groups, in ascending order, and for each row (n,) the place of its group among them."""
    given = many_checks.group_ids(groups, n)
    try:
        ids, inverse = np.unique(given, return_inverse=True)
    except TypeError:
        raise many_checks.ids_of_several_kinds(given) from None
    return ids, inverse.astype(np.int64, copy=False)


def rows_of_groups(groups: object, n: int) -> tuple[NDArray[Any], Rows]:
    """Return the ids of the groups, in ascending order, and the rows of each in their order."""
    ids, inverse = numbers_of_groups(groups, n)
    many_checks.ids_for_files(ids)
    order = np.argsort(inverse, kind="stable").astype(np.int64)
    ends = np.cumsum(np.bincount(inverse, minlength=len(ids)))
    return ids, np.split(order, ends[:-1])


@final
class Intake:
    """Checks data for models, once for all that take the same.

    Parameters
    ----------
    given : Given
    ids : ndarray or None
        Of the models, for messages.
    rows : list of arrays, or None
        Of each model.
    unlike : bool, default False
        Whether the models were given one by one, so that a message names the one whose layers the data do not fit.
    """

    def __init__(
        self,
        given: Given,
        ids: NDArray[Any] | None,
        rows: Sequence[NDArray[np.int64]] | None,
        *,
        unlike: bool = False,
    ) -> None:
        self.given, self.ids, self.rows, self._unlike = given, ids, rows, unlike
        self._inputs: dict[Any, Any] = {}
        self._samples: dict[Any, Samples] = {}

    def samples(self, number: int, shape: Shape, loss: Loss | CustomLoss) -> Samples:
        """Return the checked data of one model.

        Raises
        ------
        TypeError, ValueError
            Naming the model, if it is not the same for all.
        """
        X, y, weight = self.given.of(number)
        kind = loss.target if isinstance(loss, Loss) else "custom"
        reads = shape.reading
        key = reads, kind, id(X), id(y), id(weight)
        found = self._samples.get(key)
        if found is None:
            try:
                found = take_samples(shape.stack, self._converted(reads, shape, X), y, weight, loss)
            except (TypeError, ValueError) as error:
                raise type(error)(self._told(error, number)) from None
            self._samples[key] = found
        if self.rows is not None and found.weight is not None and not found.weight[self.rows[number]].any():
            who = many_checks.model_name(number, self.ids)
            raise ValueError(f"{who} has no row with a sample_weight above 0: raise one")
        return found

    def every(self, n: int, shape: Shape, loss: Loss | CustomLoss) -> Samples | list[Samples]:
        """Return the checked data of n models of one shape and loss: one for all, or one for each.

        Raises
        ------
        TypeError, ValueError
            As `samples`.
        """
        if (found := self._at_once(shape, loss)) is not None:
            return found
        first = self.samples(0, shape, loss)
        if self.given.differs or (self.rows is not None and first.weight is not None):
            found = [first, *(self.samples(i, shape, loss) for i in range(1, n))]
            return found if self.given.differs else first
        return first

    def _at_once(self, shape: Shape, loss: Loss | CustomLoss) -> list[Samples] | None:
        """Return the data of models that are arrays with an axis of models, checked at once.

        What is refused is left to a look at each model, whose error names it.
        """
        X, y, weight = self.given
        if weight is not None or not all(isinstance(value, PerModelData) and value.is_whole for value in (X, y)):
            return None
        if X.n_rows != y.n_rows or not isinstance(loss, Loss):
            return None
        with suppress(TypeError, ValueError):
            every, n = take_samples(shape.stack, X.joined(), y.joined(), None, loss), X.n_rows
            return [every.rows(i * n, i * n + n) for i in range(len(X))]
        return None

    def _converted(self, reads: Any, shape: Shape, X: Any) -> Any:
        """Return inputs in the form and precision of a shape, converted once however many targets they have."""
        key = reads, id(X)
        if key not in self._inputs:
            self._inputs[key] = inputs_of(shape.stack, X)
        return self._inputs[key]

    def _told(self, error: Exception, number: int) -> str:
        """Return an error's message with the model that it concerns, if that is not all."""
        if self.given.differs or (self._unlike and self.rows is None):
            return f"{many_checks.model_name(number, self.ids)}: {error}"
        owner = None if self.rows is None else self._owner_of_nan()
        return f"{error}" if owner is None else f"{many_checks.model_name(owner, self.ids)}: {error}"

    def _owner_of_nan(self) -> int | None:
        """Return the first model that has a row with a number that is not finite."""
        for value in self.given:
            try:
                array = np.asarray(value, np.float64)
            except (TypeError, ValueError):
                continue
            if array.ndim and not checks.every_finite(array):
                bad = np.isnan(array.reshape(len(array), -1).sum(axis=1) * 0.0)
                for number, rows in enumerate(self.rows or ()):
                    if bad[rows].any():
                        return number
        return None
