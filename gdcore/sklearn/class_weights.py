"""Class weights under the user's labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight

from . import checks as sklearn_checks
from .targets import Labels


def class_weighted(class_weight: Any, labels: Labels, numbers: NDArray[Any], weight: Any, whole: bool) -> Any:
    """Return the sample weights (n,) times the weights of the samples' classes.

    Parameters
    ----------
    class_weight : "balanced", dict or None
        "balanced" counts with sample weights, so that a weight of 2 is the same as the row twice.
    labels : Labels
    numbers : ndarray
        Of the classes, as `Labels.taken` returns them.
    weight : ndarray, shape (n,), or None
    whole : bool
        Whether these are all data: only then do they say what is balanced.
    """
    if class_weight is None:
        return weight
    if isinstance(class_weight, str) and class_weight == "balanced":
        if not whole:
            raise sklearn_checks.balanced_part()
        if labels.kind != "multilabel":
            mass = np.bincount(numbers, weight)
            factors = mass.sum() / (np.count_nonzero(mass) * np.where(mass > 0, mass, 1))
            return factors[numbers] * (1.0 if weight is None else weight)
    if labels.kind == "multilabel":
        found = compute_sample_weight(class_weight, numbers)
    else:  # of all classes: a part need not have a row of each
        found = compute_class_weight(class_weight, classes=labels.classes, y=labels.classes)[numbers]
    if (found < 0).any():
        raise ValueError(f"class_weight must be >= 0, got {class_weight!r}")
    if whole and not found.any():
        raise ValueError(f"class_weight must be > 0 for at least one class of y, got {class_weight!r}")
    return found if weight is None else found * weight
