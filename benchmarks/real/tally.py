"""What was measured: a data set's scores and seconds, fold by fold, and what is read off them."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, final

BASE = "gdcore"
NOTABLE = 0.01
"""A smaller difference of two scores is counted as none."""


@final
@dataclass(frozen=True)
class Fits:
    """One contender's fits of a data set: a score and the CPU seconds of each fold."""

    scores: Sequence[float]
    seconds: Sequence[float]


@final
@dataclass(frozen=True)
class Result:
    """A data set, fitted by every contender.

    Attributes
    ----------
    dataset, package, kind, score : str
        Names of the data set, of where it is from, of its kind of target and of its score.
    rows, features : int
    models : {"networks", "linear"}
    fits : dict of str to Fits
        By contender.
    """

    dataset: str
    package: str
    kind: str
    score: str
    rows: int
    features: int
    models: str
    fits: dict[str, Fits]

    def difference(self, name: str) -> float:
        """Return the median over the folds of gdcore's score minus the other's."""
        pairs = zip(self.fits[BASE].scores, self.fits[name].scores, strict=True)
        return statistics.median(mine - other for mine, other in pairs)

    def ratio(self, name: str) -> float:
        """Return the median over the folds of how many times longer the other takes than gdcore."""
        pairs = zip(self.fits[BASE].seconds, self.fits[name].seconds, strict=True)
        return statistics.median(other / mine for mine, other in pairs)


def from_dict(values: dict[str, Any]) -> Result:
    """Return the result that `dataclasses.asdict` took apart."""
    fits = {name: Fits(**these) for name, these in values["fits"].items()}
    return Result(**{**values, "fits": fits})


def to_dicts(results: Iterable[Result]) -> list[dict[str, Any]]:
    """Return results ready for JSON."""
    return [asdict(result) for result in results]


def others(results: Iterable[Result]) -> list[str]:
    """Return the names of those that took part beside gdcore, in their order."""
    return [name for name in dict.fromkeys(name for result in results for name in result.fits) if name != BASE]


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the first quartile, the median and the third quartile.

    Examples
    --------
    >>> quartiles([4.0, 1.0, 2.0, 3.0, 2.0]), quartiles([7.0])
    ((2.0, 2.0, 3.0), (7.0, 7.0, 7.0))
    """
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high
