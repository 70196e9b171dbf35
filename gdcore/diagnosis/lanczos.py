"""Extreme eigenvalues of a symmetric matrix that is known only by its products with vectors.

Design
------
- Every new vector is made orthogonal to all before it, twice. Without that, roundoff brings found eigenvalues back as
  ghosts, and the smallest one never settles.
- A Ritz value's residual bounds its distance from an eigenvalue, and an end of the spectrum is reported as known only
  where its residual is small. A random start has a share of every eigenvector; where the recurrence ends early, it
  has found all eigenvalues that differ.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

EPS = float(np.finfo(np.float64).eps)
SPARED = 8
"""Eigenvalues are computed only each time the number of products has grown by an eighth; otherwise they would be most
of the work."""
SMALL = 1e-8
"""A lower end below this share of the largest size need not be known to digits of its own."""
BREAKDOWN = 1e-12
"""If the next vector is shorter than this share of the largest eigenvalue, it is roundoff and the
recurrence has ended."""


@final
@dataclass(frozen=True)
class Spectrum:
    """The ends of a spectrum as Lanczos' iteration found them.

    Attributes
    ----------
    ritz : ndarray, shape (m,)
        Approximations of eigenvalues, rising.
    weight : ndarray, shape (m,)
        The share of the start's square that lies along each; they sum to 1.
    low_error, high_error : float
        Distances within which an eigenvalue lies from the first and from the last.
    complete : bool
        Whether the recurrence ended by itself.
    """

    ritz: Vector
    weight: Vector
    low_error: float
    high_error: float
    complete: bool


def lanczos(
    product: Callable[[Vector], Vector], start: Vector, most: int, tol: float, low: float | None = 1.0
) -> Spectrum:
    """Iterate until the ends of the spectrum are known to `tol` times its largest size, or `most` products are made.

    Parameters
    ----------
    product : callable
        From v (n,) to A v, A symmetric.
    start : ndarray, shape (n,)
        Not zero.
    most : int
        Products, at least 1; at most n are made.
    tol : float
    low : float or None, default 1
        Share of the lower end's own size, or of `SMALL` times the largest, that its error must keep to as well. None:
        the lower end, which settles much later, is not waited for.

    References
    ----------
    Lanczos, C. (1950). An iteration method for the solution of the eigenvalue problem of linear differential and
    integral operators. J. Res. Natl. Bur. Stand. 45.
    Parlett, B. N. (1980). The symmetric eigenvalue problem. Prentice-Hall.

    Examples
    --------
    >>> A = np.diag([1.0, 2.0, 5.0])
    >>> lanczos(lambda v: A @ v, np.ones(3), 10, 1e-12).ritz.round(10)
    array([1., 2., 5.])
    """
    n = len(start)
    most = min(most, n)
    basis = np.zeros((most, n))
    diagonal, beside = np.zeros(most), np.zeros(most)
    vector = start / np.linalg.norm(start)
    found, look = Spectrum(np.zeros(0), np.zeros(0), np.inf, np.inf, False), 0
    for m in range(most):
        basis[m] = vector
        image = product(vector)
        diagonal[m] = vector @ image
        for _ in range(2):
            image = image - basis[: m + 1].T @ (basis[: m + 1] @ image)
        beside[m] = np.linalg.norm(image)
        ended = beside[m] <= 3 * BREAKDOWN * max(np.abs(diagonal[: m + 1]).max(), beside[: m + 1].max())
        if m >= look or m + 1 == most or ended:
            look = m + 1 + m // SPARED
            found = _ritz(diagonal[: m + 1], beside[: m + 1], m + 1 == n)
            size = float(np.abs(found.ritz).max())
            own = max(float(np.abs(found.ritz[0])), SMALL * size)
            low_known = low is None or found.low_error <= min(tol * size, low * own)
            if found.complete or (low_known and found.high_error <= tol * size):
                break
        vector = image / beside[m]
    return found


def _ritz(diagonal: Vector, beside: Vector, last: bool) -> Spectrum:
    matrix = np.diag(diagonal) + np.diag(beside[:-1], 1) + np.diag(beside[:-1], -1)
    ritz, vectors = np.linalg.eigh(matrix)
    size = float(np.abs(ritz).max())
    complete = last or bool(beside[-1] <= BREAKDOWN * size)
    residual = np.zeros(len(ritz)) if complete else np.abs(beside[-1] * vectors[-1])
    roundoff = EPS * size
    return Spectrum(ritz, vectors[0] ** 2, float(residual[0]) + roundoff, float(residual[-1]) + roundoff, complete)
