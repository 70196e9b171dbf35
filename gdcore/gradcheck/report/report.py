"""The result of a gradient check.

Design
------
- A report holds only data, so it can be pickled. tables.py prints it and plot.py draws it.
- One wrong entry fails the check. Inconclusive entries do not, as long as they are few overall and in each block; the
  printed report always says how many there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from ...base import checks
from ...base.optional import data_frame
from ..slopes.directions import missed
from ..slopes.entries import Block, Entries, excess
from .contents import Part
from .plot import plot_curve
from .tables import as_html, as_text

MAX_INCONCLUSIVE = 0.01
"""A check with more than this share of inconclusive entries is inconclusive."""
MAX_OF_A_BLOCK = 0.5


class GradientError(AssertionError):
    """A gradient check failed; the message is the report."""


@final
@dataclass(frozen=True, repr=False, eq=False)
class GradientReport:
    """The analytic gradient compared with the numeric one.

    Attributes
    ----------
    blocks : tuple of Block
        The names and shapes that the flat vector is made of.
    entries : structured ndarray
        The checked entries, in the order of the vector, with the fields block, index, analytic, numeric, bound
        (= truncation + roundoff), truncation, roundoff, step, kink, verdict. An entry fails if
        |analytic - numeric| > bound; it is inconclusive if the bound is so wide that it could hide a wrong value.
    directions : structured ndarray
        Mode "directions": derivatives along random directions, with the fields block, analytic, numeric, bound,
        step, kink, size (norm of the block's gradient), verdict.
    parts : tuple of Part
        The separate checks: of the data loss, each penalty, sample weights, the float32 gradient.
    causes : tuple of str
        Likely mistakes that explain the failing entries; each was tested against the numbers.
    mode, why : str
        "full", "sample" or "directions", and why.
    evaluations : int
        Number of evaluations of the function for `entries` and `directions`.
    curve : ndarray, shape (k, 2)
        Steps, and the errors of plain central differences at the worst entry, for `plot`.
    notes : tuple of str

    Examples
    --------
    >>> import numpy as np, gdcore as gd
    >>> report = gd.check_gradient(lambda x: float(x @ x), lambda x: 2 * x, np.array([1.0, 3.0]))
    >>> report.ok, report.verdict, report.entries["verdict"].tolist()
    (True, 'pass', ['pass', 'pass'])
    """

    blocks: tuple[Block, ...]
    entries: Entries
    directions: NDArray[Any]
    parts: tuple[Part, ...]
    causes: tuple[str, ...]
    mode: str
    why: str
    evaluations: int
    curve: NDArray[np.float64]
    notes: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """The verdict on the whole check: "fail", "inconclusive" or "pass"."""
        words, others = self.entries["verdict"], [part.verdict for part in self.parts]
        others += self.directions["verdict"].tolist()
        if "fail" in others or (words == "fail").any():
            return "fail"
        unclear, blocks = words == "inconclusive", self.entries["block"]
        most = np.any(np.bincount(blocks, unclear) > MAX_OF_A_BLOCK * np.bincount(blocks))
        return "inconclusive" if "inconclusive" in others or unclear.mean() > MAX_INCONCLUSIVE or most else "pass"

    @property
    def ok(self) -> bool:
        """Whether the verdict is "pass"."""
        return self.verdict == "pass"

    @property
    def worst(self) -> int:
        """Position in `entries` of the one with the largest error relative to its bound."""
        return int(np.argmax(excess(self.entries)))

    @property
    def numeric(self) -> NDArray[np.float64]:
        """The gradient by differences, for the checked entries."""
        return np.array(self.entries["numeric"])

    def name(self, place: int) -> str:
        """Return the name of an entry by its position in `entries`, such as "dense0.weight[3, 4]"."""
        entry = self.entries[place]
        return self.blocks[int(entry["block"])].entry_name(int(entry["index"]))

    def missed(self, share: float = 0.01) -> float:
        """Return a bound of the probability that mode "directions" misses a bug.

        Parameters
        ----------
        share : float, default 0.01
            The bug's size: the norm of what is wrong over the norm of its block's gradient.

        Returns
        -------
        float
            0 in mode "full", where no entry is left out; NaN in mode "sample", where that depends on the bug.

        Examples
        --------
        >>> import numpy as np, gdcore as gd
        >>> x = np.linspace(1, 2, 1000)
        >>> report = gd.check_gradient(lambda x: float(x @ x), lambda x: 2 * x, x, mode="directions")
        >>> report.missed(0.01) < 1e-12
        True
        """
        share = checks.positive("share", share)
        if self.mode == "directions":
            return missed(self.directions, self.blocks, share)
        return 0.0 if self.mode == "full" else float("nan")

    def raise_if_failed(self) -> None:
        """Raise `GradientError`, with the report as its message, if the verdict is "fail"."""
        if self.verdict == "fail":
            raise GradientError(str(self))

    def to_dict(self) -> dict[str, Any]:
        """Return the verdict and the worst entry, ready for JSON."""
        entry = self.entries[self.worst]
        return {
            "verdict": self.verdict,
            "mode": self.mode,
            "entries": len(self.entries),
            "failed": int((self.entries["verdict"] == "fail").sum()),
            "inconclusive": int((self.entries["verdict"] == "inconclusive").sum()),
            "worst": self.name(self.worst),
            "analytic": float(entry["analytic"]),
            "numeric": float(entry["numeric"]),
            "bound": float(entry["bound"]),
            "causes": list(self.causes),
        }

    def to_pandas(self) -> Any:
        """Return `entries` as a pandas DataFrame, with the entries' names as first column.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        table = data_frame({field: self.entries[field] for field in self.entries.dtype.names or ()})
        table.insert(0, "name", [self.name(i) for i in range(len(self.entries))])
        return table

    def plot(self, ax: Any = None) -> Any:
        """Draw the worst entry's error over the step: the V of truncation and roundoff.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            By default those of a new figure.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        return plot_curve(self.curve, self.entries[self.worst], self.name(self.worst), ax)

    def __repr__(self) -> str:
        return as_text(self)

    def _repr_html_(self) -> str:
        return as_html(self)
