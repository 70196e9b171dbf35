"""The rows of each fold as the network at the end of a pipeline sees them.

Design
------
- The steps before the network are fitted once for each fold and each setting of theirs, not for each candidate.
- A search of scikit-learn's fits them once more, and only a network that then sees the very same rows and targets takes
  what was trained beforehand. So steps that depend on more than their parameters and rows cost time, and never a wrong
  number.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, final

from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils.metaestimators import _safe_split

from .digests import digest_of

Part = tuple[Any, Any, str]
"""Inputs and targets of the rows that a fold trains on, and their digest."""
NO_DIGEST = "its rows or targets cannot be pickled, so that those of two fits cannot be compared"
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

    def parts(self, est: Any) -> list[Part]:
        """Return what each fold's fit of an estimator, or of the network at the end of a pipeline, is given.

        Raises
        ------
        ValueError
            Where a step cannot be fitted, or gives other rows each time, and where rows or targets cannot be pickled.
        """
        head = None if network_of(est) is est else Pipeline(est.steps[:-1], memory=est.memory)
        return [self._part(est, head, train, i == 0) for i, (train, _) in enumerate(self.splits)]

    def _part(self, est: Any, head: Pipeline | None, train: NDArray[Any], first: bool) -> Part:
        raw, y = _safe_split(est, self.X, self.y, train)
        X = raw if head is None else passed(head, raw, y)
        digest = told_data(X, y)
        if head is not None and first and draws(head) and digest != digest_of(passed(head, raw, y), y):
            raise ValueError(RANDOM)
        return X, y, digest


def setting_of(est: Any) -> str:
    """Return what two pipelines with the same steps before the network have in common; "" without such steps.

    Raises
    ------
    ValueError
        Where a step or a parameter of one has no text.
    """
    if network_of(est) is est:
        return ""
    try:
        return repr([(name, type(step), told_of(step)) for name, step in est.steps[:-1]])
    except Exception as error:  # a step may be anybody's
        raise ValueError(f"the steps before it cannot be told apart: {in_words(error)}") from error


def told_of(step: Any) -> Any:
    """Return the parameters of a step, those within it too, as texts; of a step without `get_params` its own text."""
    ask = getattr(step, "get_params", None)
    return repr(step) if ask is None else sorted((name, repr(value)) for name, value in ask().items())


def in_words(error: Exception) -> str:
    """Return what an error says, or its name if it says nothing.

    Examples
    --------
    >>> in_words(MemoryError()), in_words(ValueError("too few rows"))
    ('MemoryError', 'too few rows')
    """
    return str(error) or type(error).__name__


def told_data(X: Any, y: Any) -> str:
    """Return the digest of rows and targets.

    Raises
    ------
    ValueError
        Where they have none.
    """
    found = digest_of(X, y)
    if found is None:
        raise ValueError(NO_DIGEST)
    return found


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
            raise ValueError(in_words(error)) from error
