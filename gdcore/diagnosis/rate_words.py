"""How a user says the learning rate: the argument that sets it, and its unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True)
class RateWords:
    """The words of a remedy for a rate, which differ where gdcore stands behind another library's arguments.

    Attributes
    ----------
    name : str
        What evidence calls the rate of the run.
    lower, higher : str
        A smaller rate, as a noun; a larger one, as an imperative.
    fixed : str
        The argument that fixes a rate, with {} for the number.
    search : str
        How to find a good rate where no bound says it.
    slower : str
        How to let the rate fall more slowly; "" where the optimizer's schedule says it.
    unit : float
        The user's rate divided by gdcore's.

    Examples
    --------
    >>> RateWords(unit=2.0).set_to(0.05)
    'learning_rate=0.1'
    """

    name: str = "learning_rate"
    lower: str = "a smaller learning_rate"
    higher: str = "raise learning_rate"
    fixed: str = "learning_rate={}"
    search: str = "find_learning_rate"
    slower: str = ""
    unit: float = 1.0

    def set_to(self, rate: float) -> str:
        """Return the argument for one of gdcore's rates."""
        return self.fixed.format(f"{rate * self.unit:.2g}")
