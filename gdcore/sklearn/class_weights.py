"""Class weights under the user's labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.class_weight import compute_sample_weight

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
    own = numbers if labels.kind == "multilabel" else labels.classes[numbers]
    found = compute_sample_weight(class_weight, own)
    if (found < 0).any():
        raise ValueError(f"class_weight must be >= 0, got {class_weight!r}")
    return found if weight is None else found * weight
