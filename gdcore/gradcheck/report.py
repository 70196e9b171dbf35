"""What a gradient check found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray


class GradientError(AssertionError):
    """A gradient check failed; the message is the report."""


@final
@dataclass(frozen=True, repr=False)
class GradientReport:
    """Analytic against numeric gradient, entry by entry.

    Attributes
    ----------
    names : tuple of str
        Each entry's parameter, such as "dense0.weight[3, 4]".
    analytic, numeric, bound : ndarray, shape (n,), float64
        An entry passes where |analytic - numeric| <= bound.
    step : ndarray, shape (n,), float64
        Largest distance from x of the points that the differences were taken over.

    Examples
    --------
    >>> one = np.ones(1)
    >>> print(GradientReport(("w[0]",), 2 * one, one, 1e-9 * one, 1e-3 * one))
    gradient check: fail (1 entries, 1 beyond their bounds)
    worst entry: w[0]: analytic 2, numeric 1, error 1, bound 1e-09
    """

    names: tuple[str, ...]
    analytic: NDArray[np.float64]
    numeric: NDArray[np.float64]
    bound: NDArray[np.float64]
    step: NDArray[np.float64]

    @property
    def error(self) -> NDArray[np.float64]:
        """|analytic - numeric|."""
        return np.abs(self.analytic - self.numeric)

    @property
    def worst(self) -> int:
        """Index of the entry whose error is largest against its bound."""
        beyond = np.where(self.error > 0, np.inf, 0.0)
        ratio = np.divide(self.error, self.bound, out=beyond, where=self.bound > 0)
        return int(np.argmax(np.where(np.isnan(ratio), np.inf, ratio)))

    @property
    def ok(self) -> bool:
        """Whether every entry passes."""
        return bool((self.error <= self.bound).all())

    @property
    def verdict(self) -> str:
        """"pass" or "fail"."""
        return "pass" if self.ok else "fail"

    def raise_if_failed(self) -> None:
        """Raise `GradientError` with the report as its message unless every entry passes."""
        if not self.ok:
            raise GradientError(str(self))

    def to_dict(self) -> dict[str, Any]:
        """The verdict and the worst entry, ready for JSON."""
        i = self.worst
        return {
            "verdict": self.verdict,
            "entries": len(self.names),
            "failed": int((~(self.error <= self.bound)).sum()),
            "worst": self.names[i],
            "analytic": float(self.analytic[i]),
            "numeric": float(self.numeric[i]),
            "bound": float(self.bound[i]),
        }

    def __repr__(self) -> str:
        facts = self.to_dict()
        found = "all within their bounds" if self.ok else f"{facts['failed']} beyond their bounds"
        return (
            f"gradient check: {self.verdict} ({facts['entries']} entries, {found})\n"
            f"worst entry: {facts['worst']}: analytic {facts['analytic']:.10g}, numeric {facts['numeric']:.10g}, "
            f"error {self.error[self.worst]:.2g}, bound {facts['bound']:.2g}"
        )
