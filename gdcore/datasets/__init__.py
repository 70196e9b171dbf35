"""Example data: digits that ship with the package, and regression problems from a formula."""

import gzip
from importlib import resources
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..base import checks as base_checks
from ..base.calls import explains_calls
from .synthetic import Regression, friedman

__all__ = ["Digits", "Regression", "friedman", "load_digits"]


class Digits(NamedTuple):
    """Handwritten digits, split into a training and a test set.

    Attributes
    ----------
    X : ndarray of shape (n, 64)
        Training images, 8 x 8 pixels row by row, 0 (background) to 1.
    y : ndarray of shape (n,), int64
        The digit on each training image, 0 to 9.
    X_test : ndarray of shape (n_test, 64)
        Held-out images; ``n + n_test == 1797``.
    y_test : ndarray of shape (n_test,), int64
        The digit on each held-out image.
    """

    X: NDArray[np.floating[Any]]
    y: NDArray[np.int64]
    X_test: NDArray[np.floating[Any]]
    y_test: NDArray[np.int64]


@explains_calls
def load_digits(*, dtype: Literal["float32", "float64"] = "float32", test_size: float = 0.2, seed: int = 0) -> Digits:
    """Load the UCI handwritten digits as a shuffled, stratified split.

    The 1797 images of the original test set, 174 to 183 of each digit. Each digit gives the same
    fraction of its images to the test set, rounded, and at least one image to either side.

    Parameters
    ----------
    dtype : {"float32", "float64"}, default "float32"
        Precision of the images; the values, sixteenths, are exact in both.
    test_size : float, default 0.2
        Fraction of the images held out, in (0, 1).
    seed : int, default 0
        Fixes which images are held out and the order of both sets.

    Returns
    -------
    Digits
        The named tuple ``(X, y, X_test, y_test)`` of new arrays in C order.

    Raises
    ------
    ValueError
        If `dtype` is another precision, `test_size` is not in (0, 1) or `seed` is negative.
    TypeError
        If `test_size` is not a number or `seed` not an integer.

    Notes
    -----
    Both sets hold images by the same 13 people: accuracy on this split says nothing about unseen
    writers. Licence (CC BY 4.0) and provenance are in ``digits_license.txt`` beside the data.

    References
    ----------
    Alpaydin, E. and Kaynak, C. (1998). Optical Recognition of Handwritten Digits. UCI Machine
    Learning Repository. https://doi.org/10.24432/C50P49

    Examples
    --------
    >>> from gdcore.datasets import load_digits
    >>> X, y, X_test, y_test = load_digits(seed=0)
    >>> X.shape, y.shape, X_test.shape, y_test.shape
    ((1438, 64), (1438,), (359, 64), (359,))
    >>> float(X.min()), float(X.max())
    (0.0, 1.0)
    """
    precision = base_checks.precision("dtype", dtype)
    test_size = base_checks.inside("test_size", test_size, 0, 1)
    seed = base_checks.integer("seed", seed, 0)
    pixels, labels = _read_digits()
    order = np.random.default_rng(seed).permutation(labels.size)
    held_out = np.zeros(labels.size, dtype=bool)
    for label in np.unique(labels):
        members = order[labels[order] == label]
        held_out[members[: _n_held_out(members.size, test_size)]] = True
    train, test = order[~held_out[order]], order[held_out[order]]
    X = (pixels / 16).astype(precision)
    return Digits(X[train], labels[train], X[test], labels[test])


def _read_digits() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the pixels (1797, 64), 0 to 16, and the labels (1797,) in the file's order."""
    packed = resources.files(__name__).joinpath("digits.csv.gz").read_bytes()
    lines = gzip.decompress(packed).decode("ascii").splitlines()
    table = np.loadtxt(lines, delimiter=",", dtype=np.int64)
    return table[:, :-1], table[:, -1]


def _n_held_out(n: int, test_size: float) -> int:
    """Return how many of `n` members are held out: at least one, and never all."""
    return min(max(round(test_size * n), 1), n - 1)
