"""`python -m benchmarks estimators [--quick] [--datasets A,B] [--json FILE]`.

Design
------
- Both libraries get the same class name, parameters, seed and folds. Columns are standardized by the training rows, as
  are the targets of a regression. Scores are the accuracy or R^2 of the rows held out.
- The standard error is that of the mean over seeds and folds of the difference of the two scores; "within" says whether
  the mean difference is above minus one standard error.
- Times are of `fit` alone, in alternation. With `--quick` two seeds and three data sets show that it runs.
"""

import argparse
import json
import math
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gdcore.base.text_table import ruled
from gdcore.bench.machine import describe

from ..real.datasets import BINARY, CLASSES, REGRESSION, DataSet, load
from ..real.datasets import DATASETS as REAL

FOLDS, SEEDS, QUICK_SEEDS = 5, 10, 2
SHIPPED = (
    DataSet("sklearn", "digits", "target", CLASSES),
    DataSet("sklearn", "breast_cancer", "target", BINARY),
    DataSet("sklearn", "wine", "target", CLASSES),
    DataSet("sklearn", "iris", "target", CLASSES),
    DataSet("sklearn", "diabetes", "target", REGRESSION),
)
MORE = ("quakes", "Housing", "Salaries")
DATASETS = (*SHIPPED, *(dataset for dataset in REAL if dataset.name in MORE))
QUICK = ("breast_cancer", "iris", "diabetes")
CLASSIFIERS = {
    "MLPClassifier": [{}, {"solver": "sgd", "learning_rate_init": 0.01}, {"early_stopping": True}],
    "SGDClassifier": [{}, {"loss": "log_loss"}],
}
REGRESSORS = {
    "MLPRegressor": [{}, {"early_stopping": True}],
    "SGDRegressor": [{}, {"loss": "huber", "epsilon": 1.0}],
}


class Pair(NamedTuple):
    """Scores and seconds of both libraries on the same fold; gdcore's are first."""

    scores: tuple[float, float]
    seconds: tuple[float, float]


class Row(NamedTuple):
    """What is reported of one data set under one setting."""

    dataset: str
    estimator: str
    options: dict[str, Any]
    score: float
    difference: float
    error: float
    times: float

    @property
    def within(self) -> bool:
        """Whether gdcore's score is at most one standard error below scikit-learn's."""
        return self.difference >= -self.error


def both(name: str) -> tuple[type, type]:
    """Return gdcore's class of this name and scikit-learn's."""
    theirs = "sklearn.neural_network" if name.startswith("MLP") else "sklearn.linear_model"
    return getattr(import_module("gdcore.sklearn"), name), getattr(import_module(theirs), name)


def pairs(X: NDArray[Any], y: NDArray[Any], name: str, options: dict[str, Any], seeds: int) -> Iterator[Pair]:
    """Fit both libraries for each seed and fold."""
    selection = import_module("sklearn.model_selection")
    classes = name.endswith("Classifier")
    splitter = selection.StratifiedKFold if classes else selection.KFold
    for seed in range(seeds):
        for train, test in splitter(FOLDS, shuffle=True, random_state=seed).split(X, y):
            scaled = _standardized(X, train)
            target = y if classes else _standardized(y[:, None], train)[:, 0]
            scores, seconds = [], []
            for kind in both(name):
                model = kind(random_state=seed, **options)
                began = time.perf_counter()
                model.fit(scaled[train], target[train])
                seconds.append(time.perf_counter() - began)
                scores.append(float(model.score(scaled[test], target[test])))
            yield Pair((scores[0], scores[1]), (seconds[0], seconds[1]))


def _standardized(X: NDArray[Any], train: NDArray[Any]) -> NDArray[np.float64]:
    deviation = X[train].std(axis=0)
    found: NDArray[np.float64] = (X - X[train].mean(axis=0)) / np.where(deviation > 0, deviation, 1)
    return found


def measured(dataset: DataSet, seeds: int) -> Iterator[Row]:
    """Yield a row for each estimator and setting."""
    table = load(dataset)
    for name, settings in (CLASSIFIERS if dataset.kind.is_classes else REGRESSORS).items():
        for options in settings:
            found = list(pairs(table.X, table.y, name, options, seeds))
            scores = np.array([pair.scores for pair in found])
            difference = scores[:, 0] - scores[:, 1]
            seconds = np.array([pair.seconds for pair in found])
            yield Row(
                dataset.name,
                name,
                options,
                float(scores[:, 0].mean()),
                float(difference.mean()),
                float(difference.std(ddof=1) / math.sqrt(len(difference))),
                float(np.median(seconds[:, 1] / seconds[:, 0])),
            )


def report(rows: Sequence[Row]) -> str:
    """Return the rows as a table in plain text."""
    head = ("data", "estimator", "settings", "score", "difference", "std. error", "within", "time ratio")
    lines = [
        (
            row.dataset,
            row.estimator,
            ", ".join(f"{key}={value!r}" for key, value in row.options.items()) or "defaults",
            f"{row.score:.4f}",
            f"{row.difference:+.4f}",
            f"{row.error:.4f}",
            "yes" if row.within else "no",
            f"{row.times:.2f}x",
        )
        for row in rows
    ]
    return "\n".join(ruled(head, lines))


def main(arguments: Sequence[str]) -> int:
    """Run the suite; return the exit status."""
    parser = argparse.ArgumentParser("python -m benchmarks estimators", description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_SEEDS} seeds, {len(QUICK)} data sets")
    parser.add_argument("--datasets", help="names, separated by commas")
    parser.add_argument("--json", type=Path, help="file to write")
    given = parser.parse_args(arguments)
    names = given.datasets.split(",") if given.datasets else QUICK if given.quick else [d.name for d in DATASETS]
    chosen = [d for d in DATASETS if d.name in names and find_spec(d.package) is not None]
    seeds = QUICK_SEEDS if given.quick else SEEDS
    rows: list[Row] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for dataset in chosen:
            rows += measured(dataset, seeds)
    print(report(rows))
    missing = [name for name in names if name not in [d.name for d in chosen]]
    if missing:
        print(f"left out, since the package is missing or the name unknown: {', '.join(missing)}", file=sys.stderr)
    if given.json:
        found = {"machine": describe(), "folds": FOLDS, "seeds": seeds, "rows": [row._asdict() for row in rows]}
        given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0
