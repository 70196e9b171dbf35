"""The rows of each fold as the network at the end of a pipeline sees them.

Design
------
- The steps before the network are fitted once for each fold and each setting of theirs, not for each candidate.
- A search of scikit-learn's fits them once more, and only a network that then sees the very same rows takes what was
  trained beforehand. So steps that depend on more than their parameters and rows cost time, and never a wrong number.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, final

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils.metaestimators import _safe_split

Part = tuple[Any, Any]
"""Inputs and targets of the rows that a fold trains on."""
RANDOM = "the steps before it give other rows each time: set their random_state"


def network_of(est: Any) -> Any:
    """Return the last step of a pipeline, and anything else as it is."""
    return est.steps[-1][1] if type(est) is Pipeline and len(est.steps) > 1 else est


@final
class Folds:
    """The rows of each fold, raw and behind the steps of pipelines.

    Parameters
    ----------
    X, y
        As a search takes them.
    splits : sequence of (array, array)
        The rows to train on and to score on.
    """

    def __init__(self, X: Any, y: Any, splits: Sequence[tuple[NDArray[Any], NDArray[Any]]]) -> None:
        self.X, self.y, self.splits = X, y, splits
        self.behind: dict[str, list[Part]] = {}

    def parts(self, est: Any) -> list[Part]:
        """Return what each fold's fit of an estimator, or of the network at the end of a pipeline, is given.

        Raises
        ------
        ValueError
            Where a step cannot be fitted, or gives other rows each time.
        """
        if network_of(est) is est:
            return self._kept("", est, None)
        steps = est.steps[:-1]
        named = [(name, step if isinstance(step, str | None) else (type(step), told_of(step))) for name, step in steps]
        return self._kept(repr(named), est, Pipeline(steps, memory=est.memory))

    def _kept(self, key: str, est: Any, head: Pipeline | None) -> list[Part]:
        if key not in self.behind:
            raw = [_safe_split(est, self.X, self.y, train) for train, _ in self.splits]
            if head is not None:
                behind = [(passed(head, X, y), y) for X, y in raw]
                if draws(head) and not same_rows(behind[0][0], passed(head, *raw[0])):
                    raise ValueError(RANDOM)
                raw = behind
            self.behind[key] = raw
        return self.behind[key]


def told_of(step: Any) -> list[tuple[str, str]]:
    """Return the parameters of a step, those within it too, as texts."""
    return sorted((name, repr(value)) for name, value in step.get_params().items())


def draws(head: Pipeline) -> bool:
    """Return whether a step may draw random numbers that nothing fixes."""
    return any(name.endswith("random_state") and value is None for name, value in head.get_params().items())


def passed(head: Pipeline, X: Any, y: Any) -> Any:
    """Return rows behind the steps of a copy that is fitted on them.

    Raises
    ------
    ValueError
        Where a step cannot be fitted.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the search fits them again, and warns then
        try:
            return clone(head).fit_transform(X, y)
        except Exception as error:  # a step may be anybody's; the search meets it again and does what error_score says
            raise ValueError(str(error)) from error


def same_rows(one: Any, other: Any) -> bool:
    """Return whether two arrays, data frames or sparse matrices hold the same numbers under the same names.

    Examples
    --------
    >>> same_rows(np.ones(2), np.ones(2)), same_rows(np.ones(2), [1.0, 1.0])
    (True, False)
    """
    if type(one) is not type(other) or np.shape(one) != np.shape(other):
        return False
    if list(getattr(one, "columns", ())) != list(getattr(other, "columns", ())):
        return False
    if getattr(one, "nnz", None) is not None:
        return bool(one.nnz == other.nnz and (one != other).nnz == 0)
    return bool(np.array_equal(np.asarray(one), np.asarray(other)))
