"""Permutation importance: how much worse the answers become where a column's values are shuffled.

References
----------
Breiman, L. (2001). Random forests. Machine Learning 45, 5-32.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .subject import Input

REPEATS = 3


class Importance(NamedTuple):
    """What a column brings."""

    name: str
    mean: float
    spread: float
    """The standard deviation over the permutations."""


def importances(
    score: Callable[[NDArray[Any]], float],
    X: NDArray[Any],
    inputs: Sequence[Input],
    seed: int = 0,
    repeats: int = REPEATS,
) -> list[Importance]:
    """Return how far the score falls without each column, the largest first.

    Parameters
    ----------
    score : callable
        From inputs (n, n_inputs) to a score that is better if higher.
    X : ndarray, shape (n, n_inputs)
    inputs : sequence of Input
        The levels of a category are moved together.
    seed : int, default 0
    repeats : int, default 3

    Examples
    --------
    >>> X = np.arange(12.0).reshape(6, 2)
    >>> found = importances(lambda X: -float(np.abs(X[:, 0] - 2 * np.arange(6)).sum()), X, [Input("a", (0,))])
    >>> found[0].name, found[0].mean > 0
    ('a', True)
    """
    rng = np.random.default_rng(seed)
    whole, trial = score(X), X.copy()
    found = []
    for name, places in inputs:
        which = np.array(places, np.int64)
        drops = []
        for _ in range(repeats):
            trial[:, which] = X[np.ix_(rng.permutation(len(X)), which)]
            drops.append(whole - score(trial))
        trial[:, which] = X[:, which]
        found.append(Importance(name, float(np.mean(drops)), float(np.std(drops))))
    return sorted(found, key=lambda one: -one.mean)
