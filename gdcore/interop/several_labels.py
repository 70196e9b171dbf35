"""Whether a classifier gives a row one class or several labels, which its attributes alone do not tell."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np


def gives_several_labels(classifier: Any, n_features: int) -> bool:
    """Return whether a fitted classifier's predictions have several labels per sample, (n, k)."""
    row = np.zeros((1, n_features))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a fit on a data frame expects the names of its columns
        return np.ndim(classifier.predict(row)) > 1
