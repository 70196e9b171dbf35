"""What `minimize` returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, final

import numpy as np
from numpy.typing import NDArray

SHOWN = 12
"""Arrays with more numbers than this are printed as their shape."""


class Trace(NamedTuple):
    """The path of a minimization."""

    x: NDArray[np.float64]
    """Shape (nit + 1, …): x0 and x after each step."""
    fun: NDArray[np.float64]
    """The values there, shape (nit + 1,)."""


@final
@dataclass(frozen=True, repr=False)
class MinimizeResult:
    """Result of `minimize`, with the fields of SciPy's result. `print` shows only the shape of large arrays.

    Attributes
    ----------
    x : ndarray, of x0's shape
    fun : float
        The value at x.
    jac : ndarray, of x0's shape
        The gradient at x.
    nit, nfev : int
        Number of steps, and of evaluations of the function, including those for differences.
    success : bool
        Whether a criterion was met, by default that of a small gradient. False if all steps were made, a value was not
        finite, or a long step ended on flat ground.
    message : str
        Why it stopped, as a sentence.
    trace : Trace or None

    Examples
    --------
    >>> import gdcore as gd
    >>> result = gd.minimize(lambda x: (x * x, 2 * x), 1.0, max_steps=3, stop=(), trace=True)
    >>> result.nit, result.message, result.trace.x.shape
    (3, 'all 3 steps were made', (4,))
    """

    x: NDArray[np.float64]
    fun: float
    jac: NDArray[np.float64]
    nit: int
    nfev: int
    success: bool
    message: str
    trace: Trace | None = None

    def __repr__(self) -> str:
        x, jac = (
            np.array2string(array, separator=", ") if array.size <= SHOWN else f"array{array.shape}"
            for array in (self.x, self.jac)
        )
        points = "" if self.trace is None else f", trace of {len(self.trace.x)} points"
        return (
            f"MinimizeResult(x={x}, fun={self.fun:.6g}, jac={jac}, nit={self.nit}, nfev={self.nfev}, "
            f"success={self.success}, message={self.message!r}{points})"
        )
