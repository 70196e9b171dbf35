"""Regression problems from a formula and a seed: no download, any number of rows."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..base import checks
from ..base.calls import explains_calls


class Regression(NamedTuple):
    """Inputs and real targets.

    Attributes
    ----------
    X : ndarray of shape (n_samples, n_features)
    y : ndarray of shape (n_samples, 1)
    """

    X: NDArray[np.floating[Any]]
    y: NDArray[np.floating[Any]]


@explains_calls
def friedman(
    n_samples: int = 1000,
    n_features: int = 10,
    *,
    noise: float = 1.0,
    dtype: Literal["float32", "float64"] = "float32",
    seed: int = 0,
) -> Regression:
    """Make Friedman's first regression problem: five features determine the target, the others have no effect.

    ::

        y = 10 sin(pi x0 x1) + 20 (x2 - 1/2)^2 + 10 x3 + 5 x4 + noise * e

    with every x uniform in [0, 1) and e standard normal. The first rows of a longer set are not those of a shorter one.

    Parameters
    ----------
    n_samples : int, default 1000
    n_features : int, default 10
        At least 5.
    noise : float, default 1.0
        Standard deviation of what no model can learn; 0 for none.
    dtype : {"float32", "float64"}, default "float32"
    seed : int, default 0

    Returns
    -------
    Regression
        The named tuple ``(X, y)`` of new arrays in C order.

    Raises
    ------
    TypeError, ValueError
        For numbers that are not of the kind or in the range above.

    References
    ----------
    Friedman, J. H. (1991). Multivariate adaptive regression splines. The Annals of Statistics 19(1), section 4.3.

    Examples
    --------
    >>> from gdcore.datasets import friedman
    >>> X, y = friedman(200, noise=0.0)
    >>> X.shape, y.shape
    ((200, 10), (200, 1))
    >>> bool(0 <= y.min() and y.max() <= 30)
    True
    """
    n = checks.integer("n_samples", n_samples, 1)
    k = checks.integer("n_features", n_features, 5)
    noise = checks.nonnegative("noise", noise)
    precision = checks.precision("dtype", dtype)
    rng = np.random.default_rng(checks.integer("seed", seed, 0))
    X = rng.uniform(size=(n, k))
    y = 10 * np.sin(np.pi * X[:, 0] * X[:, 1]) + 20 * (X[:, 2] - 0.5) ** 2 + 10 * X[:, 3] + 5 * X[:, 4]
    y += noise * rng.normal(size=n)
    return Regression(X.astype(precision), y[:, None].astype(precision))
