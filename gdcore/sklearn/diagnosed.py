"""A diagnosis in the words of the estimators: their arguments, and rates in scikit-learn's units."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..diagnosis.finding import Diagnosis
from ..diagnosis.rate_words import RateWords
from ..diagnosis.samples import imbalance_among
from ..optimizers import Optimizer
from ..schedules import Schedule
from .rows import Rows
from .targets import Labels

PHRASES: tuple[tuple[str, str], ...] = (
    (
        "put gdcore.ScaledTarget.from_data(y) last in the model, or fit (y - y.mean()) / y.std() and scale the "
        "predictions back",
        "TransformedTargetRegressor(estimator, transformer=StandardScaler()) does so",
    ),
    ("(Standardize)", "(StandardScaler)"),
    ("(Log1p)", "(numpy.log1p)"),
    ("stop=EarlyStopping(restore_best=True); l2,", "early_stopping=True; a larger alpha,"),
    ("pass class_weight='balanced' to fit, and to diagnose where fit had it;", "class_weight='balanced';"),
    ("as in gdcore.MLP", "as in MLPClassifier or MLPRegressor"),
    ("a larger learning_rate or Adam", "a larger rate or solver='adam'"),
    ("more epochs", "more epochs (max_iter)"),
)
"""What gdcore says in a remedy, and what an estimator says."""


LINEAR: tuple[tuple[str, str], ...] = (
    (" from new initial weights", ""),
    ("a larger rate or solver='adam', and another seed; then wider layers or relu", "a larger rate, or hidden layers"),
    ("alpha, dropout, a smaller model", "alpha, fewer columns"),
)
"""What is said to a linear model instead, whose coefficients begin with 0."""

IMBALANCE = "class imbalance"


def in_their_words(found: Diagnosis, *, linear: bool) -> Diagnosis:
    """Return a diagnosis whose remedies name the arguments of estimators, or of linear ones."""
    phrases = (*PHRASES, *(LINEAR if linear else ()))
    return Diagnosis(tuple(replace(finding, remedy=_translated(finding.remedy, phrases)) for finding in found.findings))


def _translated(text: str, phrases: tuple[tuple[str, str], ...]) -> str:
    for ours, theirs in phrases:
        text = text.replace(ours, theirs)
    return text


def of_classes(found: Diagnosis, labels: Labels, rows: Rows) -> Diagnosis:
    """Return a diagnosis that looks for rare classes among the user's labels.

    Where each class is compared with the rest, the outputs alone would show every class as a rare one.
    """
    if labels.kind == "multilabel":
        return found
    n, k = len(rows.y), len(labels.classes)
    columns = rows.y if rows.y.ndim == 2 else rows.y[:, None]
    if rows.y.ndim == 1:
        numbers = rows.y
    elif k <= 2:
        numbers = (columns[:, 0] > 0).astype(np.int64)
    else:
        numbers = columns[:, :k].argmax(axis=1)
    weight = np.ones(n) if rows.weight is None else rows.weight * (n / rows.weight.sum())
    counts = np.bincount(numbers, weight, k).astype(np.float64)
    others = tuple(finding for finding in found.findings if finding.kind != IMBALANCE)
    finding = imbalance_among(counts, n, labels.classes.tolist())
    return Diagnosis(others if finding is None else (*others, finding))


TENFOLD = "tenfold, for example"
FASTER = "learning_rate='constant', or one that falls more slowly"
BY_UPDATES = "a smaller power_t, or learning_rate='constant'"
BY_PLATEAU = "a larger n_iter_no_change, or learning_rate='constant'"
SLOWER = {"invscaling": BY_UPDATES, "adaptive": BY_PLATEAU, "optimal": FASTER, "constant": ""}
"""How each of scikit-learn's rates falls more slowly."""
LAST = "last_rate"
"""The name of a rate that no argument holds, since it changes."""


def network_words(solver: Any, learning_rate: Any, scale: float) -> RateWords:
    """Return how a user of `MLP*` says the rate; `scale` is gdcore's rate divided by theirs under plain SGD.

    Examples
    --------
    >>> network_words("sgd", "constant", 0.5).higher
    'raise learning_rate_init'
    """
    plain = isinstance(solver, str) and solver.lower() == "sgd"
    unit = 1 / scale if plain else 1.0
    if isinstance(learning_rate, Schedule):
        return _of_schedule(learning_rate, unit)
    if isinstance(solver, Optimizer):
        own = f"solver={type(solver).__name__}"
        return RateWords(
            "learning_rate", f"{own} with a smaller rate", f"{own} with a larger rate", f"{own}({{}})", TENFOLD
        )
    fixed = learning_rate == "constant" or not isinstance(solver, str) or solver.lower() == "adam"
    return RateWords(
        "learning_rate_init" if fixed else LAST,
        "a smaller learning_rate_init",
        "raise learning_rate_init",
        "learning_rate_init={}",
        TENFOLD,
        "" if fixed else SLOWER[learning_rate],
        unit,
    )


def linear_words(learning_rate: Any, scale: float) -> RateWords:
    """Return how a user of `SGD*` says the rate; `scale` is gdcore's rate divided by theirs.

    Examples
    --------
    >>> linear_words("optimal", 1.0).set_to(0.05)
    "learning_rate='constant', eta0=0.05"
    """
    if isinstance(learning_rate, Schedule):
        return _of_schedule(learning_rate, 1 / scale)
    if learning_rate == "optimal":
        other = "learning_rate='constant' with a"
        fixed = "learning_rate='constant', eta0={}"
        return RateWords(LAST, f"{other} smaller eta0", f"{other} larger eta0", fixed, TENFOLD, FASTER, 1 / scale)
    name = "eta0" if learning_rate == "constant" else LAST
    return RateWords(name, "a smaller eta0", "raise eta0", "eta0={}", TENFOLD, SLOWER[learning_rate], 1 / scale)


def _of_schedule(schedule: Schedule, unit: float) -> RateWords:
    """Return the words for a schedule of gdcore's, whose first argument is its rate."""
    own = f"learning_rate={type(schedule).__name__}"
    return RateWords(LAST, f"{own} of smaller rates", f"{own} of larger rates", f"{own}({{}}, …)", TENFOLD, unit=unit)
