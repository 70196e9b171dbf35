"""The same fits by gdcore's estimators and by scikit-learn's, and how far their scores are apart.

Design
------
- Both libraries get the same class name, parameters, seed and folds. Columns are standardized by the training rows, as
  are the targets of a regression. Scores are the accuracy or R^2 of the rows held out.
- Differences are taken pair by pair: a pair is a seed and a fold. The standard error is that of their mean.
- The libraries draw other random numbers. So even two equal methods are more than one standard error apart, to the one
  side, in 16 of 100 rows. A row that is that far below is therefore measured again, with more seeds, none of which
  was used before: what was chance the first time is not there the second time.
- Times are of `fit` alone, each library in turn first, one thread, in CPU seconds of the process: other programs on the
  machine change them less.
"""

import math
import time
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import Any, Self, final

import numpy as np
from numpy.typing import NDArray

from gdcore.base.threads import num_threads

from ..real.datasets import DataSet, Table

FOLDS, SEEDS, AGAIN = 5, 10, 40


@final
@dataclass(frozen=True)
class Pair:
    """Scores and seconds of both libraries on the same fold; gdcore's are first."""

    scores: tuple[float, float]
    seconds: tuple[float, float]


@final
@dataclass(frozen=True)
class Difference:
    """gdcore's score minus scikit-learn's: mean over the pairs, its standard error, and the number of pairs."""

    mean: float
    error: float
    pairs: int

    @classmethod
    def of(cls, pairs: Iterable[Pair]) -> Self:
        """Return the difference of some pairs, two or more."""
        found = np.array([ours - theirs for ours, theirs in (pair.scores for pair in pairs)])
        return cls(float(found.mean()), float(found.std(ddof=1) / math.sqrt(len(found))), len(found))

    @property
    def within(self) -> bool:
        """Whether gdcore is at most one standard error below."""
        return self.mean >= -self.error


@final
@dataclass(frozen=True)
class Row:
    """A data set under one setting.

    Attributes
    ----------
    dataset, package, estimator : str
    options : dict
        The parameters that are not the defaults.
    scores : (float, float)
        Mean scores of gdcore and scikit-learn.
    difference : Difference
    again : Difference or None
        On other seeds, where `difference` was not within one standard error.
    ratio : float
        Median over the pairs of scikit-learn's time divided by gdcore's.
    """

    dataset: str
    package: str
    estimator: str
    options: dict[str, Any]
    scores: tuple[float, float]
    difference: Difference
    again: Difference | None
    ratio: float

    @property
    def within(self) -> bool:
        """Whether gdcore is at most one standard error below, where it was measured again: there."""
        return (self.difference if self.again is None else self.again).within

    def to_dict(self) -> dict[str, Any]:
        """Return the row as JSON has it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, saved: dict[str, Any]) -> Self:
        """Return a row from what `to_dict` returned, also after a way through JSON."""
        again = saved["again"]
        return cls(
            **{
                **saved,
                "scores": tuple(saved["scores"]),
                "difference": Difference(**saved["difference"]),
                "again": None if again is None else Difference(**again),
            }
        )


def both(name: str) -> tuple[type, type]:
    """Return gdcore's class of this name and scikit-learn's."""
    theirs = "sklearn.neural_network" if name.startswith("MLP") else "sklearn.linear_model"
    return getattr(import_module("gdcore.sklearn"), name), getattr(import_module(theirs), name)


def standardized(values: NDArray[Any], rows: NDArray[Any]) -> NDArray[np.float64]:
    """Return the values with the rows' mean subtracted, divided by their deviation where there is one."""
    deviation = values[rows].std(axis=0)
    found: NDArray[np.float64] = (values - values[rows].mean(axis=0)) / np.where(deviation > 1e-9, deviation, 1.0)
    return found


def pairs(data: Table, name: str, options: dict[str, Any], seeds: Iterable[int]) -> Iterator[Pair]:
    """Fit both libraries for each seed and fold."""
    selection = import_module("sklearn.model_selection")
    classes = name.endswith("Classifier")
    splitter = selection.StratifiedKFold if classes else selection.KFold
    for seed in seeds:
        for number, (train, test) in enumerate(splitter(FOLDS, shuffle=True, random_state=seed).split(data.X, data.y)):
            X = standardized(data.X, train)
            y = data.y if classes else standardized(data.y, train)
            found: list[tuple[float, float]] = [(0.0, 0.0), (0.0, 0.0)]
            for place in (0, 1) if number % 2 else (1, 0):
                model = both(name)[place](random_state=seed, **options)
                began = time.process_time()
                model.fit(X[train], y[train])
                seconds = time.process_time() - began
                found[place] = float(model.score(X[test], y[test])), seconds
            (ours, our_time), (theirs, their_time) = found
            yield Pair((ours, theirs), (our_time, their_time))


def compare(dataset: DataSet, data: Table, name: str, options: dict[str, Any], seeds: int, again: int = AGAIN) -> Row:
    """Return the row of a data set under one setting; `again` seeds more where gdcore is below, 0 for none."""
    with warnings.catch_warnings(), num_threads(1):
        warnings.simplefilter("ignore")
        found = list(pairs(data, name, options, range(seeds)))
        difference, second = Difference.of(found), None
        if again and not difference.within:
            second = Difference.of(pairs(data, name, options, range(seeds, seeds + again)))
    ours, theirs = np.mean([pair.scores for pair in found], axis=0)
    ratio = float(np.median([pair.seconds[1] / pair.seconds[0] for pair in found]))
    return Row(dataset.name, dataset.package, name, options, (float(ours), float(theirs)), difference, second, ratio)
