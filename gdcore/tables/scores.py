"""Scores of predictions, beside those of a trivial baseline that sees no inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .numbers import figure
from .target import Target

Scores = dict[str, float]

NAMES = {
    "regression": ("r2", "mean_absolute_error", "root_mean_squared_error", "max_error"),
    "classification": ("accuracy", "balanced_accuracy", "f1_macro"),
}
"""The scores of each task."""

BETTER = 0.9995
"""Below this share of the baseline's error a model counts as better: R² is 0.001 then, ten of the last digit shown."""

CHOSE = "these rows also chose the epoch that is kept: on new rows expect a little less"
"""What to tell beside scores of rows that early stopping has used."""


def baseline_of(target: Target, y: NDArray[Any]) -> float:
    """Return what the baseline answers: the mean of the training targets, or the number of the most frequent class."""
    return float(y.mean()) if target.task == "regression" else float(np.bincount(y).argmax())


def baseline_name(target: Target, baseline: float) -> str:
    """Return what tables call the baseline."""
    return f"mean {figure(baseline)}" if target.task == "regression" else f"always {target.classes[int(baseline)]}"


def scores(target: Target, y: NDArray[Any], answers: NDArray[Any]) -> Scores:
    """Return the scores, by their names in scikit-learn, of answers (n,) to targets (n,).

    Examples
    --------
    >>> scores(Target("kind", "classification", ("a", "b")), np.array([0, 1, 1, 1]), np.array([0, 1, 1, 0]))
    {'accuracy': 0.75, 'balanced_accuracy': 0.8333333333333333, 'f1_macro': 0.7333333333333334}
    """
    return _of_numbers(y, answers) if target.task == "regression" else _of_classes(y, answers, len(target.classes))


def _of_numbers(y: NDArray[Any], answers: NDArray[Any]) -> Scores:
    error = np.asarray(answers, np.float64) - y
    spread = float(((y - y.mean()) ** 2).sum())
    return {
        "r2": 1 - float((error**2).sum()) / spread if spread else float("nan"),
        "mean_absolute_error": float(np.abs(error).mean()),
        "root_mean_squared_error": float(np.sqrt((error**2).mean())),
        "max_error": float(np.abs(error).max()),
    }


def _of_classes(y: NDArray[Any], answers: NDArray[Any], k: int) -> Scores:
    table = confusion(y, answers, k)
    right, true, said = np.diag(table), table.sum(axis=1), table.sum(axis=0)
    there, either = true > 0, true + said > 0
    return {
        "accuracy": float(right.sum() / len(y)),
        "balanced_accuracy": float((right[there] / true[there]).mean()),
        "f1_macro": float((2 * right[either] / (true + said)[either]).mean()),
    }


def confusion(y: NDArray[Any], answers: NDArray[Any], k: int) -> NDArray[np.int64]:
    """Return how often each class (rows) was answered by each (columns), shape (k, k)."""
    found: NDArray[np.int64] = np.bincount(y * k + answers.astype(np.int64), minlength=k * k).reshape(k, k)
    return found


def is_better(target: Target, model: Scores, trivial: Scores) -> bool:
    """Return whether a model's main score beats the baseline's; of an error by more than roundoff does.

    Examples
    --------
    >>> is_better(Target("kind", "classification", ("a", "b")), {"accuracy": 0.7}, {"accuracy": 0.6})
    True
    """
    if target.task == "classification":
        return model["accuracy"] > trivial["accuracy"]
    return model["root_mean_squared_error"] < BETTER * trivial["root_mean_squared_error"]
